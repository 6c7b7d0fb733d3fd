"""Where a body ends: RFC 9112, sections 6 and 7; and how a connection ends in the middle of it."""

from __future__ import annotations

import socket
from typing import Final

from tests.targets import behaviours
from tests.targets.case import BAD_STATUS, BROKEN_OFF, HELLO, PROTOCOL, TOO_LARGE, UNANSWERED, UP, Case
from tests.targets.server import Behaviour, Connection, Target, answer, read_request, replies, reset

_SMALL: Final = "max_body_bytes: 200000"


def sized(*headers: bytes, body: bytes = b"hello") -> Behaviour:
    """Answers with nothing but these headers to tell where the body ends."""
    return replies(b"\r\n".join((b"HTTP/1.1 200 OK", *headers, b"", body)))


def chunked(chunks: bytes, coding: bytes = b"chunked", version: bytes = b"HTTP/1.1") -> Behaviour:
    return replies(version + b" 200 OK\r\nTransfer-Encoding: " + coding + b"\r\n\r\n" + chunks)


def resets_after(sent: bytes) -> Behaviour:
    """Answers with the beginning of something, and then with an RST."""

    def behaviour(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(sent)
        target.over.wait(0.05)
        reset(connection)

    return behaviour


def half_closes_after(sent: bytes) -> Behaviour:
    """Ends its own side after these bytes, and goes on listening."""

    def behaviour(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)

    return behaviour


def _answers_before_the_request(connection: Connection, target: Target) -> None:
    connection.sendall(answer(b"hello"))
    read_request(connection, target)


_WHOLE: Final = b"5\r\nhello\r\n0\r\n\r\n"
_OPEN_END: Final = b"HTTP/1.1 200 OK\r\n\r\n"

LENGTHS: Final = (
    Case("a length in words", behaviours.bad_content_length, PROTOCOL, "RFC 9112, 6.3"),
    Case("a length of 5,000 digits", behaviours.absurd_content_length, PROTOCOL, "RFC 9110, 8.6"),
    Case("a negative length", behaviours.negative_content_length, PROTOCOL, "RFC 9110, 8.6"),
    Case("a length with a sign", sized(b"Content-Length: +5"), PROTOCOL, "RFC 9110, 8.6"),
    Case("a length in hex", sized(b"Content-Length: 0x5"), PROTOCOL, "RFC 9110, 8.6"),
    Case("a length with a space in it", sized(b"Content-Length: 5 5"), PROTOCOL, "RFC 9110, 8.6"),
    Case("a length with a fraction", sized(b"Content-Length: 5.0"), PROTOCOL, "RFC 9110, 8.6"),
    Case("an empty length", sized(b"Content-Length:"), PROTOCOL, "RFC 9112, 6.3"),
    Case("two lengths", behaviours.two_content_lengths, PROTOCOL, "RFC 9112, 6.3"),
    Case("one length twice", sized(b"Content-Length: 5", b"Content-Length: 5"), PROTOCOL,
         "RFC 9110, 8.6: a reader may refuse it"),
    Case("two lengths in a list", sized(b"Content-Length: 5, 6"), PROTOCOL, "RFC 9110, 8.6"),
    Case("a length with zeros before it", sized(b"Content-Length: 0005"), UP, "RFC 9110, 8.6: 1*DIGIT", HELLO),
    Case("more promised than sent", behaviours.promises_more_than_it_sends, BROKEN_OFF, "RFC 9112, 8"),
    Case("more sent than promised", sized(b"Content-Length: 5", body=b"hello and more"), UP, "RFC 9112, 6.3", HELLO),
    Case("nothing promised and something sent", sized(b"Content-Length: 0"), UP, "RFC 9112, 6.3",
         "expect: {body: {equals: ''}}"),
    Case("a second response behind the first", replies(answer(b"hello") + answer(b"no", "500 No")), UP, "RFC 9112, 9.2",
         HELLO),
    Case("a huge length", behaviours.huge_content_length, TOO_LARGE, "INTERFACE: max_body_bytes"),
    Case("a body without end", behaviours.endless_body, TOO_LARGE, "INTERFACE: max_body_bytes", _SMALL),
    Case("a byte too many", replies(answer(b"x" * 1_001)), TOO_LARGE, "INTERFACE", "max_body_bytes: 1000"),
    Case("as many bytes as allowed", replies(answer(b"x" * 1_000)), UP, "INTERFACE", "max_body_bytes: 1000"),
    Case("a body that the connection ends", sized(), UP, "RFC 9112, 6.3, item 8", HELLO),
    Case("a body that HTTP/1.0 ends", replies(b"HTTP/1.0 200 OK\r\n\r\nhello"), UP, "RFC 9112, 6.3, item 8", HELLO),
    Case("no content, and a body", replies(b"HTTP/1.1 204 None\r\nContent-Length: 5\r\n\r\nhello"), UP,
         "RFC 9112, 6.3, item 1", "expect: {body: {equals: ''}}"),
    Case("HEAD, with a length", replies(answer(b"", length=10**9)), UP, "RFC 9112, 6.3, item 1", "method: HEAD"),
    Case("HEAD, with a body", replies(answer(b"hello")), UP, "RFC 9112, 6.3, item 1", "method: HEAD"),
)  # fmt: skip

CHUNKS: Final = (
    Case("chunks", chunked(b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), UP, "RFC 9112, 7.1", HELLO),
    Case("a chunk for every byte", chunked(b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n"), UP, "RFC 9112, 7.1",
         "expect: {body: {length: {equals: 20000}}}"),
    Case("chunks in capitals", chunked(b"A\r\nhellohello\r\n000\r\n\r\n", b"Chunked"), UP,
         "RFC 9112, 7: not case-sensitive",
         "expect: {body: {equals: hellohello}}"),
    Case("a chunk with zeros before its size", chunked(b"0000005\r\nhello\r\n0\r\n\r\n"), UP, "RFC 9112, 7.1", HELLO),
    Case("chunk extensions", chunked(b'5;a=b;c="d e"\r\nhello\r\n0\r\n\r\n'), UP, "RFC 9112, 7.1.1", HELLO),
    Case("trailers", chunked(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"), UP, "RFC 9112, 7.1.2", HELLO),
    Case("a length in the trailers", chunked(b"5\r\nhello\r\n0\r\nContent-Length: 99\r\n\r\n"), UP,
         "RFC 9110, 6.5.1: ignored", HELLO),
    Case("chunks and a length", sized(b"Content-Length: 3", b"Transfer-Encoding: chunked", body=_WHOLE), UP,
         "RFC 9112, 6.3, item 3: chunked counts", HELLO),
    Case("chunked twice", sized(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=_WHOLE), PROTOCOL,
         "RFC 9112, 6.1: not more than once"),
    Case("chunked twice in a list", chunked(_WHOLE, b"chunked, chunked"), PROTOCOL, "RFC 9112, 6.1"),
    Case("compressed for the transfer", chunked(_WHOLE, b"gzip, chunked"), PROTOCOL,
         "RFC 9112, 6.1: nobody asked for it"),
    Case("chunked before another coding", chunked(_WHOLE, b"chunked, gzip"), PROTOCOL, "RFC 9112, 6.1"),
    Case("an unknown transfer coding", behaviours.unknown_transfer_encoding, PROTOCOL, "RFC 9112, 6.1"),
    Case("the transfer coding identity", chunked(b"hello", b"identity"), PROTOCOL, "RFC 9112, 7: withdrawn"),
    Case("a transfer coding with a false letter", chunked(_WHOLE, b"xchunked"), PROTOCOL, "RFC 9112, 6.1"),
    Case("a size that is none", behaviours.bad_chunk_size, PROTOCOL, "RFC 9112, 7.1"),
    Case("a size with a sign", chunked(b"-5\r\nhello\r\n0\r\n\r\n"), PROTOCOL, "RFC 9112, 7.1"),
    Case("a size with 0x", chunked(b"0x5\r\nhello\r\n0\r\n\r\n"), PROTOCOL, "RFC 9112, 7.1"),
    Case("a size of 2**64 and 5", chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n"), PROTOCOL,
         "RFC 9112, 7.1: no overflow"),
    Case("an empty size", chunked(b"\r\nhello\r\n0\r\n\r\n"), PROTOCOL, "RFC 9112, 7.1"),
    Case("a chunk without its line end", behaviours.chunk_without_end, PROTOCOL, "RFC 9112, 7.1"),
    Case("line feeds between chunks", chunked(b"5\nhello\n0\n\n"), PROTOCOL, "RFC 9112, 7.1"),
    Case("a trailer that is none", chunked(b"5\r\nhello\r\n0\r\nno colon\r\n\r\n"), PROTOCOL, "RFC 9112, 7.1.2"),
    Case("no last chunk", behaviours.breaks_off_between_chunks, BROKEN_OFF, "RFC 9112, 8"),
    Case("no line end after the last chunk", chunked(b"5\r\nhello\r\n0\r\n"), BROKEN_OFF, "RFC 9112, 8"),
    Case("half a chunk", chunked(b"5\r\nhel"), BROKEN_OFF, "RFC 9112, 8"),
    Case("half a size", chunked(b"5"), BROKEN_OFF, "RFC 9112, 8"),
    Case("chunks without end", behaviours.endless_chunks, TOO_LARGE, "INTERFACE: max_body_bytes", _SMALL),
    Case("a chunk of 2**60", chunked(b"1000000000000000\r\n" + b"x" * 300_000), TOO_LARGE, "INTERFACE: max_body_bytes",
         _SMALL),
    Case("a chunk extension without end", behaviours.endless_chunk_extension, PROTOCOL, "RFC 9112, 7.1.1: a limit"),
    Case("trailers without end", behaviours.endless_trailers, PROTOCOL, "RFC 9110, 5.4: a limit"),
)  # fmt: skip

ENDINGS: Final = (
    Case("closes before the request", behaviours.closes_at_once, UNANSWERED, "RFC 9112, 8"),
    Case("closes after the request", behaviours.closes_after_request, UNANSWERED, "RFC 9112, 8"),
    Case("closes in its head", behaviours.breaks_off_in_its_head, BROKEN_OFF, "RFC 9112, 8"),
    Case("closes in its status line", replies(b"HTTP/1.1 2"), BROKEN_OFF, "RFC 9112, 8"),
    Case("closes after its head", replies(answer(b"", length=5)), BROKEN_OFF, "RFC 9112, 8"),
    Case("resets after the request", behaviours.resets_after_request, UNANSWERED, "RFC 9293, 3.5.2"),
    Case("resets in its status line", resets_after(b"HTT"), BROKEN_OFF, "RFC 9293, 3.5.2"),
    Case("resets in its head", behaviours.resets_in_its_head, BROKEN_OFF, "RFC 9293, 3.5.2"),
    Case("resets after its head", resets_after(answer(b"", length=5)), BROKEN_OFF, "RFC 9293, 3.5.2"),
    Case("resets in its body", behaviours.resets_in_its_body, BROKEN_OFF, "RFC 9293, 3.5.2"),
    Case("resets in a body that the connection ends", resets_after(_OPEN_END + b"hel"), BROKEN_OFF, "RFC 9112, 8"),
    Case("resets between chunks", resets_after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"),
         BROKEN_OFF, "RFC 9112, 8"),
    Case("resets after many bytes", resets_after(answer(b"x" * 200_000, length=300_000)), BROKEN_OFF,
         "RFC 9293, 3.5.2"),
    Case("resets after a whole long answer", resets_after(answer(b"x" * 50_000)), UP, "RFC 9112, 6.3: it was whole",
         "expect: {body: {length: {equals: 50000}}}"),
    Case("resets after a whole answer", resets_after(answer(b"hello")), UP, "RFC 9112, 6.3: it was whole", HELLO),
    Case("half closes without an answer", half_closes_after(b""), UNANSWERED, "RFC 9112, 9.6"),
    Case("half closes in its head", half_closes_after(b"HTTP/1.1 200 OK\r\nX"), BROKEN_OFF, "RFC 9112, 8"),
    Case("half closes to end its body", half_closes_after(_OPEN_END + b"hello"), UP, "RFC 9112, 6.3, item 8", HELLO),
    Case("answers before it is asked", _answers_before_the_request, UP, "RFC 9112, 9.2: nothing else was said", HELLO),
    Case("a 500 that breaks off", replies(answer(b"hel", "500 No", length=5)), BAD_STATUS,
         "INTERFACE: the status counts before the body"),
)  # fmt: skip

CASES: Final = (*LENGTHS, *CHUNKS, *ENDINGS)
