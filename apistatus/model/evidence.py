"""What an audit holds against each other: facts of the database and of the topic, as plain values.

Instants are UTC microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from apistatus.model.identity import phase_us, tick_at_or_after

Ids = tuple[int, int]
"""A check and a location as the numbers that rows hold."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A definition of a check at a location and the time in which it holds."""

    ids: Ids
    check: str
    location: str
    from_us: int
    until_us: int | None
    """First instant at which it no longer holds; None: it still does."""
    interval_us: int
    announced: bool
    """False: known from a result alone, so no tick is expected of it."""

    def tick_at_or_after(self, instant_us: int) -> int:
        """The first tick of its formula that is not before this instant."""
        phase = phase_us(self.check, self.interval_us)
        return tick_at_or_after(instant_us, phase, self.interval_us)


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a definition's time that is audited, and the ticks that are expected in it."""

    number: int
    definition: InForce
    from_us: int
    until_us: int
    """Rows before this belong to the definition."""
    end_us: int
    """Ticks before this must have a row by now; those from here to `until_us` may still get one."""
    first_us: int
    """The first tick."""
    ticks: int

    def tick_us(self, position: int) -> int:
        """The instant of the tick at this position, from 0."""
        return self.first_us + position * self.definition.interval_us


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows of each kind lie in a span, or in none (`number` is None)."""

    ids: Ids
    number: int | None
    verdicts: int
    missed: int
    inconclusive: int
    off_tick: int
    """At no tick of the span's definition."""
    once: int
    """Of `check-once`, which has no ticks."""
    settling: int
    """Of ticks that are not expected to have a row yet."""


@dataclass(frozen=True, slots=True)
class Run:
    """Ticks of a span, one after the other, that have no row: positions of the first and the last."""

    number: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A recorded time in which no producer ran."""

    ids: Ids
    from_us: int
    until_us: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Strays:
    """Rows at no tick of the definition in force."""

    ids: Ids
    of_another: bool
    """They are at ticks of another definition of the same check: two producers overlapped, or a
    check was taken out of the file of one of them."""
    count: int
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Copies:
    """More than one row of a tick."""

    ids: Ids
    scheduled_at_us: int
    count: int


@dataclass(frozen=True, slots=True)
class StateDifference:
    """A column of the stored state that is not what the rows give. Texts are not repeated (None)."""

    ids: Ids
    column: str
    stored: str | None
    folded: str | None


@dataclass(frozen=True, slots=True)
class StoredOffset:
    """How far a partition is stored."""

    cluster_id: str
    topic: str
    topic_id: str | None
    partition: int
    next_offset: int | None
    """None: claimed, and nothing stored yet."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What a partition of the topic holds: offsets from `low` to before `high`."""

    low: int
    high: int
    unstored_at_us: int | None = None
    """Kafka's timestamp of the first message that is not stored; None: none, or not to be had."""


@dataclass(frozen=True, slots=True)
class TopicEnds:
    """The topic as Kafka has it."""

    cluster_id: str
    topic: str
    topic_id: str | None
    partitions: Mapping[int, Ends]


@dataclass(frozen=True, slots=True)
class Lost:
    """Messages that Kafka had deleted before they were stored, as `consume` recorded it."""

    topic: str
    partition: int
    from_offset: int
    until_offset: int
    found_at_us: int


@dataclass(frozen=True, slots=True)
class LetterCount:
    """Dead letters of one reason: all of them, and how many of these went which way."""

    reason: str
    stored: int
    forwarded: int
    replayed: int
    discarded: int
