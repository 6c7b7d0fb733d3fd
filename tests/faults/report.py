"""The report: one JSON line a run, kept from call to call, and the table that they make."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.faults.case import Case

PLACE = Path(".faults/report.jsonl")
HEADINGS = ("case", "runs", "produced", "stored", "missed", "dead", "lost", "twice", "recovery p50 / max")


def append(place: Path, record: dict[str, Any]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("a") as file:
        file.write(json.dumps(record, default=str) + "\n")


def records(place: Path) -> list[dict[str, Any]]:
    """Every run so far, oldest first."""
    if not place.exists():
        return []
    return [json.loads(line) for line in place.read_text().splitlines() if line]


def rows(cases: Iterable[Case], runs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """One row a case, in the order of the headings."""
    by_case: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        by_case[run["case"]].append(run)
    return [_row(case, by_case[case.number]) for case in cases]


def _row(case: Case, runs: Sequence[dict[str, Any]]) -> list[str]:
    name = f"{case.number} {case.title}"
    made = [run for run in runs if run["outcome"] in ("held", "broken")]
    if not made:
        lacks = runs[-1].get("lacks", "could not be carried out") if runs else None
        return [name, f"missing: {lacks}" if lacks else "not run", *["-"] * 7]
    broken = sum(run["outcome"] == "broken" for run in made)
    count = f"{len(made)}" + (f", {broken} broken" if broken else "")
    sums = [str(sum(run["figures"].get(figure, 0) for run in made)) for figure in HEADINGS[2:8]]
    recoveries = [seconds for run in made for seconds in run["recoveries_s"]]
    took = f"{statistics.median(recoveries):.1f} / {max(recoveries):.1f} s" if recoveries else "-"
    return [name, count, *sums, took]


def markdown(table: Sequence[Sequence[str]]) -> str:
    """The table for the README."""
    lines = [HEADINGS, ["---", *["---:"] * (len(HEADINGS) - 1)], *table]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def text(table: Sequence[Sequence[str]]) -> str:
    """The table for a terminal."""
    lines = [HEADINGS, *table]
    widths = [max(len(line[n]) for line in lines) for n in range(len(HEADINGS))]
    padded = [[line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines]
    return "\n".join("  ".join(line) for line in padded)
