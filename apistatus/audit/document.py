"""The report as a JSON document; names here are promises. Instants are ISO 8601 in UTC.

database, topic      what was audited; topic null: without Kafka
from, to, made_at    the time that was audited, and when
stored_until         every message that Kafka took before this is stored
kept_from            rows before this are no longer kept and were not audited; null: all are
explained, exit_code the answer; unexplained: [{kind, check, location, count, text}], kind one of
                     `no row`, `off tick`, `twice`, `state`, `offset`
totals               sums of the lines below, and rows that belong to none of them; see `totals`
checks               a line a definition in force: {check, location, announced, interval_ms, from, to,
                     expected, verdicts, missed, inconclusive, no_row, no_row_unexplained, unannounced,
                     once, settling, holes: [{first, last, ticks, explained_by, detail}]}, explained_by
                     `gap`, `dead letter` or null
off_tick             rows at no tick of any definition: [{check, location, rows, first, last}]
other_definition     rows at ticks of a definition that was not in force then: the same
twice                ticks with more than one row: [{check, location, scheduled_at, rows}]
states               {held_against_rows, different: [{check, location, column, stored, rows_give}]}
offsets              [{topic, partition, next_offset, low, high, lag, fault}]
lost_messages        [{topic, partition, from_offset, until_offset, found_at}], noticed since `from`
dead_letters         [{reason, stored, forwarded, replayed, discarded}], put aside since `from`
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from apistatus.audit.holes import Hole
from apistatus.audit.instants import iso
from apistatus.audit.report import Line, Report
from apistatus.model.evidence import Ids, Strays


def document(report: Report) -> dict[str, Any]:
    """Scope, totals, one entry a definition, and everything that is odd; `explained` is the answer."""
    scope = report.scope
    return {
        "database": scope.database,
        "topic": scope.topic,
        "from": iso(scope.from_us),
        "to": iso(scope.to_us),
        "made_at": iso(scope.now_us),
        "stored_until": iso(scope.settled_us),
        "kept_from": None if scope.kept_from_us is None else iso(scope.kept_from_us),
        "explained": not report.findings,
        "exit_code": report.exit_code,
        "unexplained": [
            {"kind": finding.kind, "check": finding.check, "location": finding.location,
             "count": finding.count, "text": finding.text}
            for finding in report.findings
        ],
        "totals": totals(report),
        "checks": [_entry(line) for line in report.lines],
        "off_tick": _strays(report, of_another=False),
        "other_definition": _strays(report, of_another=True),
        "twice": [
            {**_names(report, copies.ids), "scheduled_at": iso(copies.scheduled_at_us), "rows": copies.count}
            for copies in report.copies
        ],
        "states": {
            "held_against_rows": report.states,
            "different": [
                {**_names(report, found.ids), "column": found.column, "stored": found.stored,
                 "rows_give": found.folded}
                for found in report.state_differences
            ],
        },
        "offsets": [
            {"topic": at.topic, "partition": at.partition, "next_offset": at.next_offset, "low": at.low,
             "high": at.high, "lag": at.lag, "fault": at.fault}
            for at in report.partitions
        ],
        "lost_messages": [
            {"topic": lost.topic, "partition": lost.partition, "from_offset": lost.from_offset,
             "until_offset": lost.until_offset, "found_at": iso(lost.found_at_us)}
            for lost in report.lost
        ],
        "dead_letters": [
            {"reason": letter.reason, "stored": letter.stored, "forwarded": letter.forwarded,
             "replayed": letter.replayed, "discarded": letter.discarded}
            for letter in report.letters
        ],
    }  # fmt: skip


def totals(report: Report) -> dict[str, int]:
    """Sums over all lines.

    `expected` = `verdicts` + `missed` + `inconclusive` + `no_row`, and `no_row` = `in_gaps` +
    `in_dead_letters` + `no_row_unexplained`. Apart from these: `duplicates`, count(*) - count(distinct
    key); `off_tick`, `other_definition`; `unannounced`, rows of definitions known from results alone;
    `once`, of check-once; `settling`, of ticks that need not be stored yet.
    """
    lines, holes = report.lines, [hole for line in report.lines for hole in line.holes]
    explained: defaultdict[str | None, int] = defaultdict(int)
    for hole in holes:
        explained[hole.explained_by] += hole.ticks
    definitions = [line.span.definition for line in lines]
    return {
        "checks": len({definition.check for definition in definitions}),
        "locations": len({definition.location for definition in definitions}),
        "definitions": len(lines),
        "expected": sum(line.expected for line in lines),
        "verdicts": sum(line.verdicts for line in lines),
        "missed": sum(line.missed for line in lines),
        "inconclusive": sum(line.inconclusive for line in lines),
        "no_row": sum(explained.values()),
        "in_gaps": explained["gap"],
        "in_dead_letters": explained["dead letter"],
        "no_row_unexplained": explained[None],
        "duplicates": report.duplicates,
        "off_tick": sum(strays.count for strays in report.strays if not strays.of_another),
        "other_definition": sum(strays.count for strays in report.strays if strays.of_another),
        "unannounced": sum(line.unannounced for line in lines),
        "once": report.once,
        "settling": sum(line.settling for line in lines),
    }


def _entry(line: Line) -> dict[str, Any]:
    span = line.span
    return {
        "check": span.definition.check, "location": span.definition.location,
        "announced": span.definition.announced, "interval_ms": span.definition.interval_us // 1000,
        "from": iso(span.from_us), "to": iso(span.end_us), "expected": line.expected,
        "verdicts": line.verdicts, "missed": line.missed, "inconclusive": line.inconclusive,
        "no_row": line.no_row, "no_row_unexplained": line.unexplained, "unannounced": line.unannounced,
        "once": line.once, "settling": line.settling, "holes": [_hole(hole) for hole in line.holes],
    }  # fmt: skip


def _hole(hole: Hole) -> dict[str, Any]:
    return {
        "first": iso(hole.first_us), "last": iso(hole.last_us), "ticks": hole.ticks,
        "explained_by": hole.explained_by, "detail": hole.detail,
    }  # fmt: skip


def _strays(report: Report, *, of_another: bool) -> list[dict[str, Any]]:
    return [_stray(report, strays) for strays in report.strays if strays.of_another == of_another]


def _stray(report: Report, strays: Strays) -> dict[str, Any]:
    return {
        **_names(report, strays.ids), "rows": strays.count, "first": iso(strays.first_us),
        "last": iso(strays.last_us),
    }  # fmt: skip


def _names(report: Report, ids: Ids) -> dict[str, str]:
    check, location = report.names[ids]
    return {"check": check, "location": location}
