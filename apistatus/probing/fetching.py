"""Fetching what a check asks for: each hop one exchange, redirects followed, nothing of a target trusted."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import httpx

from apistatus.model.check import Check
from apistatus.probing.attempt import Attempt
from apistatus.probing.chains import expires_at_us, served_chain
from apistatus.probing.connection import Connection
from apistatus.probing.decoding import CutOff
from apistatus.probing.detours import Detours
from apistatus.probing.exchange import Exchange
from apistatus.probing.exchange_errors import ConnectFailed, EndedEarly, HeldUp, OutOfTime
from apistatus.probing.exchange_plan import Plan
from apistatus.probing.failures import DeadlinePassed, NotConnected, connect_failure
from apistatus.probing.hop_plan import HopPlan, road_of
from apistatus.probing.keep_alive import KeepAlive
from apistatus.probing.measured import Measured
from apistatus.probing.network_policy import NetworkPolicy
from apistatus.probing.reaching import Reaching
from apistatus.probing.reception import Reception
from apistatus.probing.redirects import Hop, RedirectFailed, next_hop, shown
from apistatus.probing.resolve import Address, Resolver
from apistatus.probing.response_reader import ResponseReader
from apistatus.probing.stamps import StampsOn
from apistatus.probing.tls_engines import EngineChoice, Engines, is_alert

_MOST_READY: Final = 200_000
_LAG_NS: Final = 5_000_000
"""A result is marked when our event loop was later than this."""
_CHARSET: Final = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)


class _Ready(NamedTuple):
    """A check's first hop, made ready once; `check` and `headers` tell whether it still is the same."""

    check: Check
    headers: tuple[tuple[str, str], ...]
    plan: HopPlan


def _first_hop(attempt: Attempt) -> Hop:
    check = attempt.check
    return Hop(check.method, httpx.URL(check.url), attempt.headers, check.body, check.tls)


class Fetcher:
    """Carries out attempts. Belongs to the event loop that runs them."""

    def __init__(
        self, policy: NetworkPolicy, engines: EngineChoice, resolver: Resolver | None = None
    ) -> None:
        self._engines = Engines(engines)
        self._reaching = Reaching(policy, Resolver() if resolver is None else resolver)
        self._detours = Detours(self._reaching)
        self._kept: KeepAlive[Connection] = KeepAlive()
        self._ready: dict[str, _Ready] = {}
        self._stamps: StampsOn | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.under_way: set[Exchange] = set()

    async def fetch(self, attempt: Attempt) -> tuple[bytes, ResponseReader]:
        """Body and head of the final response; what else was found out is in `attempt`.

        Raises what went wrong, for `failures` to name.
        """
        deadline_s = attempt.deadline_s
        if attempt.hops is not None:
            attempt.hops.begin(attempt.check.method, httpx.URL(attempt.check.url))
        reception = await self._carry_out(attempt, self._made_ready(attempt), deadline_s)
        if reception.location is not None:
            reception = await self._follow(attempt, reception, deadline_s)
        await reception.catch_up(deadline_s)
        return _content(attempt, reception), reception.response

    async def _follow(self, attempt: Attempt, reception: Reception, deadline_s: float) -> Reception:
        """Go where redirects lead; the final response."""
        check, hop = attempt.check, _first_hop(attempt)
        seen = {(hop.method, str(hop.url))}
        while (location := reception.location) is not None:
            hop = attempt.signed(next_hop(hop, reception.response.status, location))
            if attempt.redirects >= check.max_redirects:
                raise RedirectFailed(
                    f"more than {check.max_redirects} redirects; the next leads to {shown(hop.url)}"
                )
            if (hop.method, str(hop.url)) in seen:
                raise RedirectFailed(f"the redirects go in a circle: back to {shown(hop.url)}")
            attempt.redirects += 1
            seen.add((hop.method, str(hop.url)))
            if attempt.hops is not None:
                attempt.hops.begin(hop.method, hop.url)
            plan = HopPlan(hop, road=road_of(check, hop.url))
            reception = await self._carry_out(attempt, plan, deadline_s)
        return reception

    def close(self) -> None:
        """Close every connection; exchanges under way end as given up by us."""
        for exchange in list(self.under_way):
            exchange.cancel()
        self._detours.close()
        self._kept.close()
        self._engines.close()
        self._reaching.close()
        if self._stamps is not None:
            self._stamps.close()
            self._stamps = None

    def _made_ready(self, attempt: Attempt) -> HopPlan:
        check = attempt.check
        ready = self._ready.get(check.id)
        if ready is None or ready.check is not check or ready.headers != attempt.headers:
            if len(self._ready) >= _MOST_READY:
                self._ready.clear()
            hop = _first_hop(attempt)
            plan = HopPlan(hop, keep_alive=check.keep_alive, road=road_of(check, hop.url))
            ready = self._ready[check.id] = _Ready(check, attempt.headers, plan)
        return ready.plan

    async def _carry_out(self, attempt: Attempt, plan: HopPlan, deadline_s: float) -> Reception:
        """One hop."""
        attempt.new_hop(plan.host, plan.port)
        attempt.tls_name = plan.server_name
        resolved_us = attempt.timeline.took_us("resolve")
        if plan.hop is None:
            reception = await self._exchanged(attempt, plan, deadline_s)
        else:
            reception = await self._detours.carry_out(attempt, plan, deadline_s)
        exchange = reception.exchange
        _note(attempt, exchange, reception.error)
        if attempt.hops is not None:
            attempt.hops.note(exchange, resolve_us=attempt.timeline.since_us("resolve", resolved_us))
        if reception.error is not None:
            raise _translated(reception.error, plan.port)
        return reception

    async def _exchanged(self, attempt: Attempt, plan: HopPlan, deadline_s: float) -> Reception:
        """One hop as an exchange. A kept connection that turns out to be dead is no reason to fail, and neither is
        an alert that came after the handshake (TLS 1.3 refuses client certificates so) while OpenSSL was not
        asked."""
        said = plan.plan(self._engines)
        kept = self._take_kept(plan, said)
        addresses: Sequence[Address] = ()
        while True:
            if kept is None and not addresses:
                addresses = await self._reaching.addresses(attempt, plan, deadline_s)
            reception, exchange = self._begin(attempt, said, kept or addresses, deadline_s)
            try:
                await reception.over
            finally:
                self.under_way.discard(exchange)
                exchange.cancel()
            if exchange.kept is not None:
                self._keep(plan, exchange.kept)
            other = _other_opinion(said, reception)
            if (kept is None or not _was_dead(reception)) and other is None:
                return reception
            said, kept = other or said, None

    def _take_kept(self, plan: HopPlan, said: Plan) -> Connection | None:
        """A connection that can be used again; one made with a certificate that was replaced is closed."""
        while plan.wants_keep_alive and (kept := self._kept.take(plan.origin)) is not None:
            if kept.speaks_with(said.engines):
                return kept
            kept.close()
        return None

    def _keep(self, plan: HopPlan, connection: Connection) -> None:
        if connection.speaks_with(plan.plan(self._engines).engines):
            self._kept.put(plan.origin, connection)
        else:
            connection.close()

    def _begin(
        self, attempt: Attempt, plan: Plan, over: Connection | Sequence[Address], deadline_s: float
    ) -> tuple[Reception, Exchange]:
        """Begin an exchange, over a kept connection or a new one to the first of these addresses that accepts."""
        loop = self._loop or self._first_time()
        reception = Reception(attempt, loop)
        exchange = Exchange(plan, reception, deadline_s=deadline_s, loop=loop)
        reception.exchange = attempt.exchange = exchange
        self.under_way.add(exchange)
        if isinstance(over, Connection):
            exchange.go_on(over)
        else:
            exchange.connect(over)
        return reception, exchange

    def _first_time(self) -> asyncio.AbstractEventLoop:
        # Without a file descriptor for it nothing would be stamped, and nothing be probed either.
        self._stamps = StampsOn()
        self._loop = asyncio.get_running_loop()
        return self._loop


def _was_dead(reception: Reception) -> bool:
    """True when a connection ended before it answered, as kept ones do that the server gave up meanwhile."""
    return isinstance(reception.error, OSError | EndedEarly) and not reception.exchange.received_bytes


def _other_opinion(said: Plan, reception: Reception) -> Plan | None:
    """The plan for whom to ask when rustls was refused after its handshake; None when nobody is left."""
    exchange = reception.exchange
    if exchange.received_bytes or exchange.engine != "rustls" or not is_alert(reception.error):
        return None
    return said.last_opinion()


def _note(attempt: Attempt, exchange: Measured, error: Exception | None) -> None:
    """Take over what the exchange measured."""
    timeline = attempt.timeline
    timeline.measured("connect", exchange.connect_ns)
    timeline.measured("tls", exchange.tls_ns if exchange.phase != "tls" else None)
    timeline.measured("processing", exchange.processing_ns)
    timeline.measured("transfer", exchange.transfer_ns)
    timeline.phase = exchange.phase
    attempt.ip = exchange.address.ip if exchange.address else None
    attempt.engine = exchange.engine or attempt.engine
    attempt.reused = exchange.reused
    attempt.lagged = attempt.lagged or exchange.late_ns > _LAG_NS
    attempt.has_kernel_clock = exchange.has_kernel_clock and (
        attempt.has_kernel_clock or not attempt.redirects
    )
    ends = _certificate_end(exchange, error)
    before = attempt.certificate_expires_at_us
    if ends is not None and (before is None or ends < before):
        attempt.certificate_expires_at_us = ends


def _certificate_end(exchange: Measured, error: Exception | None) -> int | None:
    """Earliest end of the chain that was served, also of one that was refused."""
    if exchange.connection is not None:
        return exchange.connection.certificate_expires_at_us
    if exchange.tls is not None and isinstance(error, ssl.SSLCertVerificationError):
        return expires_at_us(served_chain(exchange.tls))
    return None


def _translated(error: Exception, port: int) -> Exception:
    if isinstance(error, ConnectFailed):
        return NotConnected([connect_failure(found, address, port) for address, found in error.tried])
    is_target_late = isinstance(error, OutOfTime) and not isinstance(error, HeldUp)
    return DeadlinePassed() if is_target_late else error


def _content(attempt: Attempt, reception: Reception) -> bytes:
    """The decoded body. Raises BadCoding, CutOff."""
    exchange, response, body = reception.exchange, reception.response, reception.body
    attempt.timeline.phase = "transfer"
    if exchange.truncated and response.ends_with_connection:
        raise CutOff("may be cut off: the TLS connection was closed without a goodbye")
    attempt.timeline.phase = "body"
    content = body.finish() if body is not None else b""
    if body is not None:
        attempt.size_bytes, attempt.compressed_bytes = body.size_bytes, body.compressed_bytes
    return content


@lru_cache(maxsize=1024)
def charset_of(content_type: str | None) -> str | None:
    """The charset that a Content-Type names."""
    found = _CHARSET.search(content_type or "")
    return found[1] if found else None
