"""The narrow doors between rooms. A fake of each, under 60 lines, is in tests/fakes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from apistatus.model.check import Check
from apistatus.model.definition import Definition
from apistatus.model.result import Outcome, Result

Headers = Sequence[tuple[str, bytes]]


class Clock(Protocol):
    """Time. Durations come from `mono_ns`, instants from `wall_us`; never the other way round."""

    def wall_us(self) -> int:
        """UTC microseconds since 1970."""

    def mono_ns(self) -> int:
        """Monotonic nanoseconds, from an arbitrary start."""

    async def sleep(self, seconds: float) -> None:
        """Wait on the monotonic clock; may return up to 2 ms early, so re-check what is due."""


class Prober(Protocol):
    """Carries out one check now, all attempts included."""

    async def probe(self, check: Check) -> Outcome:
        """The target's fault is in the outcome and our own is `inconclusive`; only cancelling raises."""

    async def aclose(self) -> None:
        """Close every socket."""


class ResultPublisher(Protocol):
    """Hands messages to the topic. Only a delivery report counts as sent."""

    def publish(self, key: bytes, value: bytes, headers: Headers = ()) -> None:
        """Queue one message; never blocks, never raises for a broker that is away."""

    def flush(self, timeout_s: float) -> int:
        """Wait for delivery reports; the number of messages still without one."""

    def close(self) -> int:
        """Abandon what is still queued and free the client; the number of messages abandoned."""


class Message(Protocol):
    """One message of the topic, as confluent_kafka.Message has it (no wrapper: 100,000 a second)."""

    def value(self) -> bytes | None: ...
    def key(self) -> bytes | None: ...
    def headers(self) -> list[tuple[str, bytes]] | None: ...
    def partition(self) -> int: ...
    def offset(self) -> int: ...
    def timestamp(self) -> tuple[int, int]: ...


@dataclass(frozen=True, slots=True)
class TopicIdentity:
    """Which topic the offsets belong to; `topic_id` is None where the broker has none (in-memory)."""

    cluster_id: str
    topic: str
    topic_id: str | None


class ResultSource(Protocol):
    """The topic as a group member reads it. Callbacks only note and pause: the loop claims and starts.

    Every method is called from one thread, and only `poll` runs callbacks.
    """

    def identity(self) -> TopicIdentity:
        """Cluster, topic and topic id. Raises KafkaUnavailable, AccessRefused."""

    def poll(self, max_messages: int, timeout_s: float) -> Sequence[Message]:
        """Messages of started partitions, in order within each; empty when none came in time."""

    def unstarted(self) -> frozenset[int]:
        """Partitions assigned to us that wait, paused, for `start`."""

    def assigned(self) -> frozenset[int]:
        """Partitions assigned to us, started or not."""

    def start(self, positions: Mapping[int, int | None]) -> None:
        """Read these partitions from these offsets; None is the beginning."""

    def release(self, partitions: Collection[int]) -> None:
        """Pause partitions that another member owns by now; they wait for a new assignment."""

    def hold(self) -> None:
        """Pause everything that was started but stay a member; `poll` returns nothing until the
        partitions are started again. What was fetched ahead is dropped: `start` seeks anyway."""

    def commit(self, positions: Mapping[int, int]) -> None:
        """Tell lag tools how far we are; best effort, never read by us."""

    def lag(self) -> int | None:
        """Messages of started partitions that we have not polled; None when unknown."""

    def close(self) -> None:
        """Leave the group."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that cannot be stored: its raw bytes, where it came from, and why."""

    partition: int
    offset: int
    reason: str
    message: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int | None


@dataclass(slots=True)
class Batch:
    """What one transaction stores. `results[i]` came from `messages[i]`.

    `positions` is, per partition, the offset of the next message after the batch; a partition may
    be in it without a result (tombstones and dead letters move offsets too).
    """

    results: list[Result] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a transaction did: rows new or improved, rows that were there already, dead letters."""

    rows: int
    duplicates: int
    dead_letters: int


class ResultSink(Protocol):
    """PostgreSQL as the consumer sees it: one batch, one transaction, fenced by (epoch, next_offset).

    Every method may raise PostgresUnavailable (try again later) or AccessRefused (say so, loudly).
    """

    def check_schema(self) -> None:
        """Raises IncompatibleSchema when the database does not fit this version."""

    def claim(self, identity: TopicIdentity, partitions: Collection[int]) -> dict[int, int | None]:
        """Take over these partitions: raises the epoch of each, so that whoever had it is fenced.

        Returns the offset to read next, None where nothing was stored yet. Raises RecreatedTopic.
        """

    def store(self, batch: Batch) -> Stored:
        """All of the batch and its offsets, or nothing. Raises Fenced, RowRejected."""

    def release(self, partitions: Collection[int]) -> None:
        """Forget our claim on these partitions (no database call)."""

    def close(self) -> None:
        """Close the connection."""
