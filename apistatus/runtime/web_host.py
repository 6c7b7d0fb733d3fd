"""/live, /ready and /metrics over HTTP, in a thread of their own with an event loop of its own.

Nobody who talks to this page can harm the service: a connection has a few seconds for everything,
a request a few kilobytes, and when too many are open the oldest one makes room.
"""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol

from apistatus.errors import ConfigurationError, Problem
from apistatus.runtime.health import Health
from apistatus.runtime.logs import Events, OncePerMinute

log = Events("web")

_VARIABLE: Final = "APISTATUS_LISTEN"
_CONNECTION_S: Final = 5.0
_REQUEST_MAX_BYTES: Final = 8_192
_MAX_CONNECTIONS: Final = 64
_BACKLOG: Final = 128
_JSON: Final = "application/json"
# Prometheus' text format; docs/instrumenting/exposition_formats.md of prometheus/docs.
_EXPOSITION: Final = "text/plain; version=0.0.4; charset=utf-8"
# Addresses of a name that this machine does not have, as `::1` of localhost in a container without IPv6.
_ELSEWHERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class Exposition(Protocol):
    """What /metrics shows."""

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""


class Served(NamedTuple):
    """Where the page really is; the port is the kernel's choice when 0 was asked for."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Its root, without a slash at the end."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


class _Reply(NamedTuple):
    status: HTTPStatus
    kind: str
    body: bytes
    allow: bool = False


@contextmanager
def serve(host: str, port: int, health: Health, metrics: Exposition) -> Iterator[Served]:
    """Serve until the block ends, on every address of `host`.

    Raises ConfigurationError that names APISTATUS_LISTEN when the address cannot be listened on.
    """
    sockets = _listen(host, port)
    page = _Page(sockets, health, metrics)
    thread = threading.Thread(target=page.run, name="web-host", daemon=True)
    thread.start()
    try:
        address = sockets[0].getsockname()
        yield Served(address[0], address[1])
    finally:
        page.stop()
        thread.join(_CONNECTION_S)


def _listen(host: str, port: int) -> list[socket.socket]:
    where = f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError([Problem(_VARIABLE, f"no such host: {where}")]) from error
    opened: list[socket.socket] = []
    refusal: OSError | None = None
    for family, _type, _protocol, _name, address in dict.fromkeys(found):
        try:
            # Port 0: what the kernel chose for the first address is asked for on the others too.
            wanted = opened[0].getsockname()[1] if opened else port
            opened.append(_bound(family, (address[0], wanted, *address[2:])))
        except OSError as error:
            refusal = error
            if error.errno not in _ELSEWHERE:
                break
    if refusal is not None and (not opened or refusal.errno not in _ELSEWHERE):
        for one in opened:
            one.close()
        cause = (refusal.strerror or type(refusal).__name__).lower()
        raise ConfigurationError([Problem(_VARIABLE, f"cannot listen on {where}: {cause}")]) from refusal
    return opened


def _bound(family: int, address: tuple[Any, ...]) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # `[::]` means every address, as elsewhere; `::1` beside 127.0.0.1 needs its own.
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address[0] != "::"))
        opened.bind(address)
        opened.listen(_BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


class _Page:
    def __init__(self, sockets: list[socket.socket], health: Health, metrics: Exposition) -> None:
        self._sockets = sockets
        self._health = health
        self._metrics = metrics
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._open: dict[asyncio.Task[None], None] = {}
        self._troubles = OncePerMinute()

    def run(self) -> None:
        """The thread: serve until `stop`."""
        self._loop.set_exception_handler(self._trouble)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    def stop(self) -> None:
        """Ask the thread to end; safe from any thread, and twice."""
        try:
            self._loop.call_soon_threadsafe(self._stopping.set)
        except RuntimeError:  # it has ended already
            return

    async def _serve(self) -> None:
        servers = [
            await asyncio.start_server(self._connected, sock=one, limit=_REQUEST_MAX_BYTES)
            for one in self._sockets
        ]
        await self._stopping.wait()
        for server in servers:
            server.close()
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("a connection outside a task")
        if len(self._open) >= _MAX_CONNECTIONS:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.cancel()
        self._open[task] = None
        try:
            async with asyncio.timeout(_CONNECTION_S):
                await self._answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            # Too slow, too large, gone, or we are stopping: the connection ends, and nobody is left to tell.
            # A cancelled connection must end here too: asyncio's streams would log it as an error.
            pass
        finally:
            self._open.pop(task, None)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target = _request_line(head)
        reply = self._reply(method, target)
        lines = [
            f"HTTP/1.1 {reply.status.value} {reply.status.phrase}",
            f"Content-Type: {reply.kind}",
            f"Content-Length: {len(reply.body)}",
            "Cache-Control: no-store",
            "Connection: close",
            *(["Allow: GET, HEAD"] if reply.allow else []),
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        if method != "HEAD":
            writer.write(reply.body)
        writer.write_eof()
        await writer.drain()
        # Wait for the other side's end, or unread input would turn our close into a reset of the answer.
        while await reader.read(_REQUEST_MAX_BYTES):
            pass

    def _reply(self, method: str, target: str) -> _Reply:
        if not method:
            return _json(HTTPStatus.BAD_REQUEST, {"error": "this is no HTTP request"})
        if method not in {"GET", "HEAD"}:
            return _json(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "only GET and HEAD"})._replace(allow=True)
        match target.partition("?")[0]:
            case "/live" | "/livez":
                stuck = self._health.not_live()
                return _json(_status(well=stuck is None), {"live": stuck is None, "reason": stuck})
            case "/ready" | "/readyz":
                waiting = self._health.not_ready()
                parts = {name: waiting.get(name, "ok") for name in self._health.parts}
                return _json(_status(well=not waiting), {"ready": not waiting, "parts": parts})
            case "/metrics":
                return _Reply(HTTPStatus.OK, _EXPOSITION, self._metrics.exposition())
            case _:
                return _json(HTTPStatus.NOT_FOUND, {"error": "there are /live, /ready and /metrics"})

    def _trouble(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio meets outside a connection, as too many open files in accept: said without a trace."""
        cause = f"{context.get('message')}: {context.get('exception')}"
        if self._troubles.admits(cause) is not None:
            log.warning("page.trouble", cause=cause)


def _request_line(head: bytes) -> tuple[str, str]:
    """Method and target; two empty strings when this is no HTTP request."""
    words = head.split(b"\r\n", 1)[0].decode("ascii", "replace").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return "", ""
    return words[0], words[1]


def _status(*, well: bool) -> HTTPStatus:
    return HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE


def _json(status: HTTPStatus, answer: dict[str, object]) -> _Reply:
    shown = {name: value for name, value in answer.items() if value is not None}
    return _Reply(status, _JSON, json.dumps(shown, ensure_ascii=False).encode() + b"\n")
