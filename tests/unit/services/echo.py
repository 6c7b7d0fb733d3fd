"""A server that answers with what it was sent, and a client's small steps."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.services.proxy import Proxy

PATIENCE_S = 30.0


class EchoServer:
    """Answers every chunk with itself; remembers what each connection sent and how it ended."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.received: list[bytearray] = []
        self.ends: list[str] = []
        self.ended = threading.Semaphore(0)
        self._closing = False
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            side, _ = self._listener.accept()
            if self._closing:
                side.close()
                return
            received = bytearray()
            self.received.append(received)
            self._threads.append(threading.Thread(target=self._serve, args=(side, received)))
            self._threads[-1].start()

    def _serve(self, side: socket.socket, received: bytearray) -> None:
        with side:
            try:
                while data := side.recv(65_536):
                    received += data
                    side.sendall(data)
                self.ends.append("fin")
            except OSError as error:
                self.ends.append(type(error).__name__)
        self.ended.release()

    def close(self) -> None:
        self._closing = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        self._listener.close()


@contextmanager
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S) as side:
        yield side


def receive(side: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        data = side.recv(size - len(got))
        assert data, f"ended after {got!r}"
        got += data
    return got


def echoed(side: socket.socket, data: bytes) -> bytes:
    side.sendall(data)
    return receive(side, len(data))


def to_the_end(side: socket.socket) -> None:
    """Read until the stream ends, or breaks."""
    while side.recv(65_536):
        pass


def silent(side: socket.socket) -> bool:
    """Whether nothing has come and the connection stands. To be asked when whatever could have come
    has had its reason to."""
    side.setblocking(False)
    try:
        side.recv(1)
    except BlockingIOError:
        return True
    finally:
        side.settimeout(PATIENCE_S)
    return False


def until(holds: Callable[[], bool], otherwise: str) -> None:
    """Wait for something that another thread counts."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.005)
