"""`consume` as a process: how fast it drains a filled topic, and how soon a result can be seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from apistatus.bench import storage_sample
from apistatus.bench.cost import cpu_s, peak_memory_mb
from apistatus.bench.storage_services import Connection, Database, Services
from apistatus.bench.storage_topic import NotMeasured, publishing
from apistatus.demo.processes import Child
from apistatus.model import wire
from apistatus.settings.schema import KafkaSettings

RATE: Final = 100
"""Results a second while it is measured how soon they are seen."""
_PATIENCE_S: Final = 300.0
_POLL_S: Final = 0.02
_LOOK_S: Final = 0.002
_LOOK_AT_TRANSACTIONS_S: Final = 0.05
_WARM_UP_S: Final = 3.0
_STOPS_WITHIN_S: Final = 60.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Drained:
    """What one drain gave, from the first commit that was seen to the last."""

    rows_per_s: float
    client_us: float
    """Processor time a row, of the whole process."""
    backend_us: float
    """Likewise, of the backend that stores."""
    memory_mb: float


@dataclass(slots=True)
class Seen:
    """How soon results were seen, and what that took."""

    waits_ms: list[float] = field(default_factory=list)
    """From handing a result to the producer to its row, in the order of sending."""
    transactions_per_s: float = 0.0


def drain(services: Services, database: Database, topic: KafkaSettings, rows: int) -> Drained:
    """Drain the topic into this database. When most rows came with the first commit, the time runs from
    the moment the partitions were claimed. Raises NotMeasured."""
    with _consuming(services, database, topic) as consume, closing(database.connect()) as connection:
        began = time.monotonic()
        while not (claim := _stored(connection)).claimed:
            services.go_on()
            _require_progress(consume, began, "no partition claimed")
            time.sleep(_POLL_S)
        begin = _At(consume.pid, claim)
        last = begin
        while last.stored < rows:
            services.go_on()
            _require_progress(consume, began, f"{last.stored} of {rows} rows")
            time.sleep(_POLL_S)
            last = _At(consume.pid, _stored(connection))
            if not begin.stored and 0 < last.stored < rows / 2:
                begin = last
        counted = rows - begin.stored
        return Drained(
            rows_per_s=counted / (last.mono_s - begin.mono_s),
            client_us=(last.client_s - begin.client_s) / counted * 1e6,
            backend_us=(last.backend_s - begin.backend_s) / counted * 1e6,
            memory_mb=peak_memory_mb(consume.pid),
        )


class _Progress(NamedTuple):
    """What the offsets say: how many messages are stored, of how many partitions, and by which backend."""

    stored: int
    claimed: int
    backend: int | None


def _stored(connection: Connection) -> _Progress:
    query = "select coalesce(sum(next_offset), 0)::bigint, count(*), min(owner_backend) from apistatus.kafka_offsets"
    return _Progress(*connection.execute(query).fetchall()[0])


class _At:
    """A moment of a drain: what was stored by then, and what both sides had used."""

    def __init__(self, consume_pid: int, progress: _Progress) -> None:
        self.mono_s, self.stored = time.monotonic(), progress.stored
        self.client_s = cpu_s(consume_pid)
        self.backend_s = 0.0 if progress.backend is None else cpu_s(progress.backend)


def see(services: Services, database: Database, topic: KafkaSettings, seconds: float) -> Seen:
    """Publish 100 results a second for so long, as `produce` does, and look for their rows. Looking goes on
    all the time, two milliseconds apart, so that a wait may be told that much too long. Raises NotMeasured."""
    with (
        _consuming(services, database, topic) as consume,
        closing(database.connect()) as eyes,
        closing(services.database("postgres").connect()) as statistics,
    ):
        began = time.monotonic()
        while not _stored(eyes).claimed:
            services.go_on()
            _require_progress(consume, began, "no partition claimed")
            time.sleep(_POLL_S)
        # All looks are one transaction, so that only those of `consume` are counted.
        eyes.execute("begin isolation level read committed")
        look = _Look(eyes, statistics, database.name, services.go_on)
        look.publish_and_see(consume, topic, seconds)
    return look.seen


class _Look:
    def __init__(
        self, eyes: Connection, statistics: Connection, database: str, go_on: Callable[[], None]
    ) -> None:
        self._eyes, self._statistics, self._database, self._go_on = eyes, statistics, database, go_on
        self._sent: dict[int, float] = {}
        """Results that have not been seen: the tick, and when it was sent."""
        self._stored = 0
        self._waits: dict[int, float] = {}
        self._commits: list[tuple[float, int]] = []
        """When the count of transactions was another one than before: PostgreSQL tells it once a second."""
        self.seen = Seen()

    def publish_and_see(self, consume: Child, topic: KafkaSettings, seconds: float) -> None:
        until_s = _WARM_UP_S + seconds
        total, number, began = int(until_s * RATE), 0, time.monotonic()
        next_count = began
        with publishing(topic) as publisher:
            while number < total or self._sent:
                self._go_on()
                _require_progress(consume, began, f"{len(self._sent)} of {number} results not seen")
                now = time.monotonic()
                while number < total and began + number / RATE <= now:
                    tick_us = time.time_ns() // 1000
                    result = storage_sample.result(number, number % RATE, tick_us)
                    self._sent[tick_us] = time.monotonic()
                    publisher.publish(result.check.encode(), wire.encode(result))
                    number += 1
                self._see()
                if now >= next_count:
                    self._count(now)
                    next_count = now + _LOOK_AT_TRANSACTIONS_S
                time.sleep(_LOOK_S)
        warm_up = int(_WARM_UP_S * RATE)
        self.seen.waits_ms = [wait_s * 1e3 for _, wait_s in sorted(self._waits.items())][warm_up:]
        counted = [(at, count) for at, count in self._commits if at - began >= _WARM_UP_S]
        if len(counted) > 1:
            (first_at, first), (last_at, last) = counted[0], counted[-1]
            self.seen.transactions_per_s = (last - first) / (last_at - first_at)

    def _see(self) -> None:
        stored = _stored(self._eyes).stored
        if stored == self._stored:
            return
        self._stored, now = stored, time.monotonic()
        oldest = _EPOCH + timedelta(microseconds=min(self._sent))
        query = "select scheduled_at from apistatus.results where scheduled_at >= %s"
        for (tick,) in self._eyes.execute(query, (oldest,)):
            tick_us = (tick - _EPOCH) // timedelta(microseconds=1)
            if (sent := self._sent.pop(tick_us, None)) is not None:
                self._waits[tick_us] = now - sent

    def _count(self, now: float) -> None:
        query = "select xact_commit + xact_rollback from pg_stat_database where datname = %s"
        [(count,)] = self._statistics.execute(query, (self._database,)).fetchall()
        if not self._commits or self._commits[-1][1] != count:
            self._commits.append((now, count))


@contextmanager
def _consuming(services: Services, database: Database, topic: KafkaSettings) -> Iterator[Child]:
    group = f"{topic.consumer_group}-{database.name}"
    with closing(database.connect()) as connection:
        connection.execute("checkpoint")
    consume = services.command(
        "consume", database, KAFKA_STATUS_TOPIC=topic.topic, KAFKA_CONSUMER_GROUP=group
    )
    try:
        yield consume
    finally:
        consume.stop(_STOPS_WITHIN_S)


def _require_progress(consume: Child, began: float, what: str) -> None:
    if consume.exit_code is not None:
        said = "\n  ".join(consume.last_words())
        raise NotMeasured(f"consume ended with exit code {consume.exit_code} ({what}):\n  {said}")
    if time.monotonic() - began > _PATIENCE_S:
        said = "\n  ".join(consume.last_words())
        raise NotMeasured(f"after {_PATIENCE_S:g} s: {what}; consume said last:\n  {said}")
