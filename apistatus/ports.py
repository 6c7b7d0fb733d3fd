"""The narrow doors between rooms. A fake of each, under 60 lines, is in tests/fakes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from apistatus.model import wire
from apistatus.model.check import Check
from apistatus.model.definition import Definition, Gap
from apistatus.model.letters import Headers as LetterHeaders
from apistatus.model.letters import Letter
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


class End(Enum):
    """What became of a message, as far as its sender has to care."""

    ACKNOWLEDGED = auto()
    """The brokers have it."""
    ON_DISK = auto()
    """It will get to the brokers, whatever becomes of this process."""
    REFUSED = auto()
    """It can never be on the topic: too large, malformed."""
    GIVEN_UP = auto()
    """It is no longer kept: there was no room for it, or the publisher was closed."""


OnEnd = Callable[[End], None]
"""Called once a message, in any thread, even before `publish` returns; must not block or raise."""


class ResultPublisher(Protocol):
    """Hands messages to the topic. Only a delivery report counts as sent."""

    def publish(
        self, key: bytes, value: bytes, headers: Headers = (), on_end: OnEnd | None = None
    ) -> None:  # fmt: skip
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
        """Messages of started partitions, in order within each; empty when none came in time.

        Returns as soon as there is one. Raises OffsetOutOfRange for a partition that stands still since.
        """

    def unstarted(self) -> frozenset[int]:
        """Partitions assigned to us that wait, paused, for `start`."""

    def assigned(self) -> frozenset[int]:
        """Partitions assigned to us, started or not."""

    def start(self, positions: Mapping[int, int | None]) -> Mapping[int, int]:
        """Read these partitions from these offsets, None is the beginning; gives back where each begins.

        One that is not in it could not be started, and waits for it still.
        """

    def release(self, partitions: Collection[int]) -> None:
        """Pause partitions that another member owns by now; they wait for a new assignment."""

    def hold(self) -> None:
        """Pause everything that was started but stay a member; `poll` returns nothing until the
        partitions are started again. What was fetched ahead is dropped: `start` seeks anyway."""

    def commit(self, positions: Mapping[int, int]) -> None:
        """Tell lag tools how far we are; best effort, never read by us."""

    def membership(self) -> str | None:
        """None while the group has given us our share, even an empty one; else what we wait for."""

    def recreated(self) -> bool:
        """Whether the topic is known to be another one by now than `identity` last told."""

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
    be in it without a result (tombstones and dead letters move offsets too). `recent` is kept beside
    the offsets, for `ResultSink.recent`: numbers that mean something to the consumer only.

    A sink may drop results that are on their way into a database: kept, they are what a batch needs most
    memory for, and half of the time of their decoding (measured). Whoever reads `results` calls `recall` first.
    """

    results: list[Result] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)
    recent: Sequence[int] | None = None
    dropped: int = 0
    """So many results are not in `results` any more: the first ones, those of `messages[:dropped]`."""

    @property
    def count(self) -> int:
        """How many results it has, with those that were dropped."""
        return self.dropped + len(self.results)

    def drop(self) -> None:
        """Drop all results, if each can be had again."""
        if len(self.messages) == self.count:
            self.dropped = self.count
            self.results = []

    def recall(self) -> None:
        """Have all results again, decoded from their messages."""
        if self.dropped:
            again = [wire.decode(message.value()) for message in self.messages[: self.dropped]]
            self.results[:0] = [result for result in again if isinstance(result, Result)]
            self.dropped = 0


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

    def claim(
        self, identity: TopicIdentity, partitions: Collection[int], *, restart: bool = False
    ) -> dict[int, int | None]:
        """Take over these partitions: raises the epoch of each, so that whoever had it is fenced.

        Returns the offset to read next, None where nothing was stored yet. Offsets of another topic of
        that name, or of another cluster, raise RecreatedTopic; with `restart` they are forgotten.
        """

    def reclaim(self) -> dict[int, int | None]:
        """Take over again what we have claimed, after the connection broke, as far as nobody else has since.

        Returns the offset to read next; a partition that another consumer owns by now is not in it.
        """

    def recent(self) -> Sequence[int] | None:
        """`Batch.recent` as stored last for any partition that we have claimed; None: there is none."""

    def write_ahead(self, batch: Batch) -> None:
        """Send what the batch has so far: the database works on it while more of it is read.

        Nothing of it is stored, and nothing that goes wrong is told, before `store` is called for the same
        batch. A transaction may be open until then, or until `abandon`.
        """

    def abandon(self) -> None:
        """Take back what was written ahead."""

    def store(self, batch: Batch) -> Stored:
        """All of the batch and its offsets, or nothing. Raises Fenced, RowRejected, BatchRejected."""

    def skip(self, partition: int, lost: range | None) -> None:
        """Go on behind these offsets, which are recorded as lost; None: at the beginning of the topic,
        which was made again. Raises Fenced."""

    def release(self, partitions: Collection[int]) -> None:
        """Forget our claim on these partitions (no database call)."""

    def close(self) -> None:
        """Close the connection."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to put on a topic as it is."""

    key: bytes | None
    value: bytes | None
    headers: LetterHeaders


class LetterTopic(Protocol):
    """A topic that dead letters are put on."""

    def send(self, messages: Sequence[Outgoing]) -> list[str | None]:
        """None for each that the brokers have acknowledged, else why this topic can never take it.

        Raises KafkaUnavailable when that did not become known of each: any may be there nonetheless.
        """


class Outbox(Protocol):
    """Dead letters that wait to be forwarded."""

    def forward(self, send: Callable[[Sequence[Letter]], list[str | None]]) -> int:
        """Hand the oldest to `send`, nobody else working on them meanwhile, and note what it answers
        of each; how many they were. Raises what `send` raises, and nothing is noted then."""
