"""What is to be read for a report, and the lines that come of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from apistatus.model.evidence import Ids, InForce
from apistatus.report import counts
from apistatus.report.counts import Counts
from apistatus.report.incidents import Change, incidents
from apistatus.report.model import Line, Scope
from apistatus.report.pieces import DAY_US, HOUR_US

_SETTLES_US: Final = 60_000_000
_LONGEST_WAIT_US: Final = 600_000_000


@dataclass(frozen=True, slots=True)
class Known:
    """A check as last defined."""

    check: str
    name: str
    group: str | None
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the report's time in which one definition of a check holds, or none does."""

    ids: Ids
    from_us: int
    to_us: int
    interval_us: int
    ticks: int | None
    """How many were to be expected; None: as many as there are results."""
    in_force: bool


@dataclass(slots=True)
class Read:
    """What was read: results of spans by part (its beginning), and changes by check and location."""

    results: Iterable[tuple[int, int, Counts]]
    """Number of the span, beginning of the part, results."""
    changes: Mapping[Ids, Sequence[Change]] = field(default_factory=dict)


def spans(definitions: Sequence[InForce], scope: Scope) -> list[Span]:
    """The whole of the report's time for every check that has a definition, cut where definitions change.

    Ticks so young that their results may be under way are expected as soon as they have one.
    """
    by_ids: defaultdict[Ids, list[InForce]] = defaultdict(list)
    for definition in definitions:
        by_ids[definition.ids].append(definition)
    found: list[Span] = []
    for listed in by_ids.values():
        found += _of_one(sorted(listed, key=lambda each: each.from_us), scope)
    return found


def _of_one(definitions: Sequence[InForce], scope: Scope) -> Iterable[Span]:
    at = scope.from_us
    nearest = definitions[0]
    for definition in definitions:
        begin = max(at, definition.from_us)
        end = scope.to_us if definition.until_us is None else min(scope.to_us, definition.until_us)
        if begin >= end:
            continue
        if at < begin:
            yield Span(definition.ids, at, begin, definition.interval_us, None, in_force=False)
        wait_us = min(definition.interval_us, _LONGEST_WAIT_US) + _SETTLES_US
        settled = max(begin, min(end, scope.now_us - wait_us))
        if begin < settled:
            ticks = _ticks(definition, begin, settled) if definition.announced else None
            yield Span(definition.ids, begin, settled, definition.interval_us, ticks, in_force=True)
        if settled < end:
            yield Span(definition.ids, settled, end, definition.interval_us, None, in_force=True)
        at, nearest = end, definition
    if at < scope.to_us:
        yield Span(nearest.ids, at, scope.to_us, nearest.interval_us, None, in_force=False)


def _ticks(definition: InForce, from_us: int, to_us: int) -> int:
    first = definition.tick_at_or_after(from_us)
    return max(0, -(-(to_us - first) // definition.interval_us))


def lines(
    scope: Scope, planned: Sequence[Span], read: Read, known: Mapping[int, Known], locations: Mapping[int, str],
    *, removed_us: Mapping[Ids, int],
) -> list[Line]:  # fmt: skip
    """A line for each check and location of the spans that had a definition in force or has results.

    `removed_us`: when a check was taken out, of those that were.
    """
    by_span: defaultdict[int, dict[int, Counts]] = defaultdict(dict)
    for number, begins_us, found in read.results:
        counts.put(by_span[number], begins_us, found)
    numbers: defaultdict[Ids, list[int]] = defaultdict(list)
    for number, span in enumerate(planned):
        numbers[span.ids].append(number)
    made = []
    for ids, listed in numbers.items():
        if any(number in by_span or planned[number].in_force for number in listed):
            line = _line(scope, {number: planned[number] for number in listed}, by_span)
            about = known[ids[0]]
            line.check, line.name, line.group, line.labels = (
                about.check,
                about.name,
                about.group,
                about.labels,
            )
            line.location = locations[ids[1]]
            line.incidents = incidents(
                read.changes.get(ids, ()), scope.from_us, scope.to_us, removed_us=removed_us.get(ids)
            )
            made.append(line)
    return made


def _line(scope: Scope, listed: Mapping[int, Span], by_span: Mapping[int, Mapping[int, Counts]]) -> Line:
    line = Line("")
    by_interval: defaultdict[int, Counts] = defaultdict(Counts)
    expected: Counter[int] = Counter()
    step_us = DAY_US if scope.step == "day" else HOUR_US
    for number, span in listed.items():
        rows = 0
        for begins_us, found in by_span.get(number, {}).items():
            counts.put(line.parts, begins_us, found)
            by_interval[span.interval_us].add(found)
            rows += found.rows
        line.expected += rows if span.ticks is None else max(rows, span.ticks)
        line.no_row += 0 if span.ticks is None else max(0, span.ticks - rows)
        if span.in_force:
            expected.update(_ticks_of_parts(span, step_us))
    line.counts = counts.total(by_interval.values())
    line.counts.pack()
    line.good_us, line.bad_us = counts.weighted(by_interval)
    line.expected_parts = expected
    return line


def _ticks_of_parts(span: Span, step_us: int) -> dict[int, int]:
    """Expected ticks by part; 0 where none can be told to be expected yet."""
    found = {}
    for begins_us in range(span.from_us // step_us * step_us, span.to_us, step_us):
        # The share of the span's ticks, to a tick: the phase is of no interest in a picture.
        inside_us = min(begins_us + step_us, span.to_us) - max(begins_us, span.from_us)
        found[begins_us] = round((span.ticks or 0) * inside_us / (span.to_us - span.from_us))
    return found
