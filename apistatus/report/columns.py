"""The figures of a line: one list, for tables of every form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apistatus.report import words
from apistatus.report.incidents import Incident
from apistatus.report.model import Line, Report, Scope


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, what stands under it, and whether it is a figure (to the right)."""

    head: str
    cell: Callable[[Line], str]
    figure: bool = True


def columns(report: Report, lines: Sequence[Line]) -> list[Column]:
    """The columns that say something of these lines."""
    scope = report.scope
    found = [Column("check" if lines and lines[0].check else "", lambda line: line.name, figure=False)]
    if len({line.location for line in report.lines}) > 1 and any(line.location for line in lines):
        found.append(Column("location", lambda line: line.location or "", figure=False))
    if not any(line.check for line in lines):
        found.append(Column("checks", lambda line: f"{line.checks:,}"))
    found += [
        Column("uptime", lambda line: words.percent(line.uptime_by_time)),
        Column("by ticks", lambda line: words.percent(line.counts.uptime)),
    ]
    if any(line.counts.sla_judged for line in lines):
        found.append(Column("SLA", lambda line: words.percent(line.counts.sla, 2)))
    found += [
        Column("expected", lambda line: f"{line.expected:,}"),
        Column("made", lambda line: f"{line.counts.made:,}"),
        Column("down", lambda line: f"{line.counts.down:,}"),
        Column("missed", lambda line: f"{line.counts.missed:,}"),
        Column("inconclusive", lambda line: f"{line.counts.inconclusive:,}"),
        Column("no result", lambda line: f"{line.no_row:,}"),
        Column("incidents", lambda line: f"{len(line.incidents):,}"),
        Column("MTTR", lambda line: words.length(line.mttr_us(scope))),
        Column("MTBF", lambda line: words.length(line.mtbf_us(scope))),
        Column("p50", lambda line: words.milliseconds(line.counts.percentiles_ms((0.5,))[0])),
        Column("p95", lambda line: words.milliseconds(line.counts.percentiles_ms((0.95,))[0])),
        Column("p99", lambda line: words.milliseconds(line.counts.percentiles_ms((0.99,))[0])),
    ]
    if scope.objective is not None:
        found.append(Column("budget left", lambda line: budget_left(line, scope)))
    return found


def budget_left(line: Line, scope: Scope) -> str:
    """`12 min 3 s (34 %)`."""
    budget = line.budget(scope)
    if budget is None or not (budget.allowed_us or budget.spent_us):
        return words.NOTHING
    share = "" if budget.left_share is None else f" ({budget.left_share * 100:.0f} %)"
    return f"{words.length(budget.left_us)}{share}"


def sentences(report: Report) -> list[tuple[str, str]]:
    """The report in a few sentences, each with its subject."""
    total, scope = report.total, report.scope
    counts = total.counts
    p50, p95, p99 = counts.percentiles_ms((0.5, 0.95, 0.99))
    by_status = f"{counts.up:,} up, {counts.degraded:,} degraded, {counts.down:,} down"
    uptime = f"{words.percent(total.uptime_by_time)} by time, {words.percent(counts.uptime)} by ticks"
    unknown = (
        f"{counts.missed:,} missed, {counts.inconclusive:,} inconclusive, {total.no_row:,} without a result"
    )
    repaired, between = words.length(total.mttr_us(scope)), words.length(total.mtbf_us(scope))
    shares = (("p50", p50), ("p95", p95), ("p99", p99), ("at most", counts.max_ms))
    said = [
        ("uptime", f"{uptime}; down for {words.length(total.bad_us)}"),
        ("ticks", f"{total.expected:,} expected: {counts.made:,} made ({by_status}), {unknown}"),
        (
            "incidents",
            f"{len(total.incidents):,}; repaired in {repaired} (MTTR), {between} between failures (MTBF)",
        ),
        ("time", ", ".join(f"{name} {words.milliseconds(value)}" for name, value in shares)),
    ]
    if counts.sla_judged:
        within = f"{words.percent(counts.sla, 2)} of {counts.sla_judged:,} verdicts worked within sla_ms"
        said.insert(1, ("SLA", within))
    budget = total.budget(scope)
    if budget is not None:
        spent = f"{words.length(budget.allowed_us)} allowed, {words.length(budget.spent_us)} spent"
        said.append(
            ("error budget", f"for {budget.objective:g} %: {spent}, {budget_left(total, scope)} left")
        )
    return said


def about(report: Report) -> str:
    """The time and the checks that it is about."""
    scope = report.scope
    return (
        f"{words.minute(scope.from_us)} to {words.minute(scope.to_us)} UTC "
        f"({words.length(scope.to_us - scope.from_us)}), {words.counted(len(report.lines), 'check', 'checks')}"
    )


def newest_incidents(report: Report) -> list[tuple[Line, Incident]]:
    """Every incident with its line, the newest first."""
    found = [(line, incident) for line in report.lines for incident in line.incidents]
    return sorted(found, key=lambda pair: -pair[1].from_us)


def named(report: Report, line: Line) -> str:
    """The check, with its location where there are several."""
    several = len({each.location for each in report.lines}) > 1
    return f"{line.name} ({line.location})" if several else line.name
