"""The report as Markdown, for a ticket or a wiki."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from apistatus.report import words
from apistatus.report.columns import about, columns, named, newest_incidents, sentences
from apistatus.report.model import Line, Report

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#~])")


def page(report: Report) -> str:
    """All of it, in GitHub's flavour (for the tables)."""
    blocks = [f"# {_text(report.scope.title)}", _text(about(report))]
    if not report.lines:
        return "\n\n".join([*blocks, "Nothing is stored of this time."])
    blocks.append("\n".join(f"- **{subject}**: {_text(sentence)}" for subject, sentence in sentences(report)))
    for title, lines in (("Checks", report.lines), ("Groups", report.groups), ("Labels", report.labels)):
        if lines:
            blocks += [f"## {title}", _table(report, lines)]
    found = newest_incidents(report)
    if found:
        rows = [
            [words.instant(incident.from_us),
             "still down" if incident.until_us is None else words.instant(incident.until_us),
             words.length(incident.duration_us(report.scope.to_us)), named(report, line),
             words.cause(incident.failure, incident.status_code, incident.error)]
            for line, incident in found
        ]  # fmt: skip
        heads = ["from", "until", "for", "check", "first cause"]
        blocks += ["## Incidents", _rows(heads, [False, False, True, False, False], rows)]
    return "\n\n".join(blocks)


def _table(report: Report, lines: Sequence[Line]) -> str:
    shown = columns(report, lines)
    rows = [[column.cell(line) for column in shown] for line in lines]
    return _rows([column.head or "name" for column in shown], [column.figure for column in shown], rows)


def _rows(heads: Sequence[str], figures: Sequence[bool], rows: Sequence[Sequence[str]]) -> str:
    ruler = ["---:" if figure else "---" for figure in figures]
    told = [[_text(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, ruler, *told))


def _text(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", words.one_line(text))
