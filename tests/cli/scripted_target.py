"""A web server on loopback that keeps what it is asked and answers with the codes that a test gave it."""

from __future__ import annotations

import socket
import sys
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple

from tests.services.threaded_server import ThreadedServer


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]


class ScriptedTarget(ThreadedServer):
    """Answers with `codes` in turn, the last one for ever, after `lasts_s`.

    `most_open` is how many connections were accepted and not answered yet, at worst: whoever opens the next one
    when it has an answer is not counted twice, however late the connection is closed here.
    """

    def __init__(self, *codes: int, lasts_s: float = 0.0) -> None:
        self.requests: list[Request] = []
        self.most_open = 0
        self._over = threading.Event()
        left = deque(codes or (200,))
        lock = threading.Lock()
        open_now = 0

        class Handler(BaseHTTPRequestHandler):
            def answer(handler) -> None:  # noqa: N805  (`self` is the target)
                nonlocal open_now
                with lock:
                    self.requests.append(Request(handler.command, handler.path, dict(handler.headers)))
                    code = left.popleft() if len(left) > 1 else left[0]
                self._over.wait(lasts_s)
                with lock:
                    open_now -= 1
                body = b'{"depth": 42}'
                handler.send_response(code)
                handler.send_header("content-length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            do_GET = do_POST = answer  # noqa: N815  (the protocol's names)

            def log_message(handler, *args: object) -> None:  # noqa: N805 - `self` is the target
                """Nothing: a test's output is its own."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 1024
            daemon_threads = True

            def get_request(server) -> tuple[socket.socket, object]:  # noqa: N805  (`self` is the target)
                nonlocal open_now
                accepted = super().get_request()
                with lock:
                    open_now += 1
                    self.most_open = max(self.most_open, open_now)
                return accepted

            def handle_error(server, request: object, client_address: object) -> None:  # noqa: N805  (`self` is the target)
                if not isinstance(sys.exception(), OSError):  # one whose client has gone is no news
                    super().handle_error(request, client_address)

        super().__init__(Server(("127.0.0.1", 0), Handler))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        super().__exit__(kind, error, trace)
