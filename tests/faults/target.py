"""A web server on loopback that hands out a token a probe: which probes there were, told by the other side."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from types import TracebackType
from typing import Self

_BLOCK = 5
"""A check named `flap-*` fails five times, then works five times: states have something to fold."""


class TokenTarget:
    """Answers `/CHECK/WHO` with `{"probe": "CHECK.WHO.NUMBER"}`; that token is never given twice."""

    def __init__(self) -> None:
        self.tokens: dict[str, dict[str, float]] = defaultdict(dict)
        """By check: the tokens of its probes and when each was given (loop's monotonic seconds)."""
        self.delay_s = 0.0
        """How late answers come."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="target", daemon=True)
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def total(self) -> int:
        return sum(map(len, list(self.tokens.values())))

    def answer(self, path: str) -> bytes:
        """The whole HTTP answer to a GET of `path`."""
        check, _, who = path.strip("/").partition("/")
        given = self.tokens[check]
        number = len(given)
        token = f"{check}.{who or 'x'}.{number}"
        given[token] = self._loop.time()
        fails = check.startswith("flap") and number // _BLOCK % 2 == 0
        body = b'{"probe": "%s"}' % token.encode()
        status = b"503 Service Unavailable" if fails else b"200 OK"
        return b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
            status, len(body), body,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._thread.start()
        start = self._loop.create_server(lambda: _Exchange(self), "127.0.0.1", 0, backlog=2048)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class _Exchange(asyncio.Protocol):
    """One connection: requests without a body, one answer each."""

    def __init__(self, target: TokenTarget) -> None:
        self._target, self._seen = target, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while b"\r\n\r\n" in self._seen:
            head, _, self._seen = self._seen.partition(b"\r\n\r\n")
            answer = self._target.answer(head.split(b" ", 2)[1].decode())
            if self._target.delay_s:
                asyncio.get_running_loop().call_later(self._target.delay_s, self._transport.write, answer)
            else:
                self._transport.write(answer)
