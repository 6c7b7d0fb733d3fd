"""Time: targets that never come to an end, and some that only take a while. One timeout is for all of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

from tests.targets import behaviours
from tests.targets.case import DEGRADED, FALSE, FLOODED_S, HANGING_S, HELLO, UP, Case, Truth, late
from tests.targets.server import Behaviour, Connection, Target, answer, read_request

_PROMISE: Final = "INTERFACE: timeout, one attempt, whole"
_CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_PAUSE_S: Final = 0.05


def stalls_after(sent: bytes) -> Behaviour:
    """Answers with the beginning of something, and then with silence until the other side leaves."""

    def behaviour(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(sent)
        while connection.recv(65_536):
            pass

    return behaviour


def pauses(*pieces: bytes) -> Behaviour:
    """Sends these pieces with pauses before each of them."""

    def behaviour(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        for piece in pieces:
            target.over.wait(_PAUSE_S)
            connection.sendall(piece)

    return behaviour


def drips(pieces: Iterator[bytes] | tuple[bytes, ...]) -> Behaviour:
    """Sends these pieces, and the last one again and again."""
    first = tuple(pieces)

    def behaviour(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        for piece in itertools.chain(first, itertools.repeat(first[-1])):
            connection.sendall(piece)
            if target.over.wait(behaviours.DRIP_PAUSE_S):
                return

    return behaviour


def _redirects_slowly(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    target.over.wait(_PAUSE_S)
    connection.sendall(answer(status="302 Found", headers=(f"Location: /{len(target.requests)}",)))


def _redirects_into_silence(connection: Connection, target: Target) -> None:
    if b"/quiet" in read_request(connection, target):
        connection.recv(1)
    connection.sendall(answer(status="302 Found", headers=("Location: /quiet",)))


_BEHAVIOURS: Final[tuple[tuple[str, Behaviour, Truth, str], ...]] = (
    ("silence", behaviours.silent, late("processing"), ""),
    ("never reads", behaviours.never_reads, late("processing"), ""),
    ("drips its head", behaviours.drips_its_head, late("transfer"), ""),
    ("drips headers", behaviours.drips_headers, late("transfer"), ""),
    ("drips its body", behaviours.drips_its_body, late("transfer"), ""),
    ("drips chunks", behaviours.drips_chunks, late("transfer"), ""),
    ("drips its status line", drips((b"H", b"T", b"T", b"P", b"/", b"1", b".", b"1", b" ", b"200 ", b"O")),
     late("transfer"), ""),
    ("drips interim responses", drips((b"HTTP/1.1 103 Early Hints\r\n\r\n",)), late("transfer"), ""),
    ("drips trailers", drips((_CHUNKED + b"0\r\n", b"X: a\r\n")), late("transfer"), ""),
    ("drips a chunk extension", drips((_CHUNKED + b"5;", b"x")), late("transfer"), ""),
    ("stalls in its head", stalls_after(b"HTTP/1.1 200 OK\r\nConte"), late("transfer"), ""),
    ("stalls after its head", stalls_after(answer(b"", length=5)), late("transfer"), ""),
    ("stalls in its body", stalls_after(answer(b"hel", length=5)), late("transfer"), ""),
    ("stalls before the last chunk", stalls_after(_CHUNKED + b"5\r\nhello\r\n"), late("transfer"), ""),
    ("stalls where the connection would end its body", stalls_after(b"HTTP/1.1 200 OK\r\n\r\nhello"),
     late("transfer"), ""),
    ("stalls after an interim response", stalls_after(b"HTTP/1.1 100 Continue\r\n\r\n"), late("transfer"), ""),
    ("redirects slowly for ever", _redirects_slowly, Truth("down", "timeout"), "max_redirects: 100"),
    ("redirects into silence", _redirects_into_silence, late("processing"), ""),
)  # fmt: skip

CASES: Final = (
    *(Case(name, behaviour, truth, _PROMISE, keys, timeout_s=HANGING_S)
      for name, behaviour, truth, keys in _BEHAVIOURS),
    Case("tiny chunks within the limit", behaviours.endless_tiny_chunks, late("transfer"), _PROMISE,
         "max_body_bytes: 1000000000", timeout_s=FLOODED_S),
    Case("a connection that nobody accepts", behaviours.ok, Truth("down", "connect_timeout", "connect"), _PROMISE,
         url="http://127.0.0.1:{full}/", timeout_s=HANGING_S),
    Case("thinks for a while", pauses(answer(b"hello")), UP, _PROMISE, HELLO),
    Case("comes in pieces", pauses(b"HTT", b"P/1.1 200 OK\r", b"\nContent-Length", b": 5\r\n\r", b"\nhe", b"llo"), UP,
         "RFC 9112, 2: a stream has no pieces", HELLO),
    Case("slower than its SLA", pauses(answer(b"hello")), DEGRADED, "INTERFACE: sla_ms", "sla_ms: 40"),
    Case("slower than it is expected to be", pauses(answer(b"hello")), FALSE, "INTERFACE: expect.total_ms",
         "expect: {total_ms: {less_than: 40}}"),
)  # fmt: skip
