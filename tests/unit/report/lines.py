"""Reports from round numbers."""

from __future__ import annotations

from apistatus.model.evidence import InForce
from apistatus.report import model, plan
from apistatus.report.counts import Counts
from apistatus.report.incidents import Change
from apistatus.report.model import Report, Scope
from apistatus.report.pieces import DAY_US

MINUTE_US = 60_000_000
BEGIN = 20_000 * DAY_US
NOW = BEGIN + 10 * DAY_US + 90 * MINUTE_US


def scope(days: int = 3, objective: float | None = None) -> Scope:
    return Scope(BEGIN, BEGIN + days * DAY_US, NOW, "day", objective)


def definition(
    number: int = 1, *, from_us: int = BEGIN - DAY_US, until_us: int | None = None, interval_us: int = MINUTE_US,
    announced: bool = True,
) -> InForce:  # fmt: skip
    return InForce((number, 1), f"c{number}", "local", from_us, until_us, interval_us, announced)


def counts(up: int = 0, down: int = 0, missed: int = 0, bucket: int = 260) -> Counts:
    histogram = [bucket << 22 | up] if up else []
    return Counts(up=up, down=down, missed=missed, measured=up, sum_us=up * 80_000,
                  max_us=90_000 if up else None, histogram=histogram)  # fmt: skip


def report(
    days: dict[int, Counts], *definitions: InForce, of: Scope | None = None, changes: tuple[Change, ...] = (),
    name: str = "Home", group: str | None = None,
) -> Report:  # fmt: skip
    """One check, by day from 0, all of it in the first span of the time."""
    asked = of or scope()
    planned = plan.spans(definitions or [definition()], asked)
    results = [
        (next(n for n, span in enumerate(planned) if span.from_us <= BEGIN + day * DAY_US < span.to_us),
         BEGIN + day * DAY_US, found)
        for day, found in days.items()
    ]  # fmt: skip
    known = {1: plan.Known("c1", name, group, {"team": "red"} if group else {})}
    lines = plan.lines(
        asked, planned, plan.Read(results, {(1, 1): changes}), known, {1: "local"}, removed_us={}
    )
    return model.make(asked, lines)
