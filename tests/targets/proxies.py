"""Proxies for targets: CONNECT and forwarding (RFC 9110, RFC 9112), and SOCKS 5 (RFC 1928)."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

from tests.targets.server import Behaviour, Connection, Target, answer, read_request

Places = Mapping[str, int]
"""Ports on loopback by the names that only the proxy knows."""


def http_proxy(*, places: Places | None = None, credentials: str | None = None) -> Behaviour:
    """An HTTP proxy; with `credentials` (`user:password`) for those who have them only."""

    def behaviour(connection: Connection, target: Target) -> None:
        while request := read_request(connection, target):
            if credentials is not None and _shown(request) != credentials:
                connection.sendall(answer(b"who?", "407 Proxy Authentication Required",
                                          ("Proxy-Authenticate: Basic realm=proxy",)))  # fmt: skip
                return
            method, where, _ = request.split(b" ", 2)
            if method == b"CONNECT":
                host, _, port = where.decode().rpartition(":")
                with _connected(host.strip("[]"), int(port), places) as far:
                    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    pipe(connection, far)
                return
            _forward(connection, request, places)

    return behaviour


def _forward(connection: Connection, request: bytes, places: Places | None) -> None:
    url = urlsplit(request.split(b" ", 2)[1].decode())
    head, _, rest = request.partition(b"\r\n")
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    with _connected(url.hostname or "", url.port or 80, places) as far:
        far.sendall(head.split(b" ")[0] + f" {path} HTTP/1.1\r\n".encode() + rest)
        while data := far.recv(65_536):
            connection.sendall(data)


def socks_proxy(
    *, places: Places | None = None, credentials: str | None = None, reply: int = 0, piecemeal: bool = False
) -> Behaviour:
    """A SOCKS 5 proxy; `reply` is what it says of the way, `piecemeal` sends every answer byte by byte."""

    def behaviour(connection: Connection, target: Target) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def say(data: bytes) -> None:
            for piece in [data[i : i + 1] for i in range(len(data))] if piecemeal else [data]:
                connection.sendall(piece)

        ways = _exactly(connection, _exactly(connection, 2)[1])
        wanted = 0 if credentials is None else 2
        if wanted not in ways:
            say(b"\x05\xff")
            return
        say(bytes((5, wanted)))
        if credentials is not None:
            name = _exactly(connection, _exactly(connection, 2)[1])
            word = _exactly(connection, _exactly(connection, 1)[0])
            is_right = (name + b":" + word).decode() == credentials
            say(b"\x01\x00" if is_right else b"\x01\x01")
            if not is_right:
                return
        kind = _exactly(connection, 4)[3]
        host = (
            socket.inet_ntop(socket.AF_INET, _exactly(connection, 4)) if kind == 1
            else socket.inet_ntop(socket.AF_INET6, _exactly(connection, 16)) if kind == 4
            else _exactly(connection, _exactly(connection, 1)[0]).decode()
        )  # fmt: skip
        port = int.from_bytes(_exactly(connection, 2))
        target.requests.append(f"{host}:{port}".encode())
        if reply:
            say(bytes((5, reply, 0, 1, 0, 0, 0, 0, 0, 0)))
            return
        with _connected(host, port, places) as far:
            say(b"\x05\x00\x00\x03\x04here\x00\x50")
            pipe(connection, far)

    return behaviour


def opens_and(behind: Behaviour) -> Behaviour:
    """A proxy of either kind that opens every way, and is what is behind it too."""

    def behaviour(connection: Connection, target: Target) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if connection.recv(1, socket.MSG_PEEK) == b"\x05":
            _exactly(connection, _exactly(connection, 2)[1])
            connection.sendall(b"\x05\x00")
            kind = _exactly(connection, 4)[3]
            _exactly(connection, {1: 4, 4: 16}.get(kind) or _exactly(connection, 1)[0])
            _exactly(connection, 2)
            connection.sendall(b"\x05\x00\x00\x01" + bytes(6))
        else:
            read_request(connection)
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        behind(connection, target)

    return behaviour


def pipe(near: Connection, far: socket.socket) -> None:
    """Carry bytes both ways until either side ends."""

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):  # a side that breaks has ended too
            while data := source.recv(65_536):
                sink.sendall(data)
        for side in (source, sink):
            with contextlib.suppress(OSError):  # it has ended already
                side.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=carry, args=(far, near), daemon=True)
    back.start()
    carry(near, far)
    back.join(10)


def _connected(host: str, port: int, places: Places | None) -> socket.socket:
    if places and host in places:
        host, port = "127.0.0.1", places[host]
    far = socket.create_connection((host, port), timeout=30)
    far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return far


def _shown(request: bytes) -> str | None:
    for line in request.split(b"\r\n"):
        name, _, value = line.partition(b": ")
        if name.lower() == b"proxy-authorization":
            return base64.b64decode(value.removeprefix(b"Basic ")).decode()
    return None


def _exactly(connection: Connection, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise ConnectionError("the client has gone")
        data += piece
    return data
