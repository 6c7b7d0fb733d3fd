"""The facts of an audit put together: what was expected, what is there, and what nothing explains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from apistatus.audit import holes
from apistatus.audit.holes import Hole
from apistatus.audit.instants import words
from apistatus.audit.offsets import Partition
from apistatus.model.evidence import (
    Copies,
    Gap,
    Ids,
    InForce,
    LetterCount,
    Lost,
    Run,
    Span,
    StateDifference,
    Strays,
    Tally,
)

Kind = Literal["no row", "off tick", "twice", "state", "offset"]


class Names(dict[Ids, tuple[str, str]]):
    """Check and location of the numbers that rows hold; for numbers that nothing names, these."""

    @classmethod
    def of(cls, definitions: Iterable[InForce]) -> Self:
        return cls({definition.ids: (definition.check, definition.location) for definition in definitions})

    def __missing__(self, ids: Ids) -> tuple[str, str]:
        return f"number {ids[0]}", f"number {ids[1]}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What was audited: [from_us, to_us), where, and by which clock."""

    database: str
    topic: str | None
    """None: Kafka was left out."""
    from_us: int
    to_us: int
    now_us: int
    settled_us: int
    """Every message that Kafka took before this is stored."""
    kept_from_us: int | None = None
    """Set where rows of the time that was asked for are no longer kept."""


@dataclass(slots=True)
class Evidence:
    """What was found, as it was read."""

    spans: Sequence[Span] = ()
    tallies: Sequence[Tally] = ()
    runs: Sequence[Run] = ()
    gaps: Sequence[Gap] = ()
    letter_values: Sequence[bytes] = ()
    strays: Sequence[Strays] = ()
    copies: Sequence[Copies] = ()
    states: frozenset[Ids] = frozenset()
    state_differences: Sequence[StateDifference] = ()
    partitions: Sequence[Partition] = ()
    lost: Sequence[Lost] = ()
    letters: Sequence[LetterCount] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One definition in force. `expected` = `verdicts` + `missed` + `inconclusive` + `no_row`."""

    span: Span
    verdicts: int
    missed: int
    inconclusive: int
    once: int
    settling: int
    unannounced: int
    """Rows of a definition that no producer has announced: nothing was expected of it."""
    holes: tuple[Hole, ...]

    @property
    def expected(self) -> int:
        return self.span.ticks

    @property
    def no_row(self) -> int:
        return sum(hole.ticks for hole in self.holes)

    @property
    def unexplained(self) -> int:
        """Ticks without a row and without a reason."""
        return sum(hole.ticks for hole in self.holes if hole.explained_by is None)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that nothing explains. `check` and `location` are None for what belongs to no check."""

    kind: Kind
    check: str | None
    location: str | None
    count: int
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """The whole audit."""

    scope: Scope
    lines: tuple[Line, ...]
    strays: tuple[Strays, ...]
    copies: tuple[Copies, ...]
    states: int
    """How many states were held against their rows."""
    state_differences: tuple[StateDifference, ...]
    partitions: tuple[Partition, ...]
    lost: tuple[Lost, ...]
    letters: tuple[LetterCount, ...]
    once: int
    findings: tuple[Finding, ...]
    names: Names = field(repr=False)

    @property
    def exit_code(self) -> int:
        """1: something is unexplained; 75: there was nothing that could be told yet; else 0."""
        if self.findings:
            return 1
        return 0 if any(line.expected for line in self.lines) else 75

    @property
    def duplicates(self) -> int:
        """count(*) - count(distinct key)."""
        return sum(copies.count - 1 for copies in self.copies)


def short(spans: Sequence[Span], tallies: Sequence[Tally], *, all_of_them: bool) -> list[Span]:
    """The spans with fewer rows than ticks (`all_of_them`, because a row twice hides one that is missing)."""
    made = {
        tally.number: tally.verdicts + tally.missed + tally.inconclusive
        for tally in tallies
        if tally.number is not None
    }
    return [span for span in spans if span.ticks > (0 if all_of_them else made.get(span.number, 0))]


def straying(spans: Sequence[Span], tallies: Sequence[Tally]) -> list[Ids]:
    """Checks and locations with rows at no tick of an announced definition in force."""
    announced = {span.number for span in spans if span.definition.announced}
    return sorted(
        {
            tally.ids
            for tally in tallies
            if tally.off_tick and (tally.number is None or tally.number in announced)
        }
    )


def make(scope: Scope, evidence: Evidence, names: Names) -> Report:
    """Put the evidence together."""
    letters = holes.ticks_of_letters(evidence.letter_values)
    found = holes.explained(evidence.runs, evidence.spans, evidence.gaps, letters)
    tallies = {tally.number: tally for tally in evidence.tallies if tally.number is not None}
    lines = tuple(
        _line(span, tallies.get(span.number), tuple(found.get(span.number, ()))) for span in evidence.spans
    )
    differences = (*evidence.state_differences, *_stateless(evidence))
    return Report(
        scope=scope, lines=lines, strays=tuple(evidence.strays), copies=tuple(evidence.copies),
        states=len(evidence.states), state_differences=differences,
        partitions=tuple(evidence.partitions), lost=tuple(evidence.lost), letters=tuple(evidence.letters),
        once=sum(tally.once for tally in evidence.tallies),
        findings=tuple(_findings(lines, evidence, differences, names)), names=names,
    )  # fmt: skip


def _line(span: Span, tally: Tally | None, found: tuple[Hole, ...]) -> Line:
    if tally is None:
        return Line(span, 0, 0, 0, 0, 0, 0, found)
    if span.definition.announced:
        return Line(
            span, tally.verdicts, tally.missed, tally.inconclusive, tally.once, tally.settling, 0, found
        )
    rows = tally.verdicts + tally.missed + tally.inconclusive + tally.off_tick + tally.settling
    return Line(span, 0, 0, 0, tally.once, 0, rows, found)


def _stateless(evidence: Evidence) -> list[StateDifference]:
    """Every row is folded into a state."""
    with_rows = {tally.ids for tally in evidence.tallies}
    return [StateDifference(ids, "row", None, "exists") for ids in sorted(with_rows - evidence.states)]


def _findings(
    lines: Sequence[Line], evidence: Evidence, differences: Sequence[StateDifference],
    names: Names,
) -> list[Finding]:  # fmt: skip
    found: list[Finding] = []
    missing: defaultdict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        definition = line.span.definition
        missing[definition.check, definition.location] += line.unexplained
    found += [
        Finding("no row", *pair, count, f"{count:,} expected ticks have no row")
        for pair, count in missing.items() if count
    ]  # fmt: skip
    found += [
        Finding("off tick", *names[strays.ids], strays.count,
                f"{strays.count:,} rows at no tick of any definition: {_when(strays)}")
        for strays in evidence.strays if not strays.of_another
    ]  # fmt: skip
    found += [
        Finding("twice", *names[copies.ids], copies.count - 1,
                f"{copies.count} rows of the tick {words(copies.scheduled_at_us)}")
        for copies in evidence.copies
    ]  # fmt: skip
    by_ids: defaultdict[Ids, list[StateDifference]] = defaultdict(list)
    for difference in differences:
        by_ids[difference.ids].append(difference)
    found += [
        Finding("state", *names[ids], 1, f"check_state is not what the rows give: {_columns(listed)}")
        for ids, listed in by_ids.items()
    ]
    found += [
        Finding("offset", None, None, 1, f"{partition.topic}[{partition.partition}]: {partition.fault}")
        for partition in evidence.partitions if partition.fault
    ]  # fmt: skip
    return found


def _when(strays: Strays) -> str:
    first = words(strays.first_us)
    return first if strays.count == 1 else f"from {first} to {words(strays.last_us)}"


def notes(report: Report) -> list[str]:
    """What is odd and yet explained, a sentence each."""
    return [
        f"{check} at {location}: {strays.count:,} rows at ticks of a definition that was not in force: "
        + _when(strays)
        for strays in report.strays
        if strays.of_another
        for check, location in [report.names[strays.ids]]
    ]


def _columns(differences: Sequence[StateDifference]) -> str:
    return "; ".join(_said(difference) for difference in differences)


def _said(difference: StateDifference) -> str:
    if difference.column == "row":
        return "there is none"
    if difference.stored is None and difference.folded is None:
        return f"{difference.column} differs"
    if difference.folded is None and difference.column == "since_at":
        return f"since_at is {difference.stored}, where no such run begins"
    return f"{difference.column} is {difference.stored or 'null'}, not {difference.folded or 'null'}"
