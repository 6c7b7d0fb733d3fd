"""The consumer's loop: claim -> poll -> decode -> batch -> store. One thread, one step at a time.

PostgreSQL decides: it holds the offsets, moved in the transaction of the rows. Whatever goes wrong,
the batch is dropped and the partitions are read again from the offset that PostgreSQL names; the
one exception is a batch whose claim is found unmoved after an outage: it is stored as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence

from apistatus.consume import sayings
from apistatus.consume.batch import Collector
from apistatus.consume.holdings import Holdings
from apistatus.consume.options import Options, Totals
from apistatus.consume.patience import Patience
from apistatus.consume.recent import Recent
from apistatus.errors import (
    AccessRefused,
    BatchRejected,
    Fenced,
    IncompatibleSchema,
    LostMessages,
    OffsetOutOfRange,
    PostgresUnavailable,
    RecreatedTopic,
    RowRejected,
    ServiceUnavailable,
    TooManyDeadLetters,
)
from apistatus.ports import Clock, Message, ResultSink, ResultSource
from apistatus.runtime.logs import Events
from apistatus.runtime.metrics import Metrics
from apistatus.runtime.retrying import Stopped
from apistatus.runtime.stopping import Stop

log = Events("consume")

_IDLE_POLL_S = 0.5
_LAG_PERIOD_NS = 1_000_000_000


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
        self._recent: Recent | None = None
        self._topic = ""
        self._holdings = Holdings(source, sink, clock, metrics, self._options.fence_pause_s)
        self._patience = Patience(source, clock, metrics, stop, self._positions)
        self._lag_mono_ns = 0
        self._membership: str | None = "not a member of the group yet"
        self.totals = Totals()

    @property
    def turned_mono_ns(self) -> int:
        """When the loop last made a turn: what /live looks at."""
        return self._patience.turned_mono_ns

    @property
    def waits_for(self) -> str | None:
        """Why no progress is made just now, for /ready; None while there is nothing to wait for."""
        return self._patience.waits_for or self._membership

    def run(self) -> None:
        """Step until a stop is asked for, then store what is in hand and leave the group.

        Raises RecreatedTopic, LostMessages, TooManyDeadLetters and whatever else needs a person.
        """
        try:
            while not self._stop.asked:
                self.step()
            self._store_once()
        except (Stopped, ServiceUnavailable, AccessRefused) as error:
            if not self._stop.asked:
                # Whatever was not waited out is a failure, and must not look like an orderly end.
                raise
            log.warning("stop.left_unstored", messages=self._collector.size, cause=str(error))
        finally:
            self._source.close()
            self._sink.close()

    def step(self) -> None:
        """One turn: claim what was assigned, poll once, store when the batch is due."""
        if self._source.recreated():
            log.warning("topic.changed", topic=self._topic)
            self._holdings.claim_all_anew()
            self._start_over()
        waiting = self._holdings.waiting()
        if waiting:
            if self._holdings.stored.keys() & waiting:
                # Taken away and given back between two polls: what we hold of it will be read again.
                self._holdings.forget(waiting)
                self._start_over()
            self._claim(waiting)
        messages = self._poll()
        if self._holdings.lost_some():
            self._start_over()
        else:
            self._take(messages)
        self._patience.turned()
        self._membership = self._source.membership()
        now_ns = self._clock.mono_ns()
        if self._collector.is_due(now_ns) or (self._collector.bad and self._is_too_much(self._with_batch())):
            self._store()
        elif self._collector.is_behind and self._collector.batch.results:
            self._with_patience(lambda: self._sink.write_ahead(self._collector.batch))
        if now_ns - self._lag_mono_ns > _LAG_PERIOD_NS:
            self._lag_mono_ns = now_ns
            self._observe_lag()

    def _take(self, messages: Sequence[Message]) -> None:
        collector = self._collector
        expected = {**self._holdings.expected, **collector.batch.positions}
        collector.take(messages, expected, wall_us=self._clock.wall_us(), mono_ns=self._clock.mono_ns())
        if collector.holes:
            # Never over a hole: what the client skipped, for whatever reason of its own, is read again.
            positions = self._positions()
            self._holdings.start({partition: positions[partition] for partition in collector.holes})

    def _poll(self) -> Sequence[Message]:
        collector = self._collector
        timeout_s = collector.due_in_s(self._clock.mono_ns()) if collector.size else _IDLE_POLL_S
        try:
            return self._source.poll(collector.wanted, max(0.0, timeout_s))
        except OffsetOutOfRange as error:
            self._find_the_way(error)
            return ()

    def _positions(self) -> Mapping[int, int | None]:
        """Where each started partition is read next, the batch in hand being what it is."""
        return {**self._holdings.stored, **self._collector.batch.positions}

    def _claim(self, partitions: Collection[int]) -> None:
        """Take partitions over in PostgreSQL and start them at the offsets it holds."""
        self._sink.abandon()
        identity = self._patience.until(self._source.identity, "kafka")
        self._topic = identity.topic
        restart = self._options.on_recreated_topic == "restart"
        positions = self._patience.until(
            lambda: self._sink.claim(identity, partitions, restart=restart), "postgres"
        )
        if self._recent is None:
            self._begin_to_count(positions)
        ours = self._holdings.took(positions)
        log.info("partitions.claimed", positions=dict(sorted(ours.items())))

    def _begin_to_count(self, positions: Mapping[int, int | None]) -> None:
        read_before = any(at is not None for at in positions.values())
        self._recent = Recent.of(self._sink.recent(), read_before=read_before)
        self._stop_at_too_much()
        self._options.on_dead_letters()

    def _find_the_way(self, error: OffsetOutOfRange) -> None:
        """A partition has no message at our offset: it is another topic's, or retention was faster."""
        # What was read before may be gone from Kafka: it has to be stored now.
        self._store()
        partition, options = error.partition, self._options
        if partition not in self._holdings.stored:
            return
        stored = self._holdings.stored[partition]
        position = error.position if stored is None else stored
        lost: range | None = None
        if stored is None and position < error.low:
            # Nothing of it was ever stored: the beginning is wherever it is by now.
            self._start_over()
            return
        if position > error.high:
            if options.on_recreated_topic == "fail":
                raise RecreatedTopic(sayings.recreated(self._topic, partition, position, error.high))
            log.error("topic.restarted", topic=self._topic, partition=partition, from_offset=position)
        else:
            lost = range(position, error.low)
            if options.on_lost_offsets == "fail":
                raise LostMessages(sayings.lost(self._topic, partition, lost))
        try:
            self._patience.until(lambda: self._sink.skip(partition, lost), "postgres")
        except Fenced as fenced:
            self._fenced(fenced)
            return
        if lost is not None:
            self._metrics.lost_messages.inc(len(lost))
            log.error("messages.lost", topic=self._topic, partition=partition, count=len(lost),
                      from_offset=lost.start, until_offset=lost.stop)  # fmt: skip
        self._holdings.stored[partition] = None if lost is None else lost.stop
        self._start_over()

    def _store(self) -> None:
        """Store the batch in hand; wait for PostgreSQL as long as it takes, a member all the while."""
        self._with_patience(self._store_once)
        self._stop_at_too_much()

    def _with_patience(self, call: Callable[[], None]) -> None:
        try:
            call()
        except (PostgresUnavailable, AccessRefused, IncompatibleSchema) as error:
            log.warning("batch.held", messages=self._collector.size, cause=str(error))
            self._patience.until(self._claim_again_and_store, "postgres", because=error)

    def _store_once(self) -> None:
        while self._collector.size:
            batch, recent = self._collector.batch, self._with_batch()
            batch.recent = recent.numbers
            try:
                with self._metrics.batch_seconds.time():
                    stored = self._sink.store(batch)
            except RowRejected as error:
                self._collector.reject(error.index, error.reason)
                self._patience.turned()
            except BatchRejected as error:
                self._narrow_down(error)
            except Fenced as error:
                self._fenced(error)
            else:
                self._recent = recent
                self._holdings.stored.update(batch.positions)
                self.totals.count(batch, stored, self._metrics)
                if batch.dead_letters:
                    self._options.on_dead_letters()
                self._source.commit(batch.positions)
                self._collector.grow()
                self._collector.clear()

    def _narrow_down(self, error: BatchRejected) -> None:
        """PostgreSQL does not say what it refuses: read less at once, down to the one message."""
        if self._collector.size == 1:
            if not self._collector.reject_the_only_one(error.reason):
                raise error
            return
        log.info("batch.halved", messages=self._collector.size, cause=error.reason)
        self._collector.halve()
        self._start_over()

    def _claim_again_and_store(self) -> None:
        """After an outage: claim again, and drop the batch unless PostgreSQL stands where we left it.

        The commit may have happened before the connection broke: then the offsets have moved. Who owns a
        partition by now keeps it: we may have been away for longer than PostgreSQL.
        """
        held = dict(self._holdings.stored)
        positions = self._sink.reclaim()
        self._holdings.lost_some()
        stored = self._holdings.stored
        taken = stored.keys() - positions.keys()
        stored.update({p: at for p, at in positions.items() if p in stored})
        if taken:
            self._fenced(Fenced(taken))
        elif stored != held:
            self._start_over()
        else:
            self._store_once()

    def _fenced(self, error: Fenced) -> None:
        """Others own these partitions: drop the batch, leave them alone, read the rest again."""
        log.warning(
            "batch.fenced", partitions=sorted(error.partitions), set_back=sorted(error.set_back),
            dropped=self._collector.size,
        )  # fmt: skip
        self._metrics.fenced.inc()
        self._holdings.step_back(error.partitions, error.set_back)
        self._start_over()

    def _start_over(self) -> None:
        """Drop the batch in hand and read what is still ours again from the stored offsets."""
        self._sink.abandon()
        self._collector.clear()
        self._holdings.read_again()

    def _with_batch(self) -> Recent:
        return (self._recent or Recent()).after(self._collector.size, self._collector.bad)

    def _is_too_much(self, recent: Recent) -> bool:
        return recent.exceeds(self._options.dead_letter_limit)

    def _stop_at_too_much(self) -> None:
        if self._recent is not None and self._is_too_much(self._recent):
            limit = self._options.dead_letter_limit
            raise TooManyDeadLetters(
                sayings.too_many(self._topic, self._recent.bad, self._recent.messages, limit)
            )

    def _observe_lag(self) -> None:
        unread = self._source.lag()
        self._metrics.lag.set(math.nan if unread is None else unread + self._collector.size)
