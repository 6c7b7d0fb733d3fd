"""An `httpx.AsyncBaseTransport` over exchanges: what httpx does well above it (redirects, auth flows, cookies,
decoding), connections and time as the prober's own exchanges have them.

    async with httpx.AsyncClient(transport=ExchangeTransport()) as client:
        response = await client.get("https://www.example.com/")
        exchange = response.extensions["apistatus.exchange"]
        exchange.connect_ns, exchange.tls_ns, exchange.processing_ns, exchange.has_kernel_clock

HTTP/1.1 only and no proxies: for those take httpx's own transports. A request's body is read into memory
before it is sent. A response's body streams, with at most about 64 KiB of it waiting; who does not read it to
its end has to close the response, as everywhere in httpx. Errors are httpx's. Of httpx's timeouts,
`connect` runs until the request goes out, `write` until it has gone out, `read` until the head is whole and
between two pieces of the body; `longest_s` limits an exchange as a whole.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from time import monotonic
from typing import Final

import httpx

from apistatus.model.check import TlsOptions
from apistatus.probing.connection import Connection
from apistatus.probing.exchange import Exchange
from apistatus.probing.exchange_plan import Plan
from apistatus.probing.hop_plan import RequestImpossible, written_request
from apistatus.probing.httpx_errors import as_httpx, timed_out
from apistatus.probing.keep_alive import KeepAlive
from apistatus.probing.resolve import Address, NameNotResolved, Resolver
from apistatus.probing.response_reader import ResponseReader
from apistatus.probing.stamps import StampsOn
from apistatus.probing.tls import TlsOptionsUnusable
from apistatus.probing.tls_engines import EngineChoice, Engines

EXCHANGE: Final = "apistatus.exchange"
"""Key of `httpx.Response.extensions` under which the exchange is found."""
_WAITING_BYTES: Final = 65_536
_DAY_S: Final = 86_400.0


class ExchangeTransport(httpx.AsyncBaseTransport):
    """Belongs to the event loop that uses it first."""

    def __init__(
        self, tls: TlsOptions | None = None, *, engine: EngineChoice = "auto", keep_alive: bool = False,
        longest_s: float = _DAY_S,
    ) -> None:  # fmt: skip
        self._tls = tls or TlsOptions()
        self._engines = Engines(engine)
        self._keep_alive = keep_alive
        self._longest_s = longest_s
        self._resolver = Resolver()
        self._kept: KeepAlive[Connection] = KeepAlive()
        self._stamps: StampsOn | None = None
        self._open: set[_Stream] = set()
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response, its body still to come. Raises httpx.TransportError."""
        if self._closed:
            raise RuntimeError("the transport was closed")
        if request.url.scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol(
                f"{request.url.scheme!r} is neither http nor https", request=request
            )
        self._stamps = self._stamps or StampsOn()
        await request.aread()
        host = request.url.raw_host.decode("ascii").strip("[]")
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        origin = (request.url.scheme, host, port)
        stream = _Stream(self, request, origin)
        try:
            plan = self._plan(request, host)
            kept = self._kept.take(origin) if self._keep_alive else None
            if kept is None:
                await self._connect(stream, plan, host, port)
            else:
                stream.begin(plan, monotonic() + self._longest_s).go_on(kept)
            await stream.head()
        except BaseException:
            await stream.aclose()
            raise
        return stream.response()

    async def aclose(self) -> None:
        """Close every connection, those of responses that are still read included."""
        self._closed = True
        for stream in list(self._open):
            await stream.aclose()
        self._kept.close()
        self._resolver.close()
        self._engines.close()
        if self._stamps is not None:
            self._stamps.close()

    def _plan(self, request: httpx.Request, host: str) -> Plan:
        try:
            text = written_request(request, keep_alive=self._keep_alive)
            engines = self._engines.of(self._tls).now().engines if request.url.scheme == "https" else ()
        except RequestImpossible as error:
            raise httpx.LocalProtocolError(str(error), request=request) from error
        except TlsOptionsUnusable as error:
            raise httpx.ConnectError(str(error), request=request) from error
        name = self._tls.server_name or host.rstrip(".")
        return Plan(
            text, only_head=request.method == "HEAD", keep_alive=self._keep_alive, engines=engines,
            server_name=name,
        )  # fmt: skip

    async def _connect(self, stream: _Stream, plan: Plan, host: str, port: int) -> None:
        deadline_s = monotonic() + self._longest_s
        literal = self._resolver.literal(host, port)
        addresses: list[Address] = [literal] if literal is not None else []
        try:
            if literal is None:
                async with asyncio.timeout(stream.limit_s("connect")):
                    addresses = (
                        self._resolver.known(host, port)
                        or (await self._resolver.lookup(host, port)).addresses
                    )
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no answer to the name lookup of {host}") from error
        except (NameNotResolved, OSError) as error:
            raise httpx.ConnectError(str(error)) from error
        stream.begin(plan, deadline_s).connect(addresses)


class _Stream(httpx.AsyncByteStream):
    """The listener of one exchange and, at the same time, its response's body."""

    def __init__(self, transport: ExchangeTransport, request: httpx.Request, origin: object) -> None:
        self._transport = transport
        self._request = request
        self._origin = origin
        self._loop = asyncio.get_running_loop()
        self._pieces: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._news = asyncio.Event()
        self._is_open = self._is_over = False
        self._read: ResponseReader | None = None
        self._error: Exception | None = None
        self.exchange: Exchange | None = None

    def begin(self, plan: Plan, deadline_s: float) -> Exchange:
        """The exchange, not yet begun."""
        self.exchange = Exchange(plan, self, deadline_s=deadline_s, loop=self._loop)
        self._transport._open.add(self)  # noqa: SLF001 - one class in two halves
        return self.exchange

    def limit_s(self, what: str) -> float | None:
        """The request's timeout of this kind."""
        limit: float | None = self._request.extensions.get("timeout", {}).get(what)
        return limit

    # --- the exchange's calls ------------------------------------------------------------------------

    def on_open(self) -> None:
        self._is_open = True
        self._news.set()

    def on_head(self, response: ResponseReader) -> bool:
        self._read = response
        self._news.set()
        return True

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._waiting_bytes += len(piece)
        if self._waiting_bytes > _WAITING_BYTES and self.exchange is not None:
            self.exchange.pause()
        self._news.set()

    def on_end(self, error: Exception | None) -> None:
        self._is_over, self._error = True, error
        self._transport._open.discard(self)  # noqa: SLF001 - one class in two halves
        exchange = self.exchange
        if exchange is not None and exchange.kept is not None:
            self._transport._kept.put(self._origin, exchange.kept)  # noqa: SLF001 - likewise
        self._news.set()

    # --- httpx's calls -------------------------------------------------------------------------------

    async def head(self) -> None:
        """Wait for the head of the response. Raises httpx.TransportError."""
        while not (self._is_open or self._is_over):
            await self._wait(self.limit_s("connect"))
        while not (self._read or self._is_over):
            sending = self.exchange is not None and self.exchange.phase == "send"
            await self._wait(self.limit_s("write" if sending else "read"))
        if self._error is not None and self._read is None:
            self._raise(self._error)

    def response(self) -> httpx.Response:
        """The response whose body this is."""
        read = self._read
        assert read is not None
        return httpx.Response(
            read.status, headers=read.headers, stream=self, request=self._request,
            extensions={"http_version": f"HTTP/{read.version}".encode(), EXCHANGE: self.exchange},
        )  # fmt: skip

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._waiting_bytes -= len(piece)
                yield piece
            if self._error is not None:
                self._raise(self._error)
            if self._is_over:
                return
            assert self.exchange is not None
            self.exchange.resume()
            if not (self._pieces or self._is_over):
                await self._wait(self.limit_s("read"))

    async def aclose(self) -> None:
        """Give the exchange up unless it is over; twice is fine."""
        self._pieces.clear()
        if self.exchange is not None:
            self.exchange.cancel()

    async def _wait(self, limit_s: float | None) -> None:
        self._news.clear()
        try:
            async with asyncio.timeout(limit_s):
                await self._news.wait()
        except TimeoutError as error:
            assert self.exchange is not None
            phase = self.exchange.phase
            await self.aclose()
            raise timed_out(phase, self._request) from error

    def _raise(self, error: Exception) -> None:
        assert self.exchange is not None
        raise as_httpx(error, self.exchange.phase, self._request) from error
