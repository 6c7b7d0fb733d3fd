"""The way to a target, opened: name, connection, proxy, TLS; for hops that a plain exchange does not make."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic_ns
from typing import Final

from apistatus.model.check import Proxy, TlsOptions
from apistatus.model.result import Phase
from apistatus.probing.attempt import Attempt
from apistatus.probing.chains import expires_at_us, served_chain
from apistatus.probing.connection import Connection
from apistatus.probing.dialing import Dialing
from apistatus.probing.exchange_errors import ClosedByUs, ConnectFailed, EndedEarly, HandshakeClosed
from apistatus.probing.failures import DeadlinePassed, NotConnected, connect_failure, explain
from apistatus.probing.hop_plan import HopPlan
from apistatus.probing.http2 import NotHttp2
from apistatus.probing.network_policy import Blocked
from apistatus.probing.proxying import ProxyFailed, open_way
from apistatus.probing.reaching import Reaching
from apistatus.probing.redirects import Hop, RedirectFailed
from apistatus.probing.resolve import Address, NameNotResolved, Resolver
from apistatus.probing.streams import Stream
from apistatus.probing.tls_files import LivingContexts

_PROXYS: Final = (
    NameNotResolved, Blocked, NotConnected, HandshakeClosed, EndedEarly, DeadlinePassed, OSError,
)  # fmt: skip
"""What goes wrong before the way is open is the proxy's."""


def forwards(plan: HopPlan) -> bool:
    """True when an HTTP proxy is asked for the response itself and not for a way to the target."""
    proxy = plan.road.proxy
    return proxy is not None and proxy.scheme != "socks5" and plan.tls is None


def origin_of(hop: Hop) -> tuple[str, int]:
    """Host and port of the target."""
    url = hop.url
    return url.raw_host.decode("ascii").strip("[]"), url.port or (443 if url.scheme == "https" else 80)


def lead_through(attempt: Attempt, proxy: Proxy, plan: HopPlan) -> None:
    """What is said from here on is said of the target behind the proxy."""
    assert plan.hop is not None
    attempt.host, attempt.port = origin_of(plan.hop)
    attempt.via, attempt.tls_name = proxy.place, plan.server_name


class Way:
    """One way, as far as it is open. Durations are nanoseconds, None until their phase has ended."""

    __slots__ = (
        "_at_proxy", "_attempt", "_connected", "_deadline_s", "_loop", "_plan", "address", "connect_ns", "phase",
        "stream", "tls_ns", "tried",
    )  # fmt: skip

    def __init__(self, attempt: Attempt, plan: HopPlan, deadline_s: float) -> None:
        self._attempt = attempt
        self._plan = plan
        self._deadline_s = deadline_s
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[Connection] | None = None
        self._at_proxy = False
        self.phase: Phase = "resolve"
        self.stream: Stream | None = None
        self.address: Address | None = None
        """Connected to, or tried last."""
        self.tried: Sequence[tuple[Address, OSError]] = ()
        self.connect_ns: int | None = None
        self.tls_ns: int | None = None

    async def open(self, reaching: Reaching, contexts: LivingContexts) -> Stream:
        """The stream to the target. Raises what `failures` knows."""
        plan, proxy = self._plan, self._plan.road.proxy
        if proxy is None:
            stream = await self._dial(reaching)
        else:
            stream = await self._open_through(proxy, reaching, contexts)
        if plan.tls is not None:
            self.phase = self._attempt.timeline.phase = "tls"
            protocols = ("h2", "http/1.1") if plan.road.http2 else ("http/1.1",)
            context = context_of(contexts, plan.tls)
            self.tls_ns = await stream.start_tls(context, plan.server_name, protocols)
            assert stream.tls is not None
            stream.connection.certificate_expires_at_us = expires_at_us(served_chain(stream.tls))
            if plan.road.http2:
                _require_http2(stream.tls)
        return stream

    def late(self) -> Exception:
        """What it means that the deadline passes now."""
        proxy = self._plan.road.proxy
        if proxy is None or not self._at_proxy or self.phase == "resolve":
            return DeadlinePassed()
        assert self._plan.hop is not None
        host, port = origin_of(self._plan.hop)
        did_not = "answer" if self.stream is None else f"open the way to {host}:{port}"
        text = f"the proxy {proxy.place} did not {did_not} within {self._attempt.limit}"
        return ProxyFailed("connect_timeout", "connect", text)

    def cancel(self, error: ClosedByUs) -> None:
        """Give it up: whoever opens it hears of the error."""
        if self.stream is not None:
            self.stream.close(error)
        if self._connected is not None and not self._connected.done():
            self._connected.set_exception(error)

    async def _open_through(self, proxy: Proxy, reaching: Reaching, contexts: LivingContexts) -> Stream:
        plan = self._plan
        assert plan.hop is not None
        if forwards(plan) and plan.road.http2:
            raise RedirectFailed("the redirect leads to http://, which no HTTP proxy can do in HTTP/2")
        host, port = origin_of(plan.hop)
        literal = Resolver.literal(host, port)
        if literal is not None:
            # What a name means only the proxy knows.
            self.phase = "connect"
            reaching.allowed([literal])
        self._at_proxy = True
        try:
            stream = await self._dial(reaching)
            began_ns = monotonic_ns()
            await self._pass(stream, proxy, contexts)
        except _PROXYS as error:
            failure = explain(error, self._attempt)
            if failure.kind == "internal":
                raise
            text = f"the proxy: {failure.text}"
            raise ProxyFailed(failure.kind, failure.phase or "connect", text) from error
        if proxy.scheme == "https" or not forwards(plan):
            self.connect_ns = (self.connect_ns or 0) + monotonic_ns() - began_ns
        self._at_proxy = False
        lead_through(self._attempt, proxy, plan)
        return stream

    async def _pass(self, stream: Stream, proxy: Proxy, contexts: LivingContexts) -> None:
        """Have the proxy lead the stream to the target, as far as it can."""
        attempt = self._attempt
        try:
            if proxy.scheme == "https":
                attempt.tls_name, attempt.timeline.phase = proxy.host, "tls"
                await stream.start_tls(context_of(contexts, TlsOptions()), proxy.host, ("http/1.1",))
                attempt.timeline.phase = "connect"
            if not forwards(self._plan):
                assert self._plan.hop is not None
                await open_way(stream, proxy, *origin_of(self._plan.hop))
        except ssl.SSLError:
            raise
        except OSError as error:
            why = os.strerror(error.errno).lower() if error.errno else str(error)
            text = f"the proxy {proxy.place} broke the connection: {why}"
            raise ProxyFailed("disconnected", "connect", text) from error

    async def _dial(self, reaching: Reaching) -> Stream:
        addresses = await reaching.addresses(self._attempt, self._plan, self._deadline_s)
        self.phase = "connect"
        connected = self._connected = self._loop.create_future()
        dialing = Dialing(
            addresses, self._deadline_s, self._loop,
            on_connected=connected.set_result, on_failed=connected.set_exception,
        )  # fmt: skip
        try:
            dialing.start()
            connection = await connected
        except ConnectFailed as error:
            said = [connect_failure(said, address, self._plan.port) for address, said in error.tried]
            raise NotConnected(said) from error
        except BaseException:
            if connected.done() and not connected.cancelled() and connected.exception() is None:
                connected.result().close()
            raise
        finally:
            self.address, self.tried = dialing.address, dialing.tried
            dialing.stop()
        self.address, self.connect_ns = connection.address, dialing.connect_ns
        self.stream = Stream(connection, self._loop)
        return self.stream


def context_of(contexts: LivingContexts, options: TlsOptions) -> ssl.SSLContext:
    """The context of OpenSSL for these options. Raises TlsOptionsUnusable."""
    [(_, context)] = contexts.of(replace(options, server_name=None)).now().engines
    return context


def _require_http2(tls: ssl.SSLObject) -> None:
    chosen = tls.selected_alpn_protocol()
    if chosen != "h2":
        raise NotHttp2(f"it chose {chosen or 'no protocol'} in the TLS handshake (ALPN)")
