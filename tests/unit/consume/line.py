"""A consumer's loop over a topic and a database in memory."""

from __future__ import annotations

from typing import Any

from apistatus.consume.batch import Policy
from apistatus.consume.loop import ConsumeLoop
from apistatus.consume.options import Options
from apistatus.runtime.metrics import Metrics
from apistatus.runtime.stopping import Stop
from tests.fakes.clock import NOW_US, VirtualClock
from tests.fakes.sink import Database, MemorySink
from tests.fakes.source import MemorySource

Topic = dict[int, list[bytes | None]]


class Line:
    """All partitions of the topic are assigned to it from the start."""

    def __init__(
        self,
        topic: Topic,
        database: Database | None = None,
        options: dict[str, Any] | None = None,
        **policy: float,
    ) -> None:
        self.clock, self.metrics, self.stop = VirtualClock(), Metrics(), Stop()
        self.database = database or Database()
        self.source = MemorySource(self.clock, topic)
        self.sink = MemorySink(self.database)
        self.options = Options(
            Policy(**{"max_messages": 100, **policy}),
            **{"fence_pause_s": 20.0, **(options or {})},
        )
        self.loop = ConsumeLoop(self.source, self.sink, self.clock, self.metrics, self.stop, self.options)
        self.source.assign(*topic)

    def steps(self, count: int) -> None:
        for _ in range(count):
            self.loop.step()

    def somebody_claims(self, partition: int) -> None:
        self.database.epoch[partition] += 1
        self.database.owner[partition] = "somebody else"

    def numbers(self, check: str = "home") -> list[int]:
        """Which results of a check are stored, in the order they were."""
        rows = [row for row in self.database.rows if row.check == check]
        return [(row.scheduled_at_us - NOW_US) // 1_000_000 for row in rows]

    def metric(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(name)
