"""One check, all attempts included: a target's fault is in the outcome, never raised."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from apistatus.model.check import Check
from apistatus.model.result import Outcome
from apistatus.ports import Clock
from apistatus.probing.answer import RawHeaders
from apistatus.probing.attempt import Attempt
from apistatus.probing.exchange import Exchange
from apistatus.probing.extract import Extraction
from apistatus.probing.failures import Failure, explain
from apistatus.probing.fetching import Fetcher, charset_of
from apistatus.probing.masking import mask_of_value
from apistatus.probing.network_policy import IpNetwork, NetworkPolicy
from apistatus.probing.response_reader import ResponseReader
from apistatus.probing.threads import Threads
from apistatus.probing.tls_engines import EngineChoice
from apistatus.probing.verdict import outcome_of

_EXTRACTION_THREADS: Final = 4


class HttpProber:
    """`ports.Prober` over exchanges of our own. Belongs to the event loop that runs its probes."""

    def __init__(
        self, clock: Clock, *, deny_networks: Iterable[IpNetwork] = (), tls_engine: EngineChoice = "auto",
        tell_held: bool = True,
    ) -> None:  # fmt: skip
        """Outcomes tell of every assertion; without `tell_held` only of those that do not hold, which costs
        less."""
        self._clock = clock
        self._tell_held = tell_held
        self._fetcher = Fetcher(NetworkPolicy(deny_networks), tls_engine)
        self._last_values: dict[str, str] = {}
        """By check id, for those that want to know of changes."""
        self._threads = Threads("apistatus-extract", _EXTRACTION_THREADS)
        self._extraction = Extraction(self._threads, tell_held=tell_held)

    async def probe(self, check: Check) -> Outcome:
        """Try until an attempt succeeds or `retries` are used up; the last attempt's outcome."""
        made = 1
        while True:
            outcome = await self._attempt(check, made)
            if outcome.status in ("up", "degraded") or made > check.retries:
                return outcome
            await self._clock.sleep(check.retry_delay_us / 1e6)
            made += 1

    def exchanges_under_way(self) -> Collection[Exchange]:
        """What is open right now, for measurements and tests."""
        return tuple(self._fetcher.under_way)

    async def aclose(self) -> None:
        """Close every socket; probes under way end as inconclusive."""
        self._fetcher.close()
        self._threads.close()

    async def _attempt(self, check: Check, number: int) -> Outcome:
        attempt = Attempt(check, self._clock)
        failure: Failure | None = None
        try:
            body, response = await self._fetcher.fetch(attempt)
            attempt.total_us = attempt.timeline.total_us()
            if attempt.accepts_status() and not check.failures:
                await self._evaluate(attempt, body, response)
        except Exception as error:  # noqa: BLE001 - what nobody thought of is ours: inconclusive, not a crash
            failure = explain(error, attempt)
        return outcome_of(attempt, failure, number, tell_held=self._tell_held)

    async def _evaluate(self, attempt: Attempt, body: bytes, response: ResponseReader) -> None:
        check = attempt.check
        if check.extractor is None and check.value_header is None and not check.assertions:
            return
        found = await self._extraction(
            check, body, charset_of(response.header(b"content-type")), RawHeaders(response.headers),
            total_us=attempt.total_us or 0, certificate_left_us=attempt.certificate_left_us(),
            mask=lambda text: attempt.mask(text),
        )  # fmt: skip
        attempt.value, attempt.asserted = found.value, tuple(found.asserted)
        attempt.unreadable = found.unreadable
        if found.value is not None and (mask := mask_of_value(check, attempt.headers)):
            attempt.value = mask(found.value)
        if found.failure is not None:
            raise found.failure
        if check.changed and found.value is not None:
            before = self._last_values.get(check.id, found.value)
            self._last_values[check.id] = found.value
            attempt.value_before = before if before != found.value else None
