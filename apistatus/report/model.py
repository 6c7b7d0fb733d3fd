"""A report as values: what was expected, what came, what it says, for checks, groups and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from apistatus.report import counts
from apistatus.report.counts import Counts
from apistatus.report.incidents import Incident
from apistatus.report.pieces import Step


@dataclass(frozen=True, slots=True)
class Scope:
    """What the report is about: [from_us, to_us) in UTC microseconds, in parts of a `step`."""

    from_us: int
    to_us: int
    now_us: int
    step: Step
    objective: float | None = None
    """The uptime that is wanted, in percent."""
    title: str = "Availability report"


@dataclass(frozen=True, slots=True)
class Budget:
    """How long it may be down for the objective, of the time that is known; microseconds."""

    objective: float
    allowed_us: float
    spent_us: int

    @property
    def left_us(self) -> float:
        """Negative: the objective is missed."""
        return self.allowed_us - self.spent_us

    @property
    def left_share(self) -> float | None:
        """1: all of it is left; negative: the objective is missed. None: nothing was allowed."""
        return self.left_us / self.allowed_us if self.allowed_us else None


@dataclass(slots=True)
class Line:
    """One check at one location, or several added up."""

    name: str
    check: str | None = None
    location: str | None = None
    group: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    expected: int = 0
    """Ticks that were to be expected, and results that were not but came."""
    no_row: int = 0
    """Expected ticks of which nothing is known at all."""
    counts: Counts = field(default_factory=Counts)
    good_us: int = 0
    bad_us: int = 0
    incidents: list[Incident] = field(default_factory=list)
    parts: dict[int, Counts] = field(default_factory=dict)
    """The same by hour or day, by its beginning. A part without a result is not in it."""
    expected_parts: Mapping[int, int] = field(default_factory=dict)
    """How many ticks were to be expected in the hours or days in which a definition was in force."""
    members: Sequence[Line] = ()
    """What was added up; empty for a check at a location."""

    @property
    def checks(self) -> int:
        return len(self.members) if self.check is None else 1

    @property
    def by_time(self) -> dict[int, Counts]:
        """`parts`, added up when they are first asked for: only pictures need those of many checks."""
        if not self.parts:
            for line in self.members:
                for begins_us, part in line.parts.items():
                    self.parts.setdefault(begins_us, Counts()).add(part)
        return self.parts

    @property
    def uptime_by_time(self) -> float | None:
        """0 to 1: each verdict stands for its interval; time without a verdict is left out."""
        known = self.good_us + self.bad_us
        return self.good_us / known if known else None

    def mttr_us(self, scope: Scope) -> float | None:
        """Mean time to repair: of incidents that ended in the report's time."""
        ended = [
            incident.duration_us(scope.to_us)
            for incident in self.incidents
            if incident.until_us is not None and incident.until_us <= scope.to_us
        ]
        return sum(ended) / len(ended) if ended else None

    def mtbf_us(self, scope: Scope) -> float | None:
        """Mean time between failures: the time that worked, for each incident that began."""
        begun = sum(incident.from_us >= scope.from_us for incident in self.incidents)
        return self.good_us / begun if begun else None

    def budget(self, scope: Scope) -> Budget | None:
        """What is left of the error budget; None without an objective."""
        if scope.objective is None:
            return None
        known_us = self.good_us + self.bad_us
        return Budget(scope.objective, known_us * (100 - scope.objective) / 100, self.bad_us)


@dataclass(frozen=True, slots=True)
class Report:
    """The whole of it. `total` is all lines added up; groups and labels are left out where there are none."""

    scope: Scope
    lines: Sequence[Line]
    groups: Sequence[Line]
    labels: Sequence[Line]
    total: Line


def make(scope: Scope, lines: Sequence[Line]) -> Report:
    """Put it together: the worst first."""
    ordered = sorted(lines, key=_worst_first)
    groups = {line.group for line in lines if line.group is not None}
    labels = {pair for line in lines for pair in line.labels.items()}
    return Report(
        scope, ordered,
        [added_up(group, [line for line in ordered if line.group == group]) for group in sorted(groups)],
        [added_up(f"{key}={value}", [line for line in ordered if line.labels.get(key) == value])
         for key, value in sorted(labels)],
        added_up("all", ordered),
    )  # fmt: skip


def added_up(name: str, lines: Iterable[Line]) -> Line:
    """Several lines as one. The mean of their incidents is over all of them."""
    lines = list(lines)
    expected: Counter[int] = Counter()
    for line in lines:
        expected.update(line.expected_parts)
    return Line(
        name=name,
        expected=sum(line.expected for line in lines),
        no_row=sum(line.no_row for line in lines),
        counts=counts.total(line.counts for line in lines),
        good_us=sum(line.good_us for line in lines),
        bad_us=sum(line.bad_us for line in lines),
        incidents=sorted((each for line in lines for each in line.incidents), key=lambda each: each.from_us),
        expected_parts=expected,
        members=lines,
    )


def _worst_first(line: Line) -> tuple[float, str, str]:
    uptime = line.uptime_by_time
    # Nothing known is no reason to hide it at the end.
    return (-1.0 if uptime is None else uptime, line.name, line.location or "")
