"""Batches for a sink, with offsets that go on by themselves."""

from __future__ import annotations

from typing import Any

from apistatus.model.definition import Definition
from apistatus.model.result import Result
from apistatus.ports import Batch, DeadLetter, Stored, TopicIdentity
from apistatus.postgres.connect import Connection
from apistatus.postgres.sink import PostgresSink
from tests.fakes.messages import result

TOPIC = TopicIdentity("cluster", "statuses", "topic-1")


class Feed:
    """A sink and the offset that its partition has come to."""

    def __init__(self, sink: PostgresSink, partitions: tuple[int, ...]) -> None:
        self.sink = sink
        self.partition = partitions[0]
        claimed = sink.claim(TOPIC, partitions)
        self.offset = claimed[self.partition] or 0

    @property
    def connection(self) -> Connection:
        """The one that the sink has now."""
        assert self.sink._session is not None
        return self.sink._session.connection

    def store(
        self, *results: Result, definitions: list[Definition] | None = None,
        dead_letters: list[DeadLetter] | None = None,
    ) -> Stored:  # fmt: skip
        """Store these as one batch."""
        batch = Batch(
            results=list(results), definitions=definitions or [], dead_letters=dead_letters or [],
            positions={self.partition: self.offset + 1},
        )  # fmt: skip
        stored = self.sink.store(batch)
        self.offset += 1
        return stored

    def reclaim(self) -> None:
        """Claim again what nobody else owns, as the loop does after PostgreSQL was away."""
        self.offset = self.sink.reclaim()[self.partition] or 0


def at(scheduled_at_us: int, status: str = "up", check: str = "home", **fields: Any) -> Result:
    """A result of one check at an instant."""
    return result(0, check, scheduled_at_us=scheduled_at_us, status=status, **fields)
