"""PostgreSQL as the consumer sees it, in memory: rows, dead letters and the fence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from apistatus.errors import ApistatusError, Fenced, PostgresUnavailable, RecreatedTopic
from apistatus.model.result import Result
from apistatus.ports import Batch, Stored, TopicIdentity


@dataclass
class Database:
    """Rows, dead letters and the fence; shared by all sinks of a test."""

    rows: list[Result] = field(default_factory=list)
    dead: list[tuple[int, int, str]] = field(default_factory=list)
    others: list[object] = field(default_factory=list)
    """Definitions and gaps."""
    next_offset: dict[int, int | None] = field(default_factory=dict)
    epoch: dict[int, int] = field(default_factory=dict)
    owner: dict[int, object] = field(default_factory=dict)
    topic_id: str | None = None
    recent: Sequence[int] | None = None
    lost: list[tuple[int, range]] = field(default_factory=list)


class MemorySink:
    """`ports.ResultSink` over a Database. `failures` are raised, one a call, before anything is stored;
    those in `after_commit` when everything is."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.claims: dict[int, tuple[int, int | None]] = {}
        self.failures: list[ApistatusError] = []
        self.claim_failures: list[ApistatusError] = []
        self.after_commit: list[ApistatusError] = []
        self.closed = False
        self.ahead: Batch | None = None
        """The batch for which a transaction is open."""
        self._sent: list[Result] = []
        """What is in that transaction."""
        self.written_ahead: list[int] = []
        """How many results the batch had, of each call."""

    def check_schema(self) -> None:
        """Fits always."""

    def claim(
        self, identity: TopicIdentity, partitions: Collection[int], *, restart: bool = False
    ) -> dict[int, int | None]:
        assert self.ahead is None, "a transaction was left open"
        if self.claim_failures:
            raise self.claim_failures.pop(0)
        database = self.database
        if database.topic_id not in (None, identity.topic_id):
            if not restart:
                raise RecreatedTopic("another topic of the same name")
            database.next_offset.clear()
            database.epoch = {partition: epoch + 1 for partition, epoch in database.epoch.items()}
        database.topic_id = identity.topic_id
        return self._take(dict.fromkeys(partitions, 0))

    def _take(self, epochs: Mapping[int, int]) -> dict[int, int | None]:
        database = self.database
        for partition, epoch in epochs.items():
            database.epoch[partition] = max(database.epoch.get(partition, 0), epoch) + 1
            database.owner[partition] = self
            self.claims[partition] = (database.epoch[partition], database.next_offset.get(partition))
        return {partition: self.claims[partition][1] for partition in epochs}

    def reclaim(self) -> dict[int, int | None]:
        if self.claim_failures:
            raise self.claim_failures.pop(0)
        for partition in self.claims.keys() - self._set_back(self.claims):
            del self.claims[partition]
        return self._take({partition: epoch for partition, (epoch, _) in self.claims.items()})

    def _set_back(self, partitions: Collection[int]) -> set[int]:
        """Which of ours no other sink has claimed since we did."""
        owner, epoch = self.database.owner, self.database.epoch
        return {
            partition
            for partition in partitions & self.claims.keys()
            if owner.get(partition) is self or epoch.get(partition, 0) < self.claims[partition][0]
        }

    def recent(self) -> Sequence[int] | None:
        return self.database.recent

    def write_ahead(self, batch: Batch) -> None:
        assert self.ahead is None or self.ahead is batch, "a transaction was left open for another batch"
        if self.failures and isinstance(self.failures[0], PostgresUnavailable):
            self.abandon()
            raise self.failures.pop(0)
        if self.ahead is None:
            batch.recall()
        self.ahead = batch
        self._sent += batch.results[len(self._sent) - batch.dropped :]
        self.written_ahead.append(batch.count)
        batch.drop()

    def abandon(self) -> None:
        self.ahead, self._sent = None, []

    def store(self, batch: Batch) -> Stored:
        assert self.ahead is None or self.ahead is batch, "a transaction was left open for another batch"
        if self.ahead is None:
            batch.recall()
        rows = [*self._sent, *batch.results[len(self._sent) - batch.dropped :]]
        self.abandon()
        if self.failures:
            raise self.failures.pop(0)
        self._require(batch.positions)
        database = self.database
        database.rows += rows
        database.others += [*batch.definitions, *batch.gaps]
        database.dead += [(d.partition, d.offset, d.reason) for d in batch.dead_letters]
        database.recent = batch.recent
        self._move(batch.positions)
        return Stored(len(rows), 0, len(batch.dead_letters))

    def skip(self, partition: int, lost: range | None) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self._require((partition,))
        if lost is not None:
            self.database.lost.append((partition, lost))
        self._move({partition: lost.stop if lost else None})

    def _require(self, partitions: Collection[int]) -> None:
        epoch, next_offset = self.database.epoch, self.database.next_offset
        fenced = {p for p in partitions if self.claims.get(p) != (epoch.get(p), next_offset.get(p))}
        if fenced:
            raise Fenced(fenced, self._set_back(fenced))

    def _move(self, positions: Mapping[int, int | None]) -> None:
        self.database.next_offset.update(positions)
        for partition, at in positions.items():
            self.claims[partition] = (self.claims[partition][0], at)
        if self.after_commit:
            raise self.after_commit.pop(0)

    def release(self, partitions: Collection[int]) -> None:
        for partition in partitions:
            self.claims.pop(partition, None)

    def close(self) -> None:
        self.closed = True
