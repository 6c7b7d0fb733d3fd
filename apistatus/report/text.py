"""The report as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from apistatus.report import words
from apistatus.report.columns import about, columns, named, newest_incidents, sentences
from apistatus.report.model import Line, Report

_INCIDENTS_SHOWN: Final = 20


def page(report: Report) -> str:
    """All of it, without a line feed at the end."""
    blocks = [[about(report)]]
    if not report.lines:
        return f"{blocks[0][0]}: nothing is stored of this time"
    said = sentences(report)
    width = max(len(subject) for subject, _ in said)
    blocks.append([f"{subject:<{width}}  {sentence}" for subject, sentence in said])
    for title, lines in (("", report.lines), ("group", report.groups), ("label", report.labels)):
        if lines:
            blocks.append(_table(report, lines, title))
    if any(line.incidents for line in report.lines):
        blocks.append(_incidents(report))
    return "\n\n".join("\n".join(words.one_line(line) for line in block) for block in blocks)


def _table(report: Report, lines: Sequence[Line], title: str) -> list[str]:
    shown = columns(report, lines)
    heads = [column.head or title for column in shown]
    rows = [heads, *([column.cell(line) for column in shown] for line in lines)]
    widths = [max(len(row[number]) for row in rows) for number in range(len(shown))]
    return [
        "  ".join(
            f"{cell:>{width}}" if column.figure else f"{cell:<{width}}"
            for cell, width, column in zip(row, widths, shown, strict=True)
        ).rstrip()
        for row in rows
    ]


def _incidents(report: Report) -> list[str]:
    found = newest_incidents(report)
    listed = [f"incidents, newest first ({len(found):,})"]
    for line, incident in found[:_INCIDENTS_SHOWN]:
        until = "still down" if incident.until_us is None else f"to {words.instant(incident.until_us)}"
        took = words.length(incident.duration_us(report.scope.to_us))
        why = words.cause(incident.failure, incident.status_code, incident.error)
        listed.append(
            f"{words.instant(incident.from_us)} {until:<22}  {took:>12}  {named(report, line)}: {why}"
        )
    if len(found) > _INCIDENTS_SHOWN:
        listed.append(f"... and {len(found) - _INCIDENTS_SHOWN:,} more (--output json has all)")
    return listed
