"""Status lines and headers: RFC 9112 (HTTP/1.1) and RFC 9110 (HTTP semantics)."""

from __future__ import annotations

from typing import Final

from tests.targets import behaviours
from tests.targets.case import BAD_STATUS, BROKEN_OFF, HELLO, PROTOCOL, UP, Case, Truth
from tests.targets.server import Behaviour, answer, replies

_SETTINGS: Final = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""The first frame of an HTTP/2 server (RFC 9113, 3.4)."""


def line(status_line: bytes) -> Behaviour:
    """Answers `hello` under this status line."""
    return replies(status_line + b"\r\nContent-Length: 5\r\n\r\nhello")


def headers(*lines: bytes) -> Behaviour:
    """Answers `hello` with these lines among the headers."""
    return replies(b"\r\n".join((b"HTTP/1.1 200 OK", *lines, b"Content-Length: 5", b"", b"hello")))


def after(*interim: bytes) -> Behaviour:
    """Answers `hello` after these interim responses."""
    return replies(b"".join(interim) + answer(b"hello"))


def status(code: int, words: str = "Whatever") -> Behaviour:
    return replies(answer(b"hello", f"{code} {words}"))


STATUS_LINES: Final = (
    Case("HTTP/0.9", behaviours.http_0_9, PROTOCOL, "RFC 9112, 4"),
    Case("SSH", behaviours.another_protocol, PROTOCOL, "RFC 9112, 4"),
    Case("HTTP/2 in clear", replies(_SETTINGS), PROTOCOL, "RFC 9113, 3.3: only by prior knowledge"),
    Case("nothing but bytes", replies(bytes(range(256))), PROTOCOL, "RFC 9112, 4"),
    Case("HTTP/9.9", behaviours.impossible_version, PROTOCOL, "RFC 9110, 2.5"),
    Case("HTTP/2 in a status line", line(b"HTTP/2 200 OK"), PROTOCOL, "RFC 9112, 2.3"),
    Case("HTTP/1 without a minor version", line(b"HTTP/1 200 OK"), PROTOCOL, "RFC 9112, 2.3"),
    Case("http in lower case", line(b"http/1.1 200 OK"), PROTOCOL, "RFC 9112, 2.3: case-sensitive"),
    Case("ICY", line(b"ICY 200 OK"), PROTOCOL, "RFC 9112, 2.3"),
    Case("HTTP/1.0", line(b"HTTP/1.0 200 OK"), UP, "RFC 9110, 2.5", HELLO),
    Case("a status in words", behaviours.bad_status, PROTOCOL, "RFC 9112, 4"),
    Case("a status of four digits", line(b"HTTP/1.1 2000 OK"), PROTOCOL, "RFC 9112, 4"),
    Case("a status of two digits", line(b"HTTP/1.1 20 OK"), PROTOCOL, "RFC 9112, 4"),
    Case("a status below 100", line(b"HTTP/1.1 099 OK"), PROTOCOL, "RFC 9110, 15"),
    Case("a negative status", line(b"HTTP/1.1 -200 OK"), PROTOCOL, "RFC 9112, 4"),
    Case("no status at all", line(b"HTTP/1.1 "), PROTOCOL, "RFC 9112, 4"),
    Case("no reason phrase", line(b"HTTP/1.1 200 "), UP, "RFC 9112, 4", HELLO),
    Case("no space after the status", line(b"HTTP/1.1 200"), UP, "RFC 9112, 4: a robust reader", HELLO),
    Case("a reason phrase in Latin-1", line("HTTP/1.1 200 schön".encode("latin-1")), UP, "RFC 9112, 4", HELLO),
    Case("NUL in the reason phrase", line(b"HTTP/1.1 200 O\0K"), UP, "RFC 9112, 4: a client ignores what it says",
         HELLO),
    Case("an empty line before the status", replies(b"\r\n" + answer(b"hello")), PROTOCOL, "RFC 9112, 2.2"),
    Case("a status line without end", behaviours.endless_status_line, PROTOCOL, "RFC 9110, 2.3: a limit"),
)  # fmt: skip

STATUSES: Final = (
    Case("500", status(500), BAD_STATUS, "RFC 9110, 15.6.1"),
    Case("404", status(404), BAD_STATUS, "RFC 9110, 15.5.5"),
    Case("401 without a challenge", status(401), BAD_STATUS, "RFC 9110, 15.5.2"),
    Case("407 from no proxy", status(407), BAD_STATUS, "RFC 9110, 15.5.8"),
    Case("418", status(418), BAD_STATUS, "RFC 9110, 15.5.19"),
    Case("503 with Retry-After", replies(answer(b"", "503 Soon", ("Retry-After: 99999",))), BAD_STATUS,
         "RFC 9110, 10.2.3: not waited for"),
    Case("600", status(600), BAD_STATUS, "RFC 9110, 15: outside of the five classes"),
    Case("999", status(999), BAD_STATUS, "RFC 9110, 15"),
    Case("304 unasked", replies(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), BAD_STATUS,
         "RFC 9110, 15.4.5"),
    Case("300 with choices", replies(answer(b"hello", "300 Choose", ("Location: /there",))), BAD_STATUS,
         "RFC 9110, 15.4.1: not followed by itself"),
    Case("305 to a proxy", replies(answer(b"", "305 Use Proxy", ("Location: http://127.0.0.1:1/",))), BAD_STATUS,
         "RFC 9110, 15.4.6: deprecated, never followed"),
    Case("a 500 that was expected", status(500), UP, "INTERFACE: expect.status", "expect: {status: 500}"),
    Case("a 200 where 404 was expected", status(200), BAD_STATUS, "INTERFACE: expect.status", "expect: {status: 404}"),
    Case("a 500 with an endless body", replies(answer(b"", "500 No", length=10**15)),
         Truth("down", "status", "processing"), "INTERFACE: the status counts before the body"),
)  # fmt: skip

HEADERS: Final = (
    Case("bare line feeds", replies(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"), PROTOCOL,
         "RFC 9112, 2.2: a reader may refuse them, and smuggling begins with them"),
    Case("a bare carriage return", headers(b"X: a\rb"), PROTOCOL, "RFC 9112, 2.2"),
    Case("NUL in a header", behaviours.nul_in_header, PROTOCOL, "RFC 9110, 5.5"),
    Case("a control character in a header", headers(b"X: a\x01b"), PROTOCOL, "RFC 9110, 5.5"),
    Case("NUL in the name of a header", headers(b"X\0: a"), PROTOCOL, "RFC 9110, 5.1"),
    Case("a header without colon", behaviours.header_without_colon, PROTOCOL, "RFC 9112, 5"),
    Case("a header without name", headers(b": a"), PROTOCOL, "RFC 9112, 5"),
    Case("a space in the name of a header", headers(b"X Y: a"), PROTOCOL, "RFC 9110, 5.1"),
    Case("a space before the colon", headers(b"X : a"), PROTOCOL, "RFC 9112, 5.1"),
    Case("a space before the first header", headers(b" X: a"), PROTOCOL, "RFC 9112, 2.2"),
    Case("a folded header", headers(b"X: a", b"  b"), UP, "RFC 9112, 5.2: read as spaces",
         "expect: {headers: {x: {matches: '^a +b$'}}}"),
    Case("bytes above 127 in a header", headers("X: grün".encode("latin-1")), UP, "RFC 9110, 5.5: obs-text",
         "expect: {headers: {x: {equals: grün}}}"),
    Case("a tab around a value", headers(b"X:\ta\t"), UP, "RFC 9112, 5.1",
         "expect: {headers: {x: {equals: a}}}"),
    Case("no header at all", replies(b"HTTP/1.1 200 OK\r\n\r\nhello"), UP, "RFC 9112, 6.3", HELLO),
    Case("1,000 headers", headers(*[b"X: a"] * 999), UP, "RFC 9110, 5.4: within our limit", HELLO),
    Case("10,000 headers", headers(*[b"X: a"] * 10_000), PROTOCOL, "RFC 9110, 5.4: a limit"),
    Case("100 kB in one header", headers(b"X: " + b"a" * 100_000), UP, "RFC 9110, 5.4: within our limit", HELLO),
    Case("1 MB in one header", headers(b"X: " + b"a" * 1_000_000), PROTOCOL, "RFC 9110, 5.4: a limit"),
    Case("1 MB as the name of a header", headers(b"X" * 1_000_000 + b": a"), PROTOCOL, "RFC 9110, 5.4"),
    Case("100,000 headers", headers(*[b"X: a"] * 100_000), PROTOCOL, "RFC 9110, 5.4: a limit"),
    Case("headers without end", behaviours.endless_headers, PROTOCOL, "RFC 9110, 5.4"),
    Case("a header line without end", behaviours.endless_header_line, PROTOCOL, "RFC 9110, 5.4"),
    Case("garbage without end", behaviours.endless_garbage, PROTOCOL, "RFC 9112, 4"),
)  # fmt: skip

INTERIM: Final = (
    Case("continue, unasked", after(b"HTTP/1.1 100 Continue\r\n\r\n"), UP, "RFC 9110, 15.2", HELLO),
    Case("early hints twice", after(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * 2), UP, "RFC 8297", HELLO),
    Case("an unknown interim response", after(b"HTTP/1.1 199 Hm\r\n\r\n"), UP, "RFC 9110, 15.2", HELLO),
    Case("an interim response with a length", after(b"HTTP/1.1 103 Hm\r\nContent-Length: 5\r\n\r\n"), UP,
         "RFC 9110, 8.6: it has none all the same", HELLO),
    Case("another protocol, unasked", replies(b"HTTP/1.1 101 Ok\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
         PROTOCOL, "RFC 9110, 15.2.2"),
    Case("interim responses without end", behaviours.flood_of_interim_responses, PROTOCOL, "RFC 9110, 15.2: a limit"),
    Case("an interim response and no other", replies(b"HTTP/1.1 103 Early Hints\r\n\r\n"), BROKEN_OFF,
         "RFC 9110, 15.2"),
)  # fmt: skip

CASES: Final = (*STATUS_LINES, *STATUSES, *HEADERS, *INTERIM)
