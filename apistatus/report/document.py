"""The report as a JSON document and as CSV: plain figures, for machines.

Times are ISO 8601 in UTC, durations are seconds, times of answers milliseconds, shares 0 to 1; what is
not known is null (empty in CSV).
"""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from apistatus.report import words
from apistatus.report.counts import Counts
from apistatus.report.incidents import Incident
from apistatus.report.model import Line, Report, Scope

_KINDS: Final = ("check", "group", "label", "total")


def document(report: Report) -> dict[str, Any]:
    """The report as an object."""
    scope = report.scope
    return {
        "from": words.iso(scope.from_us), "to": words.iso(scope.to_us), "made_at": words.iso(scope.now_us),
        "step": scope.step, "objective": scope.objective,
        "total": _line(report.total, scope),
        "checks": [
            {**_identity(line), **_line(line, scope), "incidents": [_incident(each, scope) for each in line.incidents],
             f"{scope.step}s": [_part(begins_us, part) for begins_us, part in sorted(line.parts.items())]}
            for line in report.lines
        ],
        "groups": [{"group": line.name, **_line(line, scope)} for line in report.groups],
        "labels": [{"label": line.name, **_line(line, scope)} for line in report.labels],
    }  # fmt: skip


def table(report: Report) -> str:
    """The report as CSV: a line for each check, group and label, and for all of them."""
    scope = report.scope
    out = io.StringIO()
    rows = [
        {"kind": kind, **_identity(line), "labels": " ".join(f"{k}={v}" for k, v in line.labels.items()),
         **_line(line, scope)}
        for kind, lines in zip(_KINDS, (report.lines, report.groups, report.labels, [report.total]), strict=True)
        for line in lines
    ]  # fmt: skip
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _identity(line: Line) -> dict[str, Any]:
    return {
        "check": line.check, "name": line.name, "location": line.location, "group": line.group,
        "labels": dict(line.labels),
    }  # fmt: skip


def _line(line: Line, scope: Scope) -> dict[str, Any]:
    counts = line.counts
    p50, p95, p99 = counts.percentiles_ms((0.5, 0.95, 0.99))
    budget = line.budget(scope)
    return {
        "expected": line.expected, "made": counts.made, "up": counts.up, "degraded": counts.degraded,
        "down": counts.down, "missed": counts.missed, "inconclusive": counts.inconclusive,
        "no_result": line.no_row,
        "uptime": _share(line.uptime_by_time), "uptime_by_ticks": _share(counts.uptime), "sla": _share(counts.sla),
        "up_s": line.good_us / 1e6, "down_s": line.bad_us / 1e6,
        "incident_count": len(line.incidents),
        "mttr_s": _seconds(line.mttr_us(scope)), "mtbf_s": _seconds(line.mtbf_us(scope)),
        "avg_ms": _ms(counts.avg_ms), "p50_ms": _ms(p50), "p95_ms": _ms(p95), "p99_ms": _ms(p99),
        "max_ms": _ms(counts.max_ms),
        "budget_allowed_s": None if budget is None else round(budget.allowed_us / 1e6, 3),
        "budget_left_s": None if budget is None else round(budget.left_us / 1e6, 3),
    }  # fmt: skip


def _part(begins_us: int, counts: Counts) -> dict[str, Any]:
    p50, p95, p99 = counts.percentiles_ms((0.5, 0.95, 0.99))
    return {
        "from": words.iso(begins_us), "made": counts.made, "up": counts.up, "degraded": counts.degraded,
        "down": counts.down, "missed": counts.missed, "inconclusive": counts.inconclusive,
        "uptime": _share(counts.uptime), "p50_ms": _ms(p50), "p95_ms": _ms(p95), "p99_ms": _ms(p99),
    }  # fmt: skip


def _incident(incident: Incident, scope: Scope) -> dict[str, Any]:
    return {
        "from": words.iso(incident.from_us),
        "until": None if incident.until_us is None else words.iso(incident.until_us),
        "duration_s": incident.duration_us(scope.to_us) / 1e6, "failure": incident.failure,
        "status_code": incident.status_code, "error": incident.error,
    }  # fmt: skip


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 8)


def _seconds(us: float | None) -> float | None:
    return None if us is None else round(us / 1e6, 3)


def _ms(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
