"""One check, all attempts included: a target's fault is in the outcome, never raised."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from apistatus.model.check import Check
from apistatus.model.result import Outcome
from apistatus.ports import Clock
from apistatus.probing.answer import RawHeaders
from apistatus.probing.attempt import Attempt
from apistatus.probing.authorizing import Authorizer, at_fault
from apistatus.probing.exchange import Exchange
from apistatus.probing.extract import Extraction
from apistatus.probing.failures import Failure, explain
from apistatus.probing.fetching import Fetcher, charset_of
from apistatus.probing.hops import Hops
from apistatus.probing.masking import mask_of_value
from apistatus.probing.network_policy import IpNetwork, NetworkPolicy
from apistatus.probing.resolve import Resolver
from apistatus.probing.response_reader import ResponseReader
from apistatus.probing.threads import Threads
from apistatus.probing.tls_engines import EngineChoice
from apistatus.probing.verdict import outcome_of

_EXTRACTION_THREADS: Final = 4


class HttpProber:
    """`ports.Prober` over exchanges of our own. Belongs to the event loop that runs its probes."""

    def __init__(
        self, clock: Clock, *, deny_networks: Iterable[IpNetwork] = (), tls_engine: EngineChoice = "auto",
        tell_held: bool = True, resolver: Resolver | None = None,
    ) -> None:  # fmt: skip
        """Outcomes tell of every assertion and hop; without `tell_held` only of assertions that do not hold,
        which costs less."""
        self._clock = clock
        self._tell_held = tell_held
        self._fetcher = Fetcher(NetworkPolicy(deny_networks), tls_engine, resolver)
        self._authorizer = Authorizer(self._fetcher, clock)
        self._last_values: dict[str, str] = {}
        """By check id, for those that want to know of changes."""
        self._threads = Threads("apistatus-extract", _EXTRACTION_THREADS)
        self._extraction = Extraction(self._threads, tell_held=tell_held)

    async def probe(self, check: Check) -> Outcome:
        """Try until an attempt succeeds or `retries` are used up; the last attempt's outcome."""
        made = 1
        while True:
            # In no coroutine of its own: a check in flight would take a quarter of a kB more.
            attempt = Attempt(check, self._clock)
            failure = await self._try(attempt)
            if attempt.bearer is not None:
                attempt, failure = await self._with_another_token(attempt, failure)
            outcome = outcome_of(attempt, failure, made, tell_held=self._tell_held)
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
        await self._authorizer.aclose()
        self._threads.close()

    async def _with_another_token(
        self, attempt: Attempt, failure: Failure | None
    ) -> tuple[Attempt, Failure | None]:
        """The attempt and its failure; those of a second one when the target wanted another token. Only the
        second one's exchange counts then, in times and everything else."""
        try:
            if not await self._authorizer.has_another(attempt):
                return attempt, failure
        except Exception as error:  # noqa: BLE001 - likewise
            return attempt, explain(error, attempt)
        second = Attempt(attempt.check, self._clock, attempt)
        failure = await self._try(second)
        self._authorizer.note_second(second)
        return second, failure

    async def _try(self, attempt: Attempt) -> Failure | None:
        """Carry out the attempt; why it failed, as far as that is not for the verdict to say."""
        if self._tell_held:
            attempt.hops = Hops()
        try:
            if attempt.late_auth is not None:
                await self._authorizer.authorize(attempt)
            body, response = await self._fetcher.fetch(attempt)
            attempt.total_us = attempt.timeline.total_us()
            if attempt.accepts_status() and not attempt.check.failures:
                await self._evaluate(attempt, body, response)
        except Exception as error:  # noqa: BLE001 - what nobody thought of is ours: inconclusive, not a crash
            failure = explain(at_fault(error, attempt), attempt)
            _let_go(error)
            return failure
        return None

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
        if found.value is not None and (mask := mask_of_value(check, attempt.headers, attempt.secrets)):
            attempt.value = mask(found.value)
        if found.failure is not None:
            raise found.failure
        if check.changed and found.value is not None:
            before = self._last_values.get(check.id, found.value)
            self._last_values[check.id] = found.value
            attempt.value_before = before if before != found.value else None


def _let_go(error: BaseException) -> None:
    """Drop the tracebacks of an error and its causes: their frames hold it, and with it bodies, buffers and TLS
    state that else only a collection of garbage would free, whenever that comes."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
