"""A table for people."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import click

from apistatus.cli.outputs.texts import milliseconds, one_line, phases, shortened
from apistatus.cli.outputs.verdict import Answer
from apistatus.model.result import STATUSES, Result, Status

_COLOURS: Final[dict[Status, str]] = {
    "up": "green", "degraded": "yellow", "down": "red", "missed": "magenta", "inconclusive": "cyan",
}  # fmt: skip
_HEAD: Final = ("STATUS", "CHECK", "TOTAL", "VALUE", "DETAIL")
_TOTAL: Final = _HEAD.index("TOTAL")
_VALUE_CHARS: Final = 40


def render(answer: Answer, *, colourful: bool) -> str:
    """The table and a line that sums it up; empty when the answer is `quiet` and all is well."""
    shown = answer.shown
    if answer.quiet and not shown:
        return ""
    rows = [_HEAD, *map(_row, shown)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    lines = []
    for number, row in enumerate(rows):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        cells[_TOTAL] = f"{row[_TOTAL]:>{widths[_TOTAL]}}"
        if number and colourful:
            cells[0] = click.style(cells[0], fg=_COLOURS[shown[number - 1].status])
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join([*lines, "", _summed_up(answer), ""])


def _row(result: Result) -> tuple[str, ...]:
    value = "-" if result.value is None else " ".join(one_line(result.value).split())
    return (
        result.status, one_line(result.name), milliseconds(result.total_us),
        shortened(value, _VALUE_CHARS), one_line(result.error or "") or phases(result),
    )  # fmt: skip


def _summed_up(answer: Answer) -> str:
    counted = ", ".join(f"{answer.counts[status]} {status}" for status in STATUSES if answer.counts[status])
    started_us = min((result.scheduled_at_us for result in answer.results), default=None)
    when = ""
    if started_us is not None:
        when = f" at {datetime.fromtimestamp(started_us // 1_000_000, answer.zone):%Y-%m-%d %H:%M:%S %Z}"
    total = len(answer.results)
    return f"{total} {'check' if total == 1 else 'checks'}{when}: {counted or 'none'}"
