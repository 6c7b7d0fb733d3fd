"""One check, all attempts included: a target's fault is in the outcome, never raised."""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import Any, Final

import httpx

from apistatus import __version__
from apistatus.model.check import Check
from apistatus.model.result import Outcome, Status
from apistatus.ports import Clock
from apistatus.probing.attempt import Attempt
from apistatus.probing.decoding import ACCEPT_ENCODING, Body, CutOff, TooLarge
from apistatus.probing.extract import Extraction
from apistatus.probing.failures import DeadlinePassed, Failure, clean, explain
from apistatus.probing.redirects import FOLLOWED, Hop, RedirectFailed, next_hop, shown
from apistatus.probing.threads import Threads
from apistatus.probing.transport import ATTEMPT, TLS_OPTIONS, CheckTransport

_OWN_HEADERS: Final = (
    ("Accept", "*/*"),
    ("Accept-Encoding", ACCEPT_ENCODING),
    ("Connection", "close"),
    ("User-Agent", f"apistatus/{__version__}"),
)
_BODILESS: Final = frozenset((204, 304))
_CHUNKS_IN_A_ROW: Final = 64
"""Pieces of a body taken in before other checks, and the deadline, get their turn."""
_EXTRACTION_THREADS: Final = 4


class HttpxProber:
    """`ports.Prober` over an httpx transport. Belongs to the event loop that runs its probes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._transport = CheckTransport()
        self._threads = Threads("apistatus-extract", _EXTRACTION_THREADS)
        self._extraction = Extraction(self._threads)
        self._warm = False

    async def probe(self, check: Check) -> Outcome:
        """Try until an attempt succeeds or `retries` are used up; the last attempt's outcome."""
        if not self._warm:
            self._warm = True
            # Without a free file descriptor nothing can be loaded; the probe itself will say so.
            with contextlib.suppress(OSError):
                await self._transport.warm_up()
        made = 1
        while True:
            outcome = await self._attempt(check, made)
            if outcome.status in ("up", "degraded") or made > check.retries:
                return outcome
            await self._clock.sleep(check.retry_delay_us / 1e6)
            made += 1

    async def aclose(self) -> None:
        """Close every socket; probes under way end as inconclusive."""
        await self._transport.aclose()
        self._threads.close()

    async def _attempt(self, check: Check, number: int) -> Outcome:
        attempt = Attempt(check, self._clock)
        failure: Failure | None = None
        try:
            await self._carry_out(attempt)
        except Exception as error:  # noqa: BLE001 - what nobody thought of is ours: inconclusive, not a crash
            failure = explain(error, attempt)
        return _outcome(attempt, failure, number)

    async def _carry_out(self, attempt: Attempt) -> None:
        check = attempt.check
        deadline = asyncio.timeout(check.timeout_us / 1e6)
        try:
            async with deadline:
                body, charset = await self._fetch(attempt)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            starved = self._transport.resolver.starved(attempt.host, attempt.port)
            raise starved or DeadlinePassed from error
        attempt.total_us = attempt.timeline.until_phase_us()
        if check.extractor is not None and attempt.accepts_status():
            attempt.value = await self._extraction(check.extractor, body, charset)

    async def _fetch(self, attempt: Attempt) -> tuple[bytes, str | None]:
        """Body and charset of the final response."""
        check = attempt.check
        hop = Hop(check.method, httpx.URL(check.url), check.headers, check.body, check.tls)
        seen: set[tuple[str, str]] = set()
        while True:
            response = await self._transport.handle_async_request(_request(hop, attempt))
            try:
                attempt.status_code = response.status_code
                attempt.http_version = response.http_version.removeprefix("HTTP/")
                location = response.headers.get("location")
                if not (check.follow_redirects and location and response.status_code in FOLLOWED):
                    attempt.final = True
                    return await _body(response, attempt), response.charset_encoding
            finally:
                await response.aclose()
            seen.add((hop.method, str(hop.url)))
            hop = next_hop(hop, response.status_code, location)
            if attempt.redirects >= check.max_redirects:
                raise RedirectFailed(
                    f"more than {check.max_redirects} redirects; the next leads to {shown(hop.url)}"
                )
            if (hop.method, str(hop.url)) in seen:
                raise RedirectFailed(f"the redirects go in a circle: back to {shown(hop.url)}")
            attempt.redirects += 1


def _request(hop: Hop, attempt: Attempt) -> httpx.Request:
    written = {name.lower() for name, _ in hop.headers}
    own = [header for header in _OWN_HEADERS if header[0].lower() not in written]
    # As bytes: httpx would refuse what is not ASCII.
    headers = [(name.encode(), value.encode()) for name, value in (*own, *hop.headers)]
    return httpx.Request(
        hop.method, hop.url, headers=headers, content=hop.body,
        extensions={ATTEMPT: attempt, TLS_OPTIONS: hop.tls},
    )  # fmt: skip


async def _body(response: httpx.Response, attempt: Attempt) -> bytes:
    """Read the body to its end. Raises TooLarge, BadCoding, CutOff and what the transport raises."""
    check, stream = attempt.check, attempt.stream
    headers = response.headers
    body = Body(headers.get("content-encoding"), check.max_body_bytes, keep=check.extractor is not None)
    length = headers.get("content-length", "")
    has_body = check.method != "HEAD" and response.status_code not in _BODILESS
    if has_body and not body.encoded and length.isdecimal() and int(length[:19]) > check.max_body_bytes:
        raise TooLarge
    taken = 0
    async for chunk in response.stream:  # type: ignore[union-attr]  # ours is asynchronous
        body.feed(chunk)
        taken += 1
        if taken % _CHUNKS_IN_A_ROW == 0:
            await asyncio.sleep(0)
    # To the last byte, without the decoding of what is left.
    attempt.timeline.enter("body")
    if (
        stream is not None
        and stream.truncated
        and has_body
        and not length
        and "transfer-encoding" not in headers
    ):
        raise CutOff("may be cut off: the TLS connection was closed without a goodbye")
    content = body.finish()
    attempt.size_bytes = body.size_bytes
    return content


def _outcome(attempt: Attempt, failure: Failure | None, number: int) -> Outcome:
    """The verdict, and with it everything that was found out."""
    status, kind, phase, error = _verdict(attempt, failure)
    took = attempt.timeline.took_us
    return Outcome(
        status=status, failure=kind, phase=phase, error=error, attempts=number,
        status_code=attempt.status_code, redirects=attempt.redirects, http_version=attempt.http_version,
        ip=attempt.ip, size_bytes=attempt.size_bytes, value=attempt.value, total_us=attempt.total_us,
        resolve_us=took("resolve"), connect_us=took("connect"), tls_us=took("tls"),
        processing_us=took("send", "processing"), transfer_us=took("transfer"), clock="user",
        tls_engine="openssl" if attempt.used_tls else None,
        certificate_expires_at_us=attempt.certificate_expires_at_us,
    )  # fmt: skip


def _verdict(attempt: Attempt, failure: Failure | None) -> tuple[Status, Any, Any, str | None]:
    check = attempt.check
    if failure is not None and failure.kind == "internal":
        return "inconclusive", failure.kind, failure.phase, failure.text
    if attempt.final and attempt.status_code is not None and not attempt.accepts_status():
        # The status came first; what else went wrong is a footnote to it.
        text = f"{_named(attempt.status_code)}, expected {_ranges(check)}"
        text += f"; then {failure.text}" if failure else ""
        return "down", "status", "processing", clean(text, check)
    if failure is not None:
        return "down", failure.kind, failure.phase, failure.text
    total_us = attempt.total_us
    if check.sla_ms is not None and total_us is not None and total_us > check.sla_ms * 1000:
        over = (total_us - check.sla_ms * 1000) / 1000
        return (
            "degraded",
            None,
            None,
            f"took {total_us / 1000:.1f} ms, {over:.1f} ms over the SLA of {check.sla_ms} ms",
        )
    return "up", None, None, None


def _named(code: int) -> str:
    try:
        return f"status {code} {HTTPStatus(code).phrase}"
    except ValueError:
        return f"status {code}"


def _ranges(check: Check) -> str:
    return ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in check.statuses)
