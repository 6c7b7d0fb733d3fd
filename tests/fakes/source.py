"""The topic as a group member reads it, over lists in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from apistatus.errors import OffsetOutOfRange
from apistatus.ports import Message, TopicIdentity
from tests.fakes.clock import VirtualClock
from tests.fakes.messages import MemoryMessage


class MemorySource:
    """A group member over lists of values; `assign` and `revoke` play the broker."""

    def __init__(self, clock: VirtualClock, topic: Mapping[int, list[bytes | None]]) -> None:
        self.clock, self.topic = clock, topic
        self.positions: dict[int, int] = {}
        self.mine: set[int] = set()
        self.held = False
        self.committed: dict[int, int] = {}
        self.closed = False
        self.before_poll: Callable[[], None] = lambda: None
        self.waits_s: list[float] = []
        """How long each poll would have waited."""
        self.low: dict[int, int] = {}
        """First offset that retention has left."""
        self.topic_id: str | None = "topic-1"
        self.known_id = self.topic_id

    def assign(self, *partitions: int) -> None:
        self.mine.update(partitions)
        self.released -= frozenset(partitions)

    def revoke(self, *partitions: int) -> None:
        self.mine.difference_update(partitions)
        for partition in partitions:
            self.positions.pop(partition, None)

    def identity(self) -> TopicIdentity:
        self.known_id = self.topic_id
        return TopicIdentity("cluster", "statuses", self.topic_id)

    def recreated(self) -> bool:
        return self.known_id != self.topic_id

    def membership(self) -> str | None:
        return None if self.mine else "no assignment yet"

    def poll(self, max_messages: int, timeout_s: float) -> Sequence[Message]:
        self.before_poll()
        self.waits_s.append(timeout_s)
        taken: list[Message] = []
        for partition, position in self.positions.items() if not self.held else ():
            low, high = self.low.get(partition, 0), len(self.topic[partition])
            if not low <= position <= high:
                raise OffsetOutOfRange(partition, position, low=low, high=high)
            values = self.topic[partition][position : position + max_messages - len(taken)]
            taken += [MemoryMessage(partition, position + n, value) for n, value in enumerate(values)]
            self.positions[partition] = position + len(values)
        if not taken:
            self.clock.now_ns += int(timeout_s * 1e9) + 1
        return taken

    def unstarted(self) -> frozenset[int]:
        return frozenset(self.mine - self.positions.keys() - self.released)

    released: frozenset[int] = frozenset()

    def assigned(self) -> frozenset[int]:
        return frozenset(self.mine)

    def start(self, positions: Mapping[int, int | None]) -> dict[int, int]:
        self.held = False
        for partition, at in positions.items():
            assert partition in self.mine, "started what is not assigned"
            self.positions[partition] = self.low.get(partition, 0) if at is None else at
            self.released -= {partition}
        return {partition: self.positions[partition] for partition in positions}

    def release(self, partitions: Collection[int]) -> None:
        self.released |= frozenset(partitions)
        for partition in partitions:
            self.positions.pop(partition, None)

    def hold(self) -> None:
        self.held = True

    def commit(self, positions: Mapping[int, int]) -> None:
        self.committed.update(positions)

    def lag(self) -> int | None:
        return sum(len(self.topic[p]) - at for p, at in self.positions.items())

    def close(self) -> None:
        self.closed = True
