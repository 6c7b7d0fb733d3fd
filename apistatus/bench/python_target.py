"""A target in Python: for TLS, and for everything where there is no C compiler.

python -m apistatus.bench.python_target DELAY_MS PORTS BODY [CERTIFICATE KEY]

It behaves as target.c does. TLS is 1.3 with a full handshake each time: no tickets are given out.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from time import monotonic_ns
from typing import cast

from apistatus.runtime import event_loop


class _Served(asyncio.Protocol):
    def __init__(self, delay_s: float, body: bytes) -> None:
        self._delay_s = delay_s
        self._body = body
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods and not the type.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        came_ns, closes = monotonic_ns(), b"\r\nconnection: close" in data.lower()
        if self._delay_s:
            asyncio.get_running_loop().call_later(self._delay_s, self._respond, came_ns, closes)
        else:
            self._respond(None, closes)

    def _respond(self, came_ns: int | None, closes: bool) -> None:  # noqa: FBT001 - a callback's argument
        if self._transport is None or self._transport.is_closing():
            return
        body = self._body
        if came_ns is not None:
            body = b'{"served_us": %d}' % ((monotonic_ns() - came_ns) // 1000)
        close = b"Connection: close\r\n" if closes else b""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n"
        self._transport.write(head % (len(body), close) + body)
        if closes:
            self._transport.close()


async def _serve(delay_ms: int, ports: int, body: bytes, files: list[str]) -> None:
    context = None
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        context.load_cert_chain(*files)
    loop = asyncio.get_running_loop()
    for _ in range(ports):
        server = await loop.create_server(
            lambda: _Served(delay_ms / 1000, body), "127.0.0.1", 0, ssl=context, backlog=8192
        )
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


if __name__ == "__main__":
    delay_ms, ports, body, *files = sys.argv[1:]
    event_loop.run(_serve(int(delay_ms), int(ports), body.encode(), files))
