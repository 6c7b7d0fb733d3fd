"""An httpx transport that makes a fresh connection per request and stamps its phases.

Below it: our resolver, our stream on a raw socket, and httpcore's HTTP/1.1 connection. There is no
pool; its upkeep costs more than a connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import httpcore
import httpx

from apistatus.model.check import TlsOptions
from apistatus.probing.attempt import Attempt
from apistatus.probing.failures import NotConnected, connect_failure
from apistatus.probing.resolve import Address, Resolver
from apistatus.probing.stream import CheckStream
from apistatus.probing.tls import TlsContexts, expires_at_us, served_chain

ATTEMPT: Final = "apistatus.attempt"
TLS_OPTIONS: Final = "apistatus.tls"
"""Keys of `httpx.Request.extensions` that this transport wants: an Attempt and TlsOptions."""

_MAX_HEAD_BYTES: Final = 131_072
"""Heads, interim responses included, may come to this much."""


class CheckTransport(httpx.AsyncBaseTransport):
    """Serves requests that carry an Attempt and TlsOptions as extensions.

    Raises what went wrong as it is, for `failures` to name: OSError, ssl.SSLError, httpcore's
    exceptions, and those of `resolve`, `stream` and `tls`. There is no timeout here: cancel it.
    """

    def __init__(self) -> None:
        self._resolver = Resolver()
        self._contexts = TlsContexts()
        self._open: set[CheckStream] = set()

    @property
    def resolver(self) -> Resolver:
        """Its resolver, which knows whose fault a lookup without an answer is."""
        return self._resolver

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response, its body still to come. Closing the response closes the connection."""
        attempt: Attempt = request.extensions[ATTEMPT]
        tls: TlsOptions = request.extensions[TLS_OPTIONS]
        url = request.url
        stream = await self._connect(attempt, url)
        self._open.add(stream)
        try:
            if url.scheme == "https":
                await self._secure(attempt, stream, tls)
            return await self._exchange(attempt, stream, request)
        except BaseException:
            self._close(stream)
            raise

    async def warm_up(self) -> None:
        """Have httpcore load what it loads on first use: 25 ms that would be counted as the target's."""
        peer = httpcore.AsyncMockStream([b"HTTP/1.1 204 No Content\r\n\r\n"])
        url = httpcore.URL("http://127.0.0.1/")
        connection = httpcore.AsyncHTTP11Connection(origin=url.origin, stream=peer)
        response = await connection.handle_async_request(
            httpcore.Request("GET", url, headers=[("Host", "x")])
        )
        await response.aread()
        await response.aclose()

    async def aclose(self) -> None:
        """Close every connection that is open."""
        for stream in list(self._open):
            self._close(stream)
        self._resolver.close()

    def _close(self, stream: CheckStream) -> None:
        self._open.discard(stream)
        stream.close()

    async def _connect(self, attempt: Attempt, url: httpx.URL) -> CheckStream:
        host = url.raw_host.decode("ascii").strip("[]")
        port = url.port or (443 if url.scheme == "https" else 80)
        attempt.new_hop(host, port)
        literal = self._resolver.literal(host, port)
        if literal is None:
            attempt.timeline.enter("resolve")
            addresses = await self._resolver.lookup(host, port)
        else:
            addresses = [literal]
        attempt.timeline.enter("connect")
        attempt.stream = await self._first_that_connects(attempt, addresses)
        return attempt.stream

    async def _first_that_connects(self, attempt: Attempt, addresses: list[Address]) -> CheckStream:
        """Try the addresses in order; each may use its share of the time that is left."""
        failures = []
        for index, address in enumerate(addresses):
            attempt.ip = address.ip
            others = len(addresses) - index - 1
            limit_s = attempt.remaining_s() / (others + 1) if others else None
            try:
                async with asyncio.timeout(limit_s):
                    return await CheckStream.connect(address)
            except OSError as error:
                failures.append(connect_failure(error, address, attempt.port))
                attempt.tried.append(failures[-1].text)
        raise NotConnected(failures)

    async def _secure(self, attempt: Attempt, stream: CheckStream, options: TlsOptions) -> None:
        attempt.timeline.enter("tls")
        attempt.used_tls = True
        attempt.tls_name = options.server_name or attempt.host.rstrip(".")
        tls = await stream.handshake(self._contexts.of(options), attempt.tls_name)
        ends = expires_at_us(served_chain(tls))
        before = attempt.certificate_expires_at_us
        if ends is not None and (before is None or ends < before):
            attempt.certificate_expires_at_us = ends

    async def _exchange(
        self, attempt: Attempt, stream: CheckStream, request: httpx.Request
    ) -> httpx.Response:
        timeline = attempt.timeline
        timeline.enter("send")
        stream.max_head_bytes = _MAX_HEAD_BYTES
        stream.on_first_byte = lambda: timeline.enter("transfer")
        stream.on_first_wait = lambda: timeline.enter("processing")
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        connection = httpcore.AsyncHTTP11Connection(origin=url.origin, stream=stream)
        core = await connection.handle_async_request(
            httpcore.Request(
                method=request.method, url=url, headers=request.headers.raw, content=request.stream
            )
        )
        stream.max_head_bytes = None
        version = core.extensions["http_version"]
        if not version.startswith(b"HTTP/1."):
            raise httpcore.RemoteProtocolError(f"it answers in {version.decode('ascii', 'replace')}")
        return httpx.Response(
            status_code=core.status,
            headers=core.headers,
            stream=_ResponseBody(self, stream, core),
            extensions=core.extensions,
            request=request,
        )


class _ResponseBody(httpx.AsyncByteStream):
    def __init__(self, transport: CheckTransport, stream: CheckStream, core: httpcore.Response) -> None:
        self._transport = transport
        self._stream = stream
        self._core = core

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with contextlib.aclosing(self._core.aiter_stream()) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                yield chunk

    async def aclose(self) -> None:
        self._transport._close(self._stream)  # noqa: SLF001 - one class in two halves
