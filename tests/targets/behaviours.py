"""The behaviours. Each is named after what it does to whoever checks it."""

from __future__ import annotations

import gzip
import itertools
import zlib

from tests.targets.server import Behaviour, Connection, Target, answer, read_request, replies, reset

DRIP_PAUSE_S = 0.02


def ok(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    connection.sendall(answer(b'{"value": 1.50}', headers=("Content-Type: application/json",)))


def silent(connection: Connection, target: Target) -> None:
    """Takes the request and never says a word, until the other side leaves."""
    read_request(connection, target)
    while connection.recv(65_536):
        pass


def never_reads(connection: Connection, target: Target) -> None:
    """Leaves the request in the buffers, until they are full."""
    target.over.wait()


def drips_its_head(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    _drip(connection, target, itertools.chain(b"HTTP/1.1 200 OK\r\nX-Slow: ", itertools.repeat(ord("x"))))


def drips_headers(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not target.over.wait(DRIP_PAUSE_S):
        connection.sendall(b"X-More: of it\r\n")


def drips_its_body(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    connection.sendall(answer(b"", length=1_000_000))
    _drip(connection, target, itertools.repeat(ord("x")))


def drips_chunks(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    connection.sendall(_CHUNKED_HEAD)
    while not target.over.wait(DRIP_PAUSE_S):
        connection.sendall(b"1\r\nx\r\n")


def _drip(
    connection: Connection, target: Target, source: itertools.chain[int] | itertools.repeat[int]
) -> None:
    for byte in source:
        if target.over.wait(DRIP_PAUSE_S):
            return
        connection.sendall(bytes((byte,)))


def _floods(start: bytes, piece: bytes) -> Behaviour:
    def behaviour(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(start)
        block = piece * max(1, 65_536 // len(piece))
        while not target.over.is_set():
            connection.sendall(block)

    return behaviour


_CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

endless_headers = _floods(b"HTTP/1.1 200 OK\r\n", b"X-More: of it\r\n")
endless_header_line = _floods(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x")
endless_status_line = _floods(b"HTTP/1.1 200 ", b"x")
endless_body = _floods(b"HTTP/1.1 200 OK\r\n\r\n", b"x")
endless_chunks = _floods(_CHUNKED_HEAD, b"4\r\nxxxx\r\n")
endless_tiny_chunks = _floods(_CHUNKED_HEAD, b"1\r\nx\r\n")
endless_chunk_extension = _floods(_CHUNKED_HEAD + b"1;", b"x")
endless_trailers = _floods(_CHUNKED_HEAD + b"0\r\n", b"X-More: of it\r\n")
flood_of_interim_responses = _floods(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")
endless_garbage = _floods(b"", b"\x00\xff\r\n")

http_0_9 = replies(b"<html>hello</html>\n")
another_protocol = replies(b"SSH-2.0-OpenSSH_9.2p1\r\n")
impossible_version = replies(b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n")
bad_status = replies(b"HTTP/1.1 twohundred OK\r\nContent-Length: 0\r\n\r\n")
nul_in_header = replies(b"HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\nContent-Length: 0\r\n\r\n")
header_without_colon = replies(b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n")
bad_content_length = replies(b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n0123456789")
two_content_lengths = replies(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc")
negative_content_length = replies(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc")
unknown_transfer_encoding = replies(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\nuryyb")
bad_chunk_size = replies(_CHUNKED_HEAD + b"zz\r\nhello\r\n0\r\n\r\n")
chunk_without_end = replies(_CHUNKED_HEAD + b"5\r\nhelloXX0\r\n\r\n")

promises_more_than_it_sends = replies(answer(b"short", length=1_000))
sends_more_than_it_promises = replies(answer(b"okokokok", length=2))
breaks_off_between_chunks = replies(_CHUNKED_HEAD + b"5\r\nhello\r\n")
breaks_off_in_its_head = replies(b"HTTP/1.1 200 OK\r\nContent-Le")
closes_after_request = replies(b"")
huge_content_length = replies(answer(b"", length=10**18))
absurd_content_length = replies(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n")


def closes_at_once(connection: Connection, target: Target) -> None:
    """Nothing is read, nothing is sent."""


def resets_after_request(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    reset(connection)


def resets_in_its_head(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
    target.over.wait(0.05)
    reset(connection)


def resets_in_its_body(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    connection.sendall(answer(b"begin", length=1_000))
    target.over.wait(0.05)
    reset(connection)


def _encoded(coding: str, body: bytes) -> bytes:
    return answer(body, headers=(f"Content-Encoding: {coding}",))


def _bomb(wbits: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _ in range(64)) + packer.flush()


gzip_bomb = replies(_encoded("gzip", _bomb(31)))
deflate_bomb = replies(_encoded("deflate", _bomb(15)))
gzip_bomb_in_gzip = replies(_encoded("gzip, gzip", gzip.compress(_bomb(31))))
broken_gzip = replies(_encoded("gzip", b"this is no gzip at all"))
gzip_cut_short = replies(_encoded("gzip", gzip.compress(b"hello" * 1_000)[:-12]))
gzip_many_times_over = replies(_encoded(", ".join(["gzip"] * 50), b"x"))
brotli = replies(_encoded("br", b"\x0b\x02\x80hello\x03"))
