"""HTTP/2: a server that does what the standard allows, and servers that do not."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Final

from h2.errors import ErrorCodes

from apistatus.model.result import FailureKind
from tests.targets import behaviours, http2
from tests.targets.case import HANGING_S, HELLO, TOO_LARGE, UNTRUSTED, UP, Case, Truth
from tests.targets.http2 import OK, Peer, once, speaks
from tests.targets.server import Behaviour, Connection, Target, replies, reset

_H2: Final = "http_version: 2"
_READ: Final = f"{_H2}, {HELLO}"
_TLS: Final = "tls: {ca_file: '{folder}/ca.pem'}"
_NOT_HTTP2: Final = Truth("down", "protocol", "processing")
_BAD_BODY: Final = Truth("down", "protocol", "transfer")
_BROKEN_OFF: Final = Truth("down", "disconnected", "transfer")
_UNANSWERED: Final = Truth("down", "disconnected", "processing")
_NO_ALPN: Final = Truth("down", "protocol", "tls")
# HPACK (RFC 7541, appendix A): `:status: 200` by its index, and a literal without a name of the table.
_STATUS_200: Final = b"\x88"
_LONG: Final = b"\x00\x01x\x7f" + b"\xc1\x99\x0c" + b"y" * 200_000
_FRAME_BYTES: Final = 16_384


def _literal(name: bytes, value: bytes) -> bytes:
    return b"\x00%c%b%c%b" % (len(name), name, len(value), value)


def _hello(peer: Peer) -> None:
    peer.answer((*OK, ("content-length", "5")), b"hello")


def _headers(block: bytes, *, flags: int = http2.END_HEADERS | http2.END_STREAM) -> Behaviour:
    """One that answers with this header block as it is, in as many frames as it takes."""

    def answer(peer: Peer) -> None:
        pieces = [block[at : at + _FRAME_BYTES] for at in range(0, len(block), _FRAME_BYTES)]
        for number, piece in enumerate(pieces):
            is_last = number + 1 == len(pieces)
            kind = http2.CONTINUATION if number else http2.HEADERS
            peer.frame(kind, piece, flags=flags if is_last else flags & ~http2.END_HEADERS)

    return once(answer)


def _begins(then: Callable[[Peer], None]) -> Behaviour:
    """One that answers with a head and a part of its body, and goes on with `then`."""

    def answer(peer: Peer) -> None:
        peer.answer((*OK, ("content-length", "10")), b"hello", ends=False)
        then(peer)

    return once(answer)


def _ends(kind: int, code: int, last_stream: int | None = None) -> Callable[[Peer], None]:
    """http2.RST_STREAM, or http2.GOAWAY that names the last stream."""
    last = b"" if last_stream is None else last_stream.to_bytes(4)
    return lambda peer: peer.frame(kind, last + code.to_bytes(4), stream=0 if kind == http2.GOAWAY else None)


def _waits(peer: Peer) -> None:
    while peer.connection.recv(65_536):
        pass


def _says_goodbye_first(peer: Peer) -> None:
    """As servers do that are being stopped: the last stream is this one, and its response follows."""
    _ends(http2.GOAWAY, ErrorCodes.NO_ERROR, 2**31 - 1)(peer)
    _ends(http2.GOAWAY, ErrorCodes.NO_ERROR, peer.stream)(peer)
    _hello(peer)


def _informs_first(peer: Peer) -> None:
    peer.h2.send_headers(peer.stream, [(":status", "103"), ("link", "</style.css>")])
    _hello(peer)


def _has_trailers(peer: Peer) -> None:
    peer.answer(OK, b"hello", ends=False)
    peer.h2.send_headers(peer.stream, [("checksum", "1")], end_stream=True)
    peer.flush()


def _pings_and_pads(peer: Peer) -> None:
    for number in range(3):
        peer.h2.ping(bytes((number,)) * 8)
    peer.h2.send_headers(peer.stream, list(OK))
    for byte in b"hello":
        peer.h2.send_data(peer.stream, bytes((byte,)), pad_length=200)
    peer.h2.end_stream(peer.stream)
    peer.flush()


def _moves(peer: Peer) -> None:
    if peer.request[":path"] == "/":
        peer.answer(((":status", "302"), ("location", "/there?a=b")), b"elsewhere")
    else:
        _hello(peer)


def _echoes(peer: Peer) -> None:
    peer.answer(((":status", "200"), ("x-asked", peer.request[":method"])), peer.body)


def _drips(peer: Peer) -> None:
    peer.answer(OK, ends=False)
    while not peer.target.over.wait(behaviours.DRIP_PAUSE_S):
        peer.frame(http2.DATA, b"x")


def _without_end(
    kind: int, payload: bytes, *, flags: int = 0, stream: int | None = None
) -> Callable[[Peer], None]:
    def answer(peer: Peer) -> None:
        if kind == http2.CONTINUATION:
            peer.frame(http2.HEADERS, _STATUS_200)
        while not peer.target.over.is_set():
            peer.frame(kind, payload, flags=flags, stream=stream)

    return answer


def _endless(peer: Peer) -> None:
    peer.answer(OK, ends=False)
    while not peer.target.over.is_set():
        peer.h2.send_data(peer.stream, bytes(10_000))
        peer.flush()


def _takes_nothing(connection: Connection, target: Target) -> None:
    """Opens no window for a body."""
    peer = Peer(connection, target)
    peer.h2.update_settings({4: 0})
    peer.flush()
    _waits(peer)


def _case(
    name: str, behaviour: Behaviour, truth: Truth, source: str, keys: str = _READ, **more: object
) -> Case:
    return Case(f"HTTP/2, {name}", behaviour, truth, f"RFC 9113, {source}", keys, **more)


def _failure(kind: FailureKind) -> str:
    return f"{_H2}, expect: {{failure: {kind}}}"


CASES: Final = (
    _case("by prior knowledge", speaks(_hello), UP, "3.3"),
    _case("by ALPN", speaks(_hello), UP, "3.2", f"{_READ}, {_TLS}", chain="h2"),
    _case("with a redirect", speaks(_moves), UP, "8.1"),
    _case("with an interim response", once(_informs_first), UP, "8.1"),
    _case("with trailers", once(_has_trailers), UP, "8.1"),
    _case("with pings and padding", once(_pings_and_pads), UP, "6.1 and 6.7"),
    _case("that says goodbye and goes on", once(_says_goodbye_first), UP, "6.8"),
    _case("HEAD with a length", once(lambda peer: peer.answer((*OK, ("content-length", "5")))), UP, "8.1.1",
          f"{_H2}, method: HEAD"),
    _case("304 with a length", once(lambda peer: peer.answer(((":status", "304"), ("content-length", "5")))), UP,
          "8.1.1", f"{_H2}, expect: {{status: 304}}"),
    _case("204", once(lambda peer: peer.answer(((":status", "204"),))), UP, "8.1.1", _H2),
    _case("a body of 300 kB sent", once(_echoes), UP, "6.9",
          f"{_H2}, method: POST, body: {'x' * 300_000}, expect: {{headers: {{x-asked: {{equals: POST}}}}}}"),
    _case("gzip", once(lambda peer: peer.answer((*OK, ("content-encoding", "gzip")), gzip.compress(b"hello"))), UP,
          "8.1"),
    _case("not expected", speaks(_hello), Truth("down", "assertion"), "3.3", _failure("protocol")),
    _case("from a server of HTTP/1.1", behaviours.ok, _NOT_HTTP2, "3.3"),
    _case("as expected of HTTP/1.1", behaviours.ok, UP, "3.3", _failure("protocol")),
    _case("and ALPN for HTTP/1.1", behaviours.ok, _NO_ALPN, "3.2", f"{_H2}, {_TLS}", chain="http/1.1"),
    _case("without ALPN", behaviours.ok, _NO_ALPN, "3.2", f"{_H2}, {_TLS}", chain="good"),
    _case("with an unknown authority", speaks(_hello), UNTRUSTED, "3.2", f"{_H2}, tls: {{}}", chain="h2"),
    _case("a reset stream", once(_ends(http2.RST_STREAM, ErrorCodes.INTERNAL_ERROR)), _UNANSWERED, "6.4"),
    _case("a refused stream", once(_ends(http2.RST_STREAM, ErrorCodes.REFUSED_STREAM)), _UNANSWERED, "8.7"),
    _case("a stream that wants HTTP/1.1", once(_ends(http2.RST_STREAM, ErrorCodes.HTTP_1_1_REQUIRED)), _NOT_HTTP2, "7"),
    _case("a stream reset in its body", _begins(_ends(http2.RST_STREAM, ErrorCodes.CANCEL)), _BROKEN_OFF, "6.4"),
    _case("http2.GOAWAY with an error", once(_ends(http2.GOAWAY, ErrorCodes.ENHANCE_YOUR_CALM, 1)), _UNANSWERED, "6.8"),
    _case("http2.GOAWAY in its body", _begins(_ends(http2.GOAWAY, ErrorCodes.INTERNAL_ERROR, 1)), _BROKEN_OFF, "6.8"),
    _case("http2.GOAWAY before the request", once(_ends(http2.GOAWAY, ErrorCodes.NO_ERROR, 0)), _UNANSWERED, "6.8"),
    _case("http2.GOAWAY and no response", once(_ends(http2.GOAWAY, ErrorCodes.NO_ERROR, 1)), _UNANSWERED, "6.8"),
    _case("a reset connection", once(lambda peer: reset(peer.connection)), _UNANSWERED, "5.4.1"),
    _case("a connection reset in its body", _begins(lambda peer: reset(peer.connection)), _BROKEN_OFF, "5.4.1"),
    _case("a connection closed in its body", _begins(lambda _: None), _BROKEN_OFF, "5.4.1"),
    _case("no status", _headers(_literal(b"server", b"x")), _NOT_HTTP2, "8.3.2"),
    _case("a status in words", _headers(_literal(b":status", b"fine")), _NOT_HTTP2, "8.3.2"),
    _case("a header in capitals", _headers(_STATUS_200 + _literal(b"Server", b"x")), _NOT_HTTP2, "8.2"),
    _case("headers that are none", _headers(b"\xff\xff\xff\xff\xff"), _NOT_HTTP2, "4.3"),
    _case("a header of 200 kB", _headers(_STATUS_200 + _LONG), _NOT_HTTP2, "10.5.1"),
    _case("2,000 headers", _headers(_STATUS_200 + _literal(b"x", b"") * 2_000), _NOT_HTTP2, "10.5.1"),
    _case("less than its length", once(lambda peer: peer.answer((*OK, ("content-length", "9")), b"hello")), _BAD_BODY,
          "8.1.1"),
    _case("a length and no body", once(lambda peer: peer.answer((*OK, ("content-length", "9")))), _BAD_BODY, "8.1.1"),
    _case("more than its length", once(lambda peer: peer.answer((*OK, ("content-length", "2")), b"hello")),
          Truth("down", "protocol"), "8.1.1"),
    _case("a frame too long", once(lambda peer: peer.frame(http2.DATA, bytes(16_385))), _NOT_HTTP2, "4.2"),
    _case("no frames at all", replies(b"\x16\x03\x01 what is this?" * 100), _NOT_HTTP2, "4.1"),
    _case("a body beyond the limit", once(_endless), TOO_LARGE, "INTERFACE: max_body_bytes",
          f"{_H2}, max_body_bytes: 100000"),
    _case("a gzip bomb", once(lambda peer: peer.answer((*OK, ("content-encoding", "gzip")),
          gzip.compress(bytes(50_000_000)))), TOO_LARGE, "INTERFACE: max_body_bytes, decoded", _READ),
    _case("pings without end", once(_without_end(http2.PING, b"12345678", stream=0)), _NOT_HTTP2, "10.5"),
    _case("settings without end", once(_without_end(http2.SETTINGS, b"", stream=0)), _NOT_HTTP2, "10.5"),
    _case("empty data without end", _begins(_without_end(http2.DATA, b"")), _BAD_BODY, "10.5"),
    _case("headers without end", once(_without_end(http2.CONTINUATION, _literal(b"x", b"y") * 10)), _NOT_HTTP2,
          "10.5.1"),
    _case("interim responses without end", once(_without_end(http2.HEADERS, _literal(b":status", b"102"),
                                                             flags=http2.END_HEADERS)), _NOT_HTTP2, "10.5"),
    _case("silence", once(_waits), Truth("down", "timeout", "processing"), "5.4.1", _H2, timeout_s=HANGING_S),
    _case("silence in its body", _begins(_waits), Truth("down", "timeout", "transfer"), "5.4.1", _H2,
          timeout_s=HANGING_S),
    _case("a body drop by drop", once(_drips), Truth("down", "timeout", "transfer"), "5.4.1", _H2, timeout_s=HANGING_S),
    _case("no window for the request", _takes_nothing, Truth("down", "timeout", "processing"), "6.9",
          f"{_H2}, method: POST, body: hello", timeout_s=HANGING_S),
    _case("silence in the handshake", behaviours.silent, Truth("down", "timeout", "tls"), "3.2", f"{_H2}, {_TLS}",
          url="https://127.0.0.1:{port}/", timeout_s=HANGING_S),
)  # fmt: skip
