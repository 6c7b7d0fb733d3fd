"""The consumer's loop: claim -> poll -> decode -> batch -> store. One thread, one step at a time.

PostgreSQL decides: it holds the offsets, moved in the transaction of the rows. Whatever goes wrong,
the batch is dropped and the partitions are read again from the offset that PostgreSQL names; the
one exception is a batch whose claim is found unmoved after an outage: it is stored as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar

from apistatus.consume.batch import Collector, Policy
from apistatus.errors import (
    AccessRefused,
    ApistatusError,
    Fenced,
    PostgresUnavailable,
    RowRejected,
    ServiceUnavailable,
)
from apistatus.ports import Clock, ResultSink, ResultSource, Stored, TopicIdentity
from apistatus.runtime.logs import Events
from apistatus.runtime.metrics import Metrics
from apistatus.runtime.retrying import Stopped, until_it_answers
from apistatus.runtime.stopping import Stop

T = TypeVar("T")
log = Events("consume")

_POLL_MESSAGES = 1_000
"""More at once is slower: the list no longer fits the caches (measured on real Kafka)."""
_IDLE_POLL_S = 0.5
_LAG_PERIOD_NS = 1_000_000_000


@dataclass(slots=True)
class Totals:
    """What this process has stored so far."""

    rows: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    batches: int = 0


@dataclass(slots=True)
class Options:
    """Bounds of the loop."""

    policy: Policy = field(default_factory=Policy)
    fence_pause_s: float = 20.0
    """How long a fenced partition waits for a new assignment before it is claimed again: twice the
    session timeout, by when a frozen member knows that it lost its partitions."""


class ConsumeLoop:
    """Moves messages from a source into a sink, each exactly once."""

    def __init__(
        self, source: ResultSource, sink: ResultSink, clock: Clock, metrics: Metrics, stop: Stop,
        options: Options | None = None,
    ) -> None:  # fmt: skip
        self._source = source
        self._sink = sink
        self._clock = clock
        self._metrics = metrics
        self._stop = stop
        self._options = options or Options()
        self._collector = Collector(self._options.policy)
        self._stored: dict[int, int | None] = {}
        """Per started partition the offset that PostgreSQL holds."""
        self._fenced: dict[int, int] = {}
        """Partitions lost to another member, and when (monotonic ns)."""
        self._identity: TopicIdentity | None = None
        self._lag_mono_ns = 0
        self.totals = Totals()
        self.turned_mono_ns = clock.mono_ns()
        """When the loop last made a turn: what /ready and /live look at."""
        self.waits_for: str | None = None
        """Why no progress is made just now, for /ready; None while there is nothing to wait for."""

    def run(self) -> None:
        """Step until a stop is asked for, then store what is in hand and leave the group.

        Raises RecreatedTopic, IncompatibleSchema and whatever else needs a person.
        """
        try:
            while not self._stop.asked:
                self.step()
            self._store_once()
        except (Stopped, ServiceUnavailable, AccessRefused) as error:
            log.warning("stop.left_unstored", messages=self._collector.size, cause=str(error))
        finally:
            self._source.close()
            self._sink.close()

    def step(self) -> None:
        """One turn: claim what was assigned, poll once, store when the batch is due."""
        waiting = self._source.unstarted() | self._rested()
        if waiting:
            if self._stored.keys() & waiting:
                # Taken away and given back between two polls: what we hold of it will be read again.
                self._forget(waiting)
                self._start_over()
            self._claim(waiting)
        timeout_s = self._collector.due_in_s(self._clock.mono_ns()) if self._collector.size else _IDLE_POLL_S
        messages = self._source.poll(min(_POLL_MESSAGES, self._collector.room), max(0.0, timeout_s))
        if self._lost_some():
            self._start_over()
        else:
            self._collector.take(messages, wall_us=self._clock.wall_us(), mono_ns=self._clock.mono_ns())
        now_ns = self.turned_mono_ns = self._clock.mono_ns()
        if self._collector.is_due(now_ns):
            self._store()
        if now_ns - self._lag_mono_ns > _LAG_PERIOD_NS:
            self._lag_mono_ns = now_ns
            self._observe_lag()

    def _lost_some(self) -> bool:
        """Forget the claims on partitions that the group took from us; whether there were any."""
        assigned = self._source.assigned()
        for partition in self._fenced.keys() - assigned:
            del self._fenced[partition]
        gone = self._stored.keys() - assigned
        if gone:
            log.info("partitions.lost", partitions=sorted(gone))
            self._forget(gone)
        return bool(gone)

    def _rested(self) -> frozenset[int]:
        pause_ns = int(self._options.fence_pause_s * 1e9)
        now_ns = self._clock.mono_ns()
        return frozenset(p for p, since_ns in self._fenced.items() if now_ns - since_ns > pause_ns)

    def _claim(self, partitions: Collection[int]) -> None:
        """Take partitions over in PostgreSQL and start them at the offsets it holds."""
        if self._identity is None:
            self._identity = self._patiently(self._source.identity, "kafka")
        identity = self._identity
        positions = self._patiently(lambda: self._sink.claim(identity, partitions), "postgres")
        still_ours = {p: at for p, at in positions.items() if p in self._source.assigned()}
        self._source.start(still_ours)
        self._stored.update(still_ours)
        for partition in partitions:
            self._fenced.pop(partition, None)
        self._metrics.partitions.set(len(self._stored))
        log.info("partitions.claimed", positions=dict(sorted(still_ours.items())))

    def _store(self) -> None:
        """Store the batch in hand; wait for PostgreSQL as long as it takes, a member all the while."""
        try:
            self._store_once()
        except (PostgresUnavailable, AccessRefused) as error:
            log.warning("batch.held", messages=self._collector.size, cause=str(error))
            self._patiently(self._claim_again_and_store, "postgres", because=error)

    def _store_once(self) -> None:
        while self._collector.size:
            batch = self._collector.batch
            try:
                with self._metrics.batch_seconds.time():
                    stored = self._sink.store(batch)
            except RowRejected as error:
                self._collector.reject(error.index, error.reason)
            except Fenced as error:
                self._step_back(error.partitions)
            else:
                self._count(stored)
                self._stored.update(batch.positions)
                self._source.commit(batch.positions)
                self._collector.clear()

    def _claim_again_and_store(self) -> None:
        """After an outage: claim again, and drop the batch unless PostgreSQL stands where we left it.

        The commit may have happened before the connection broke: then the offsets have moved.
        """
        identity, held = self._identity, dict(self._stored)
        if identity is None:
            raise AssertionError("a batch without a claim")
        positions = self._sink.claim(identity, held)
        self._lost_some()
        if positions != held or held.keys() != self._stored.keys():
            self._stored = {p: at for p, at in positions.items() if p in self._stored}
            self._start_over()
        else:
            self._store_once()

    def _step_back(self, partitions: frozenset[int]) -> None:
        """Another member owns these: drop the batch, leave them alone, read the others again."""
        log.warning("batch.fenced", partitions=sorted(partitions), dropped=self._collector.size)
        self._metrics.fenced.inc()
        now_ns = self._clock.mono_ns()
        self._fenced.update(dict.fromkeys(partitions & self._source.assigned(), now_ns))
        self._forget(partitions)
        self._source.release(partitions)
        self._start_over()

    def _forget(self, partitions: Collection[int]) -> None:
        self._sink.release(partitions)
        for partition in partitions:
            self._stored.pop(partition, None)
        self._metrics.partitions.set(len(self._stored))

    def _start_over(self) -> None:
        """Drop the batch in hand and read what is still ours again from the stored offsets."""
        self._collector.clear()
        # Polls made while we waited for a service may have taken more partitions away.
        self._lost_some()
        if self._stored:
            self._source.start(self._stored)

    def _patiently(self, call: Callable[[], T], what: str, *, because: ApistatusError | None = None) -> T:
        """The result of `call`, however long its service is away; what is started pauses meanwhile."""
        held = False
        self.waits_for = str(because) if because else None

        def attempt() -> T:
            try:
                return call()
            except ApistatusError as error:
                self.waits_for = str(error)
                raise

        def poll_meanwhile(seconds: float) -> None:
            nonlocal held
            if not held:
                self._source.hold()
                held = True
            self._poll_for(seconds)

        result = until_it_answers(
            attempt, what=what, log=log, stop=self._stop, sleep=poll_meanwhile, metrics=self._metrics
        )
        self.waits_for = None
        if held:
            log.always(f"{what}.returned", held=self._collector.size)
            positions = {**self._stored, **self._collector.batch.positions}
            self._source.start({p: at for p, at in positions.items() if p in self._source.assigned()})
        return result

    def _poll_for(self, seconds: float) -> None:
        """Wait, polling: a member that does not poll is thrown out of the group."""
        until_ns = self._clock.mono_ns() + int(seconds * 1e9)
        while not self._stop.asked and (left_ns := until_ns - self._clock.mono_ns()) > 0:
            self._source.poll(1, min(0.2, left_ns / 1e9))
            self.turned_mono_ns = self._clock.mono_ns()

    def _count(self, stored: Stored) -> None:
        metrics, totals = self._metrics, self.totals
        metrics.batches.inc()
        metrics.rows.inc(stored.rows)
        metrics.duplicates.inc(stored.duplicates)
        for letter in self._collector.batch.dead_letters:
            metrics.dead_letters.labels(letter.reason).inc()
            log.warning(
                "message.dead", reason=letter.reason, partition=letter.partition, offset=letter.offset
            )
        totals.batches += 1
        totals.rows += stored.rows
        totals.duplicates += stored.duplicates
        totals.dead_letters += stored.dead_letters

    def _observe_lag(self) -> None:
        unread = self._source.lag()
        self._metrics.lag.set(math.nan if unread is None else unread + self._collector.size)
