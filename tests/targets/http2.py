"""A target that speaks HTTP/2, frame by frame: what a connection gets to see is one function."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from tests.targets.certificates import issue, server_context
from tests.targets.server import Behaviour, Connection, Target

Headers: TypeAlias = Sequence[tuple[str, str]]
OK: Headers = ((":status", "200"), ("content-type", "application/json"))
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS = 1, 4


class Peer:
    """One connection of a client, up to its request; `h2` writes what a well-behaved server would."""

    def __init__(self, connection: Connection, target: Target) -> None:
        # Small frames follow one another, and none of them should wait for an acknowledgement.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self.target = target
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.request: dict[str, str] = {}
        self.body = b""
        self.stream = 0

    def read_request(self) -> bool:
        """Take in the next request, its body included; False when the client has gone."""
        self.flush()
        self.request, self.body = {}, b""
        while True:
            data = self.connection.recv(65_536)
            if not data:
                return False
            for event in self.h2.receive_data(data):
                if isinstance(event, RequestReceived):
                    self.stream = event.stream_id
                    self.request = dict(event.headers or ())
                elif isinstance(event, DataReceived):
                    self.body += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    self.target.requests.append(repr(self.request).encode())
                    return True
            self.flush()

    def flush(self) -> None:
        self.connection.sendall(self.h2.data_to_send())

    def answer(self, headers: Headers = OK, body: bytes = b"", *, ends: bool = True) -> None:
        """A response, cut into frames as the client's windows want it."""
        self.h2.send_headers(self.stream, list(headers), end_stream=ends and not body)
        while body:
            piece = body[: self.h2.max_outbound_frame_size]
            body = body[len(piece) :]
            self.h2.send_data(self.stream, piece, end_stream=ends and not body)
            self.flush()
        self.flush()

    def frame(self, kind: int, payload: bytes = b"", *, flags: int = 0, stream: int | None = None) -> None:
        """A frame as it is, sent at once (RFC 9113, section 4.1)."""
        number = self.stream if stream is None else stream
        head = len(payload).to_bytes(3) + bytes((kind, flags)) + number.to_bytes(4)
        self.connection.sendall(head + payload)


def hello(peer: Peer) -> None:
    """Answers as `behaviours.ok` does."""
    peer.answer((*OK, ("content-length", "15")), b'{"value": 1.50}')


def speaks(answer: Callable[[Peer], None]) -> Behaviour:
    """A behaviour: each request is read and `answer` called, until it or the client ends the connection."""

    def behaviour(connection: Connection, target: Target) -> None:
        peer = Peer(connection, target)
        while peer.read_request():
            answer(peer)

    return behaviour


def once(answer: Callable[[Peer], None]) -> Behaviour:
    """The same for one request, after which nothing more is sent."""

    def behaviour(connection: Connection, target: Target) -> None:
        peer = Peer(connection, target)
        if peer.read_request():
            answer(peer)
            # To close with something unread would reset it, and what is on its way would be lost.
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass

    return behaviour


def http2_context(
    folder: Path, *protocols: str, names: tuple[str, ...] = ("127.0.0.1", "localhost")
) -> ssl.SSLContext:
    """TLS for a target that offers these protocols, none for a server without ALPN; its authority is `ca.pem` in
    the folder."""
    authority = issue("Test authority", authority=True)
    (folder / "ca.pem").write_bytes(authority.pem)
    context = server_context(folder, issue("target", authority, names=names))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context
