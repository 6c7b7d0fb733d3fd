"""A web server on loopback that counts what it is asked: the other side of the audit."""

from __future__ import annotations

import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.services.threaded_server import ThreadedServer


class CountingTarget(ThreadedServer):
    """Answers `/ID` with 200 and a JSON body, `/ID/down` with 500, `/ID/slow` after 50 ms; counts by ID."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(handler) -> None:  # noqa: N805  (`self` is the target; the name is the protocol's)
                name, _, wish = handler.path.lstrip("/").partition("/")
                with lock:
                    self.counts[name] += 1
                    number = self.counts[name]
                if wish == "slow":
                    time.sleep(0.05)
                body = b'{"check": "%s", "number": %d}' % (name.encode(), number)
                handler.send_response(500 if wish == "down" else 200)
                handler.send_header("content-type", "application/json")
                handler.send_header("content-length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(handler, *args: object) -> None:  # noqa: N805 - `self` is the target
                """Nothing: a test's output is its own."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

        super().__init__(Server(("127.0.0.1", 0), Handler))

    @property
    def total(self) -> int:
        return sum(self.counts.values())
