"""A target on a port of its own: what a connection gets to see is one function."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

Connection = socket.socket
Behaviour = Callable[[Connection, "Target"], None]


class Target:
    """Accepts on 127.0.0.1 and runs `behaviour(connection, target)` in a thread for each connection.

    `requests` holds the head of every request that was read with `read_request`, in order; `over` is set
    when the target stops, so that a behaviour that waits can end.
    """

    def __init__(self, behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self._behaviour = behaviour
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.accepted = 0
        self.places: Mapping[str, object] = {"port": self.port}
        """What `fill` puts into a text that leads to this target or to others."""
        self.on_accept: Callable[[Connection], Callable[[], None]] = lambda _: lambda: None
        """Called with every connection before anything is said on it; what it returns, before it is closed here."""
        self.over = threading.Event()
        self.gone = threading.Semaphore(0)
        """Released once for each connection that has ended, from whichever side."""

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        # Wakes the accepting thread; closing alone does not.
        with contextlib.suppress(OSError):  # not every system shuts a listener down
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):  # the client has gone
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in self._threads)

    def _start(self, call: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=call, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            connection.settimeout(30)
            self._connections.add(connection)
            self._start(self._serve, connection, self.on_accept(connection))

    def _serve(self, raw: socket.socket, on_close: Callable[[], None]) -> None:
        connection = raw
        # The other side may be gone at any point: that is what these tests are about.
        with contextlib.suppress(OSError):
            try:
                if self._tls is not None:
                    connection = self._tls.wrap_socket(raw, server_side=True)
                    self._connections.add(connection)
                self._behaviour(connection, self)
            finally:
                self._connections.discard(raw)
                self._connections.discard(connection)
                on_close()
                connection.close()
                raw.close()
                self.gone.release()


def read_request(connection: Connection, target: Target | None = None) -> bytes:
    """The request, body included, remembered in `target.requests`."""
    data, wanted = b"", 1
    while len(data) < wanted:
        piece = connection.recv(65_536)
        if not piece:
            break
        data += piece
        head, end, _ = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        wanted = len(head) + len(end) + int(length[1] if length else 0) if end else len(data) + 1
    if target is not None:
        target.requests.append(data)
    return data


def answer(
    body: bytes = b"ok", status: str = "200 OK", headers: tuple[str, ...] = (), *, length: int | None = None
) -> bytes:
    """A response with a Content-Length."""
    size = len(body) if length is None else length
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {size}", *headers)
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def replies(response: bytes) -> Behaviour:
    """A behaviour: read the request, send these bytes, close."""

    def behaviour(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(response)

    return behaviour


def fill(text: str, places: Mapping[str, object]) -> str:
    """The text with `{port}` and other names of places filled in; other braces stay as they are."""
    for name, place in places.items():
        text = text.replace(f"{{{name}}}", str(place))
    return text


def reset(connection: Connection) -> None:
    """Close with an RST instead of a FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
