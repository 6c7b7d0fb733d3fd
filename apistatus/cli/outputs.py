"""What `check-once` prints: a table for people, JSON for programs; and what its exit code says."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import click

from apistatus.model.result import STATUSES, Result, Status

FORMATS = ("text", "json", "jsonl")
_COLOURS: dict[Status, str] = {
    "up": "green", "degraded": "yellow", "down": "red", "missed": "magenta", "inconclusive": "cyan",
}  # fmt: skip
_PHASES = ("resolve", "connect", "tls", "processing", "transfer")
_VALUE_WIDTH = 40


def require_zone(name: str) -> None:
    """Raises BadParameter unless `name` is a time zone of this machine."""
    try:
        _zone(name)
    except (KeyError, ValueError, OSError) as error:
        raise click.BadParameter(f"{name!r} is no time zone known here", param_hint="--tz") from error


def _zone(name: str) -> tzinfo:
    """UTC needs no time zone data, which small images lack."""
    return UTC if name == "UTC" else ZoneInfo(name)


def is_bad(result: Result, *, strict: bool) -> bool:
    """Whether the result is no good news: down, not made, and with `strict` degraded too."""
    return result.status != "up" and (strict or result.status != "degraded")


def exit_code(results: Sequence[Result], *, strict: bool) -> int:
    """1 when a check is down (or, if strict, degraded), 75 when no check gave a verdict, else 0."""
    statuses = {result.status for result in results}
    if "down" in statuses or (strict and "degraded" in statuses):
        return 1
    return 75 if statuses and statuses <= {"inconclusive", "missed"} else 0


def render(results: Sequence[Result], form: str, *, zone: str, strict: bool, quiet: bool) -> str:
    """The answer as text; empty when `quiet` and all is well."""
    shown = [result for result in results if not quiet or is_bad(result, strict=strict)]
    if form == "json":
        answer = {"results": [_fields(result) for result in shown], "summary": _summary(results)}
        return json.dumps(answer, indent=2, ensure_ascii=False)
    if form == "jsonl":
        return "".join(json.dumps(_fields(result), ensure_ascii=False) + "\n" for result in shown)
    if quiet and not shown:
        return ""
    return _table(shown, _summary(results), _zone(zone))


def _fields(result: Result) -> dict[str, Any]:
    fields = {name: getattr(result, name) for name in result.__struct_fields__ if name != "kind"}
    return {name: value for name, value in fields.items() if value is not None}


def _summary(results: Sequence[Result]) -> dict[str, int]:
    counts = Counter(result.status for result in results)
    return {"total": len(results), **{status: counts[status] for status in STATUSES}}


def _table(results: Sequence[Result], summary: dict[str, int], zone: tzinfo) -> str:
    rows = [("STATUS", "CHECK", "TOTAL", "VALUE", "DETAIL")]
    rows += [
        (result.status, _one_line(result.name), _milliseconds(result.total_us),
         _shortened(result.value), result.error or _phases(result))
        for result in results
    ]  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for number, row in enumerate(rows):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        cells[2] = f"{row[2]:>{widths[2]}}"
        if number:
            cells[0] = _coloured(cells[0], results[number - 1].status)
        lines.append("  ".join([*cells, row[4]]).rstrip())
    counted = ", ".join(f"{summary[status]} {status}" for status in STATUSES if summary[status])
    started = min((result.scheduled_at_us for result in results), default=None)
    when = f" at {datetime.fromtimestamp(started // 1_000_000, zone):%Y-%m-%d %H:%M:%S %Z}" if started else ""
    noun = "check" if summary["total"] == 1 else "checks"
    lines.append(f"\n{summary['total']} {noun}{when}: {counted or 'none'}")
    return "\n".join(lines)


def _coloured(cell: str, status: Status) -> str:
    colourful = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return click.style(cell, fg=_COLOURS[status]) if colourful else cell


def _milliseconds(micros: int | None) -> str:
    return "-" if micros is None else f"{micros / 1000:.1f} ms"


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _shortened(value: str | None) -> str:
    text = "-" if value is None else " ".join(_one_line(value).split())
    return text if len(text) <= _VALUE_WIDTH else text[: _VALUE_WIDTH - 1] + "…"


def _phases(result: Result) -> str:
    timed = [(name, getattr(result, f"{name}_us")) for name in _PHASES]
    said = [f"{name} {micros / 1000:.1f}" for name, micros in timed if micros is not None]
    return f"{' · '.join(said)} ms" if said else ""
