"""The report as a page for people: the sums, what is odd, and the answer in the last line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from apistatus.audit.document import totals
from apistatus.audit.holes import Hole
from apistatus.audit.instants import length, words
from apistatus.audit.report import Kind, Line, Report, Scope, notes

_SHOWN: Final = 40
"""Odd definitions that are listed unless all are asked for."""
_SENTENCES_SHOWN: Final = 20
_HEAD: Final = ("check", "location", "since", "expected", "verdicts", "missed", "inconclusive", "no row")
_NOUNS: Final[dict[Kind, tuple[str, str]]] = {
    "no row": ("tick without a row", "ticks without a row"),
    "off tick": ("row at no tick", "rows at no tick"),
    "twice": ("row too many", "rows too many"),
    "state": ("state that is not its rows' fold", "states that are not their rows' fold"),
    "offset": (
        "partition whose offset does not fit the topic",
        "partitions whose offsets do not fit the topic",
    ),
}


def page(report: Report, *, everything: bool) -> str:
    """The page, without its last line; `everything` lists all definitions and all that is odd."""
    parts = [_heading(report.scope), _sums(report), _streams(report), _listed(report, everything=everything)]
    parts += [_others(notes(report), everything=everything), _unexplained(report, everything=everything)]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def answer(report: Report) -> str:
    """The last line."""
    if report.findings:
        counts: defaultdict[Kind, int] = defaultdict(int)
        for finding in report.findings:
            counts[finding.kind] += finding.count
        return "UNEXPLAINED: " + ", ".join(_counted(count, *_NOUNS[kind]) for kind, count in counts.items())
    if report.exit_code:
        return "NOTHING TO TELL YET: no tick of an announced check in this time has to be stored by now"
    return "ALL EXPLAINED: every expected tick has one row, or a recorded reason why it has none"


def _heading(scope: Scope) -> list[str]:
    lines = [
        f"audit of {scope.database}"
        + (f", topic {scope.topic}" if scope.topic else ", Kafka left out (offsets are not held against it)"),
        f"from {words(scope.from_us)} to {words(scope.to_us)} UTC ({length(scope.to_us - scope.from_us)})",
    ]
    if scope.kept_from_us is not None:
        lines.append(f"results of before {words(scope.kept_from_us)} are no longer kept, and are not audited")
    if scope.settled_us < min(scope.to_us, scope.now_us - 60_000_000):
        lines.append(
            f"consume is behind: the oldest message that is not stored is of {words(scope.settled_us)}, "
            "ticks from there on are not audited"
        )
    return lines


def _sums(report: Report) -> list[str]:
    sums = totals(report)
    rows = sums["verdicts"] + sums["missed"] + sums["inconclusive"]
    definitions = _counted(sums["definitions"], "definition", "definitions")
    made = ", ".join(f"{sums[name]:,} {name}" for name in ("verdicts", "missed", "inconclusive"))
    table = [
        (sums["checks"], _noun(sums["checks"], "check", "checks"),
         f"at {_counted(sums['locations'], 'location', 'locations')}, {definitions} in force"),
        (sums["expected"], "ticks expected", "by the formula; a tick counts an interval and a minute later"),
        (rows, "with a row", made),
        (sums["no_row"], "without a row", _reasons(sums)),
        (sums["duplicates"], "twice", "count(*) - count(distinct check, location, tick)"),
        (sums["off_tick"], "rows at no tick", "of any definition of their check"),
    ]  # fmt: skip
    optional = [
        (sums["other_definition"], "of another", "definition of the check than the one in force (overlap)"),
        (sums["unannounced"], "not announced", "rows of checks that no producer has announced"),
        (sums["once"], "of check-once", "which has no ticks"),
        (sums["settling"], "too young", "rows of ticks that need not be stored yet"),
    ]
    table += [row for row in optional if row[0]]
    different = len({found.ids for found in report.state_differences})
    table.append((report.states, "states", f"held against the fold of their rows, {different:,} different"))
    width = max(len(f"{count:,}") for count, _, _ in table)
    label = max(len(name) for _, name, _ in table)
    return [f"  {count:>{width},}  {name:<{label}}  {said}" for count, name, said in table]


def _reasons(sums: dict[str, int]) -> str:
    return (
        f"{sums['in_gaps']:,} in recorded gaps, {sums['in_dead_letters']:,} dead letters, "
        f"{sums['no_row_unexplained']:,} unexplained"
    )


def _streams(report: Report) -> list[str]:
    lines = []
    if report.partitions:
        lags = [at.lag for at in report.partitions if at.lag is not None]
        stored = sum(at.next_offset or 0 for at in report.partitions)
        behind = f", {sum(lags):,} in the topic not stored yet" if lags else ""
        lines.append(
            f"offsets       {_counted(len(report.partitions), 'partition', 'partitions')} "
            f"stored up to offset {stored:,} in sum{behind}"
        )
    else:
        lines.append("offsets       none stored")
    lost = sum(found.until_offset - found.from_offset for found in report.lost)
    if lost:
        lines.append(f"lost          {lost:,} messages that Kafka had deleted before they were stored")
    letters = sum(letter.stored for letter in report.letters)
    reasons = ", ".join(f"{letter.stored:,} {letter.reason}" for letter in report.letters)
    gone = ", ".join(
        f"{count:,} {name}"
        for name in ("forwarded", "replayed", "discarded")
        if (count := sum(getattr(letter, name) for letter in report.letters))
    )
    lines.append(
        f"dead letters  {letters:,}" + (f": {reasons}" if reasons else "") + (f" ({gone})" if gone else "")
    )
    return lines


def _listed(report: Report, *, everything: bool) -> list[str]:
    lines = [line for line in report.lines if everything or line.holes or line.unannounced]
    lines.sort(key=lambda line: not line.unexplained)
    shown = lines if everything else lines[:_SHOWN]
    if not shown:
        return []
    cells = [_cells(line) for line in shown]
    widths = [max(len(row[column]) for row in [_HEAD, *cells]) for column in range(len(_HEAD))]
    listed = [_row(_HEAD, widths)]
    for line, row in zip(shown, cells, strict=True):
        stretches = [_stretch(hole) for hole in sorted(line.holes, key=lambda hole: bool(hole.explained_by))]
        first, others = stretches[:1], stretches[1:]
        if everything:
            listed += ["  ".join([_row(row, widths), *first]), *(f"    {stretch}" for stretch in others)]
        else:
            more = [f"(and {len(others):,} more)"] if others else []
            listed.append("  ".join([_row(row, widths), *first, *more]))
    if len(lines) > len(shown):
        listed.append(f"... and {len(lines) - len(shown):,} more (--verbose or --output json shows all)")
    return listed


def _cells(line: Line) -> tuple[str, ...]:
    definition = line.span.definition
    counts = (line.expected, line.verdicts, line.missed, line.inconclusive, line.no_row)
    return (
        definition.check, definition.location, words(line.span.from_us)[:19],
        *(f"{count:,}" for count in counts),
    )  # fmt: skip


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        f"{cell:<{width}}" if column < 3 else f"{cell:>{width}}"
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _stretch(hole: Hole) -> str:
    last = "" if hole.ticks == 1 else f" to {words(hole.last_us)} ({hole.ticks:,} ticks)"
    detail = f", {_one_line(hole.detail)}" if hole.detail else ""
    return f"{hole.explained_by or 'UNEXPLAINED'}{detail}: {words(hole.first_us)}{last}"


def _unexplained(report: Report, *, everything: bool) -> list[str]:
    """What the lines above do not show, and where else a row may be."""
    sentences = [
        f"{finding.check} at {finding.location}: {finding.text}" if finding.check else finding.text
        for finding in report.findings
        if finding.kind != "no row"
    ]
    lines = _others(sentences, everything=everything)
    if any(finding.kind == "no row" for finding in report.findings):
        lines += [
            "A row may still come from a producer's spool, or when a producer that was stopped runs again and",
            "tells what it missed: then run this again. From a state directory that is lost none will come.",
        ]
    return lines


def _others(sentences: Sequence[str], *, everything: bool) -> list[str]:
    shown = sentences if everything else sentences[:_SENTENCES_SHOWN]
    left_out = len(sentences) - len(shown)
    more = [f"... and {left_out:,} more (--verbose or --output json shows all)"] if left_out else []
    return [*shown, *more]


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {_noun(count, one, many)}"


def _noun(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
