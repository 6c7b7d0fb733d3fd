"""Which rollup answers for which part of a time: days where they are in force, else hours, else rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, Literal

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US

Step = Literal["hour", "day"]
"""How fine the parts of a report are."""
Kind = Literal["day", "hour", "rows"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a time, [from_us, to_us) in UTC microseconds, and where it is read."""

    kind: Kind
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database has: hours and days (their beginnings) whose rollup is not in force, and from when
    on rows are kept (None: all are)."""

    open_hours: Collection[int]
    open_days: Collection[int]
    kept_from_us: int | None = None


def pieces(from_us: int, to_us: int, step: Step, stored: Stored) -> list[Piece]:
    """The pieces of a time in order, neighbours of one kind as one.

    Where rows are no longer kept, an hour cannot be divided: it belongs where it begins.
    """
    joined: list[Piece] = []
    for piece in _single(from_us, to_us, step, stored):
        last = joined[-1] if joined else None
        if last is not None and last.kind == piece.kind and last.to_us == piece.from_us:
            joined[-1] = Piece(piece.kind, last.from_us, piece.to_us)
        else:
            joined.append(piece)
    return joined


def _single(from_us: int, to_us: int, step: Step, stored: Stored) -> Iterator[Piece]:
    at = from_us
    while at < to_us:
        if step == "day" and at % DAY_US == 0 and at + DAY_US <= to_us and at not in stored.open_days:
            yield Piece("day", at, at + DAY_US)
            at += DAY_US
            continue
        hour = at // HOUR_US * HOUR_US
        end = min(hour + HOUR_US, to_us)
        if at == hour and end == hour + HOUR_US and hour not in stored.open_hours:
            yield Piece("hour", hour, end)
        elif stored.kept_from_us is None or hour >= stored.kept_from_us:
            yield Piece("rows", at, end)
        elif at == hour:
            yield Piece("hour", hour, hour + HOUR_US)
        at = end
