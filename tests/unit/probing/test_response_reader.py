"""Responses in one piece and byte by byte, and what is no response."""

from __future__ import annotations

import pytest

from apistatus.probing.exchange_errors import NotHttp
from apistatus.probing.response_reader import MAX_HEAD_BYTES, MAX_HEADERS, ResponseReader

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def _read(*pieces: bytes, only_head: bool = False) -> tuple[ResponseReader, bytes]:
    reader = ResponseReader(only_head=only_head)
    return reader, b"".join([reader.feed(piece) for piece in pieces])


def _bytes(data: bytes) -> list[bytes]:
    return [bytes((byte,)) for byte in data]


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize(
    ("response", "body", "goes_on"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", True),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b"", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
        (CHUNKED + b"2;ext=1\r\nok\r\n0\r\nTrailer: x\r\n\r\n", b"ok", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n" + CHUNKED[17:] + b"2\r\nok\r\n0\r\n\r\n", b"ok", None),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
            b"",
            True,
        ),
        (b"HTTP/1.1 304 Same\r\nContent-Length: 50\r\n\r\n", b"", True),
        (
            b"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok",
            b"ok",
            None,
        ),
    ],
    ids=["length", "empty", "close", "1.0", "chunks", "both", "interim", "304", "upgrade-offered"],
)
def test_a_response_is_whole_at_its_end(
    response: bytes, body: bytes, goes_on: bool | None, cut: bool
) -> None:
    reader, read = _read(*_bytes(response)) if cut else _read(response)
    assert (reader.is_whole, read) == (True, body)
    assert not reader.ends_with_connection
    if goes_on is not None:
        assert reader.can_go_on == goes_on


def test_status_version_and_headers_are_those_of_the_final_response() -> None:
    reader, _ = _read(b"HTTP/1.1 103 Early\r\nA: early\r\n\r\nHTTP/1.1 404 No\r\nA: late\r\na: b\r\n\r\n")
    assert (reader.status, reader.version) == (404, "1.1")
    assert reader.header(b"a") == "late, b"
    assert reader.header(b"c") is None
    assert reader.ends_with_connection
    assert not reader.is_whole


def test_a_head_request_is_answered_by_a_head_alone() -> None:
    reader, body = _read(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", only_head=True)
    assert (reader.is_whole, reader.has_body, body) == (True, False, b"")


def test_bytes_after_the_end_are_ignored_but_end_the_connection() -> None:
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    for reader, body in (
        _read(response + b"garbage"),
        _read(response, b"garbage"),
        _read(response + response),
    ):
        assert (body, reader.is_whole) == (b"ok", True)
    reader, _ = _read(response)
    assert reader.can_go_on
    reader.close()
    reader.feed(b"x")
    assert not reader.can_go_on


def test_an_answer_is_shown_without_half_a_word() -> None:
    reader = ResponseReader(only_head=False)
    with pytest.raises(NotHttp, match=r"^its answer begins with b'GET'$"):
        reader.feed(b"GET /status/s3cret-value-of-more-than-forty-bytes HTTP/1.1")


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "its answer begins with"),
        (b"HTTP/1.1 twohundred OK\r\n\r\n", "Invalid status code"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "it answers in HTTP/2.0"),
        (b"HTTP/1.1 099 OK\r\n\r\n", "tatus"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nabc", "switches to another protocol"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "CR"),
        (b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", "Invalid header value"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "Invalid header token"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "its transfer encoding is"),
        (CHUNKED.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"), "chunked more than once"),
        (b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", "space after start line"),
        (CHUNKED + b"zz\r\n", "Invalid character in chunk size"),
    ],
    ids=["ssh", "word", "2.0", "099", "101", "bare-lf", "nul", "no-colon", "two-lengths", "huge", "gzip",
         "chunked-twice",
         "space-first", "chunk"],
)  # fmt: skip
def test_what_is_not_http_is_refused_and_says_why(response: bytes, says: str) -> None:
    with pytest.raises(NotHttp, match=says):
        _read(response)
    with pytest.raises(NotHttp):
        _read(*_bytes(response))


@pytest.mark.parametrize(
    ("start", "piece", "says"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n", "more than 1000 headers"),
        (b"HTTP/1.1 200 OK\r\n", b"A: " + b"b" * 500 + b"\r\n", "before any final status"),
        (b"HTTP/1.1 200 OK\r\nA: ", b"x", "before any final status"),
        (b"", b"HTTP/1.1 103 Early\r\n\r\n", "before any final status"),
        (CHUNKED + b"1;", b"x", "between two pieces of its body"),
        (CHUNKED + b"0\r\n", b"A: b\r\n", "between two pieces of its body"),
    ],
    ids=["headers", "long-headers", "header", "interim", "extension", "trailers"],
)
def test_what_never_comes_to_the_point_is_given_up(start: bytes, piece: bytes, says: str) -> None:
    reader = ResponseReader(only_head=False)
    block = piece * (4_096 // len(piece))
    blocks = [start + block, *[block] * (2 * MAX_HEAD_BYTES // len(block))]
    with pytest.raises(NotHttp, match=says):
        list(map(reader.feed, blocks))


def test_a_folded_header_is_one_line_and_the_body_below_it_stays_as_it_is() -> None:
    body = b"a\r\n b"
    head = b"HTTP/1.1 200 OK\r\nA: b\r\n \tc\r\n d\r\nContent-Length: 5\r\n\r\n"
    reader, read = _read(head + body)
    assert (reader.header(b"a"), read) == ("b c d", body[:5])
    reader, read = _read(head, body)
    assert (reader.header(b"a"), read) == ("b c d", body[:5])


def test_spaces_and_tabs_around_a_value_are_not_of_it() -> None:
    reader, _ = _read(b"HTTP/1.1 200 OK\r\nA:\t b\tc \t\r\nB: \t\r\nContent-Length: 0\r\n\r\n")
    assert (reader.header(b"a"), reader.header(b"b")) == ("b\tc", "")


def test_as_many_headers_as_there_may_be_are_read() -> None:
    lines = b"A: b\r\n" * (MAX_HEADERS - 1)
    reader, _ = _read(b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 0\r\n\r\n")
    assert (reader.is_whole, len(reader.headers)) == (True, MAX_HEADERS)
