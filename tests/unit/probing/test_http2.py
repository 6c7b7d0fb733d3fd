"""HTTP/2 without a connection: what a server says, however it is cut up, and whatever it is."""

from __future__ import annotations

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from hypothesis import given, settings
from hypothesis import strategies as st

from apistatus.probing.hop_plan import RequestImpossible
from apistatus.probing.http2 import Head, Http2, NotHttp2, TurnedAway, fields

GET = ((b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a.example"), (b":path", b"/"))
GOAWAY, HEADERS, RST_STREAM = 7, 1, 3


class Server:
    """The other side of a session, with what it has to say so far in `said`."""

    def __init__(self, session: Http2) -> None:
        self.session = session
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.initiate_connection()

    def heard(self) -> int:
        """Take in what the client has to say; the stream of its request."""
        events = self.h2.receive_data(self.session.to_send())
        return max((getattr(event, "stream_id", 0) or 0 for event in events), default=0)

    def answers(self, stream: int, body: bytes = b"hello", *headers: tuple[str, str]) -> bytes:
        self.h2.send_headers(stream, [(":status", "200"), ("server", "x"), *headers], end_stream=not body)
        if body:
            self.h2.send_data(stream, body, end_stream=True)
        return self.h2.data_to_send()


def asked(body: bytes = b"") -> tuple[Http2, Server, int]:
    session = Http2()
    session.ask(GET, body)
    server = Server(session)
    return session, server, server.heard()


def taken(session: Http2, data: bytes, cut: int = 1 << 20) -> tuple[list[Head], bytes]:
    heads, body = [], b""
    for at in range(0, len(data), cut):
        for found in session.take_in(data[at : at + cut]):
            if isinstance(found, Head):
                heads.append(found)
            else:
                body += found
    return heads, body


def frame(kind: int, payload: bytes, *, flags: int = 0, stream: int = 1) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


@pytest.mark.parametrize("cut", [1, 7, 1 << 20])
def test_a_response_is_read_however_it_is_cut_up(cut: int) -> None:
    session, server, stream = asked()
    data = server.answers(stream, b"x" * 10_000)
    assert taken(session, data, cut) == ([Head(200, [(b"server", b"x")])], b"x" * 10_000)
    assert session.is_whole
    assert session.can_go_on


def test_several_requests_follow_one_another_on_a_connection() -> None:
    session, server, stream = asked()
    streams = [stream]
    for _ in range(2):
        taken(session, server.answers(streams[-1]))
        session.ask(GET, b"")
        assert not session.is_whole
        streams.append(server.heard())
    assert streams == [1, 3, 5]
    assert taken(session, server.answers(5))[1] == b"hello"


def test_a_body_goes_out_as_the_windows_allow() -> None:
    session, server, stream = asked(b"x" * 200_000)
    got = 65_535  # the window of a new connection
    for _ in range(20):
        server.h2.acknowledge_received_data(got, stream)
        taken(session, server.h2.data_to_send())
        events = server.h2.receive_data(session.to_send())
        got = sum(getattr(event, "flow_controlled_length", 0) or 0 for event in events)
        if any(type(event).__name__ == "StreamEnded" for event in events):
            break
    else:
        pytest.fail("the body has not come to its end")


def test_a_goaway_that_lets_the_request_be_finished_does_not_end_it_and_is_remembered() -> None:
    session, server, stream = asked()
    goaway = frame(GOAWAY, (2**31 - 1).to_bytes(4) + bytes(4), stream=0)
    assert taken(session, goaway + server.answers(stream), 3)[1] == b"hello"
    assert session.is_whole
    assert not session.can_go_on


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (bytes(8), "ended the connection (GOAWAY, NO_ERROR)"),
        (b"\0\0\0\1\0\0\0\x0b", "ended the connection (GOAWAY, ENHANCE_YOUR_CALM)"),
        (b"\0\0\0\1\0\0\1\0", "ended the connection (GOAWAY, code 256)"),
    ],
)
def test_any_other_goaway_ends_it(payload: bytes, says: str) -> None:
    session, _, _ = asked()
    with pytest.raises(TurnedAway) as ended:
        taken(session, frame(GOAWAY, payload, stream=0))
    assert str(ended.value) == says


def test_what_comes_after_the_response_does_not_spoil_it() -> None:
    session, server, stream = asked()
    data = server.answers(stream) + frame(RST_STREAM, bytes(4)) + frame(HEADERS, b"\xff\xff\xff", flags=4)
    assert taken(session, data)[1] == b"hello"
    assert session.is_whole
    assert not session.can_go_on


def test_between_two_requests_a_ping_is_answered() -> None:
    session, server, stream = asked()
    taken(session, server.answers(stream))
    session.to_send()
    server.h2.ping(b"12345678")
    reply = session.hear(server.h2.data_to_send())
    assert reply is not None
    assert [type(event).__name__ for event in server.h2.receive_data(reply)] == ["PingAckReceived"]


@pytest.mark.parametrize(
    "data",
    [
        frame(GOAWAY, b"\0\0\0\1" + bytes(4), stream=0), frame(GOAWAY, bytes(8), stream=0), b"\xff" * 100,
    ],
)  # fmt: skip
def test_between_two_requests_anything_else_makes_the_connection_useless(data: bytes) -> None:
    session, server, stream = asked()
    taken(session, server.answers(stream))
    assert session.hear(data) is None or not session.can_go_on


def test_headers_of_a_connection_are_left_out() -> None:
    given = [
        (b"Host", b"a"), (b"Connection", b"close"), (b"Accept", b"*/*"), (b"TE", b"gzip"), (b"Upgrade", b"x"),
        (b"Keep-Alive", b"1"), (b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"0"),
    ]  # fmt: skip
    assert list(fields(given)) == [(b"accept", b"*/*"), (b"content-length", b"0")]
    assert list(fields([(b"TE", b"trailers")])) == [(b"te", b"trailers")]


def test_a_header_that_http2_does_not_know_is_our_mistake() -> None:
    with pytest.raises(RequestImpossible):
        Http2().ask((*GET, (b":made-up", b"x")), b"")


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.builds(
                frame,
                st.integers(0, 12),
                st.binary(max_size=40),
                flags=st.integers(0, 255),
                stream=st.integers(0, 5),
            ),
        ),
        max_size=8,
    ),
    st.booleans(),
)
def test_no_bytes_raise_anything_else(pieces: list[bytes], begun: bool) -> None:
    session, server, stream = asked()
    try:
        if begun:
            server.h2.send_headers(stream, [(":status", "200"), ("content-length", "9")])
            taken(session, server.h2.data_to_send())
        for piece in pieces:
            taken(session, piece)
            session.to_send()
    except (NotHttp2, TurnedAway):
        pass
