"""Ticks without a row, and what explains them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from apistatus.model.evidence import Gap, Ids, Run, Span

Explanation = Literal["gap", "dead letter"]
Tick = tuple[str, str, int]
"""Check, location and instant."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Ticks one after the other without a row, all for the same reason."""

    first_us: int
    last_us: int
    ticks: int
    explained_by: Explanation | None
    """None: nothing explains it."""
    detail: str | None = None
    """What the gap's record says of its cause."""


def ticks_of_letters(values: Iterable[bytes]) -> frozenset[Tick]:
    """The ticks that dead letters tell of; those that cannot be read tell of none."""
    return frozenset(tick for value in values if (tick := _tick_of(value)) is not None)


def _tick_of(value: bytes) -> Tick | None:
    try:
        message = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or "kind" in message:
        return None
    check, location, at = (message.get(name) for name in ("check", "location", "scheduled_at_us"))
    if isinstance(check, str) and isinstance(location, str) and type(at) is int:
        return check, location, at
    return None


def explained(
    runs: Iterable[Run], spans: Sequence[Span], gaps: Iterable[Gap], letters: Collection[Tick]
) -> dict[int, list[Hole]]:
    """The holes of each span by its number, in the order of time. `spans[i]` is number i."""
    by_ids: defaultdict[Ids, list[Gap]] = defaultdict(list)
    for gap in gaps:
        by_ids[gap.ids].append(gap)
    dead: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for check, location, at_us in letters:
        dead[check, location].add(at_us)
    found: defaultdict[int, list[Hole]] = defaultdict(list)
    for run in runs:
        span = spans[run.number]
        definition = span.definition
        found[run.number] += _split(run, span, by_ids[definition.ids], dead)
    return dict(found)


def _split(
    run: Run, span: Span, gaps: Sequence[Gap], dead: Mapping[tuple[str, str], Collection[int]]
) -> Iterator[Hole]:
    """The run in pieces of one explanation each."""
    at = run.first
    for gap in sorted(gaps, key=lambda gap: gap.from_us):
        begin = max(at, _position(span, gap.from_us))
        end = min(run.last + 1, _position(span, gap.until_us))
        if begin < end:
            yield from _without_gap(span, at, begin, dead)
            yield _hole(span, begin, end, "gap", gap.reason)
            at = end
    yield from _without_gap(span, at, run.last + 1, dead)


def _position(span: Span, instant_us: int) -> int:
    """Position of the first tick that is not before the instant."""
    return -(-(instant_us - span.first_us) // span.definition.interval_us)


def _without_gap(
    span: Span, begin: int, end: int, dead: Mapping[tuple[str, str], Collection[int]]
) -> Iterator[Hole]:
    interval_us = span.definition.interval_us
    told = sorted(
        position
        for at_us in dead.get((span.definition.check, span.definition.location), ())
        if (at_us - span.first_us) % interval_us == 0
        and begin <= (position := (at_us - span.first_us) // interval_us) < end
    )
    for position in told:
        if begin < position:
            yield _hole(span, begin, position, None)
        yield _hole(span, position, position + 1, "dead letter")
        begin = position + 1
    if begin < end:
        yield _hole(span, begin, end, None)


def _hole(
    span: Span, begin: int, end: int, explained_by: Explanation | None, detail: str | None = None
) -> Hole:
    return Hole(span.tick_us(begin), span.tick_us(end - 1), end - begin, explained_by, detail)
