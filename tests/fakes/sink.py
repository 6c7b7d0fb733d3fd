"""PostgreSQL as the consumer sees it, in memory: rows, dead letters and the fence."""

from __future__ import annotations

from collections.abc import Collection

from apistatus.errors import ApistatusError, Fenced
from apistatus.model.result import Result
from apistatus.ports import Batch, Stored, TopicIdentity


class Database:
    """Rows, dead letters and the fence; shared by all sinks of a test."""

    def __init__(self) -> None:
        self.rows: list[Result] = []
        self.dead: list[tuple[int, int, str]] = []
        self.definitions: list[object] = []
        self.next_offset: dict[int, int | None] = {}
        self.epoch: dict[int, int] = {}


class MemorySink:
    """`ports.ResultSink` over a Database. `failures` are raised, one a call, before anything is stored;
    `lost_answers` counts commits that succeed and then raise nonetheless."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.epochs: dict[int, int] = {}
        self.known: dict[int, int | None] = {}
        self.failures: list[ApistatusError] = []
        self.claim_failures: list[ApistatusError] = []
        self.after_commit: list[ApistatusError] = []
        self.closed = False

    def check_schema(self) -> None:
        """Fits always."""

    def claim(self, identity: TopicIdentity, partitions: Collection[int]) -> dict[int, int | None]:
        assert identity.topic_id == "topic-1"
        if self.claim_failures:
            raise self.claim_failures.pop(0)
        for partition in partitions:
            self.epochs[partition] = self.database.epoch[partition] = (
                self.database.epoch.get(partition, 0) + 1
            )
            self.known[partition] = self.database.next_offset.get(partition)
        return {partition: self.known[partition] for partition in partitions}

    def store(self, batch: Batch) -> Stored:
        if self.failures:
            raise self.failures.pop(0)
        database = self.database
        fenced = [
            p
            for p in batch.positions
            if p not in self.epochs
            or database.epoch.get(p) != self.epochs[p]
            or database.next_offset.get(p) != self.known[p]
        ]
        if fenced:
            raise Fenced(fenced)
        database.rows += batch.results
        database.definitions += batch.definitions
        database.dead += [(d.partition, d.offset, d.reason) for d in batch.dead_letters]
        database.next_offset.update(batch.positions)
        self.known.update(batch.positions)
        if self.after_commit:
            raise self.after_commit.pop(0)
        return Stored(len(batch.results), 0, len(batch.dead_letters))

    def release(self, partitions: Collection[int]) -> None:
        for partition in partitions:
            self.epochs.pop(partition, None)

    def close(self) -> None:
        self.closed = True
