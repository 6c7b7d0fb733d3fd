"""What happened to one check at one location, newest first, and its last day as a line of blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apistatus.model.evidence import Gap
from apistatus.report import words
from apistatus.report.incidents import Change, distinct

HALF_HOUR_US: Final = 1_800_000_000
BINS: Final = 48
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_DOWN: Final = "✗"
_UNKNOWN: Final = "·"

Bin = tuple[int, int, float | None]
"""Ticks that worked, ticks that did not, mean microseconds of the former."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A status and how long it held; `until_us` is None while it does."""

    from_us: int
    until_us: int | None
    status: str
    cause: str = ""
    total_us: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a check stands now, at one location."""

    check: str
    name: str
    location: str
    now_us: int
    status: str | None
    since_us: int | None
    verdict_us: int | None
    total_us: int | None
    error: str | None
    unknown_since_us: int | None
    removed_us: int | None = None
    """When it was taken out of the reader file; None: it was not."""


@dataclass(frozen=True, slots=True)
class History:
    """All of it."""

    standing: Standing
    entries: Sequence[Entry]
    """Newest first."""
    bins: Mapping[int, Bin]
    """Half hours of the last day, by beginning."""


def entries(changes: Sequence[Change], gaps: Sequence[Gap], removed_us: int | None) -> list[Entry]:
    """Changes of the verdict, and times in which no producer ran, newest first."""
    ordered = distinct(changes)
    ends = [*(change.at_us for change in ordered[1:]), removed_us]
    found = [
        Entry(change.at_us, end, change.status, _cause(change), change.total_us)
        for change, end in zip(ordered, ends, strict=False)
    ]
    found += [
        Entry(gap.from_us, gap.until_us, "no producer", words.one_line(gap.reason or "")) for gap in gaps
    ]
    return sorted(found, key=lambda entry: -entry.from_us)


def _cause(change: Change) -> str:
    if change.status == "up":
        return ""
    if change.status == "degraded" and not change.failure and not change.error:
        return f"slow: {words.milliseconds(change.total_us / 1000)}" if change.total_us is not None else ""
    return words.cause(change.failure, change.status_code, change.error)


def first_bin_us(now_us: int) -> int:
    """The beginning of the last day's first half hour."""
    return now_us // HALF_HOUR_US * HALF_HOUR_US - (BINS - 1) * HALF_HOUR_US


def sparkline(bins: Mapping[int, Bin], now_us: int) -> str:
    """A block a half hour, as high as the mean time; ✗ where anything was down, · where nothing is known."""
    first = first_bin_us(now_us)
    shown = [bins.get(first + number * HALF_HOUR_US) for number in range(BINS)]
    times = [each[2] for each in shown if each is not None and each[2] is not None]
    least, most = min(times, default=0.0), max(times, default=0.0)
    return "".join(_block(each, least, most) for each in shown)


def _block(each: Bin | None, least: float, most: float) -> str:
    if each is None or not (each[0] or each[1]):
        return _UNKNOWN
    if each[1] or each[2] is None:
        return _DOWN if each[1] else _BLOCKS[0]
    # Times that hardly differ are drawn flat, and not blown up to the full height.
    span = max(most - least, 0.2 * most)
    return _BLOCKS[min(7, int((each[2] - least) / span * 7.999))] if span else _BLOCKS[0]


def page(history: History) -> str:
    """As text, without a line feed at the end."""
    lines = [*_head(history.standing), _day(history), ""]
    rows = [("from (UTC)", "status", "for", "cause")]
    rows += [
        (words.instant(entry.from_us), *told(entry, history.standing.now_us)) for entry in history.entries
    ]
    width = max(len(row[1]) for row in rows)
    took = max(len(row[2]) for row in rows)
    listed = [f"{row[0]:<19}  {row[1]:<{width}}  {row[2]:>{took}}  {row[3]}".rstrip() for row in rows]
    return "\n".join([*lines, *(listed if history.entries else ["nothing has happened in this time"])])


def told(entry: Entry, now_us: int) -> tuple[str, str, str]:
    """Status, duration and cause."""
    until_us = now_us if entry.until_us is None else entry.until_us
    return entry.status, words.length(until_us - entry.from_us), entry.cause


def news(standing: Standing, entry: Entry) -> str:
    """An entry that has just come, in a line."""
    cause = f"  {entry.cause}" if entry.cause else ""
    return f"{words.instant(entry.from_us)}  {standing.location}: {entry.status}{cause}"


def _head(standing: Standing) -> list[str]:
    what = f"{words.one_line(standing.name)} ({standing.check}) at {standing.location}"
    if standing.removed_us is not None and standing.removed_us <= standing.now_us:
        lines = [f"{what}: no longer in the reader file since {words.instant(standing.removed_us)}"]
    elif standing.status is None or standing.since_us is None:
        lines = [f"{what}: no verdict yet"]
    else:
        held = words.length(standing.now_us - standing.since_us)
        lines = [f"{what}: {standing.status} since {words.instant(standing.since_us)} ({held})"]
        if standing.status != "up" and standing.error:
            lines.append(words.one_line(standing.error))
    if standing.unknown_since_us is not None:
        lines.append(
            f"nothing known since {words.instant(standing.unknown_since_us)}: missed or inconclusive"
        )
    return lines


def _day(history: History) -> str:
    times = [each[2] / 1000 for each in history.bins.values() if each[2] is not None]
    spread = ""
    if times:
        spread = f"  {words.milliseconds(min(times))} to {words.milliseconds(max(times))}"
    line = sparkline(history.bins, history.standing.now_us)
    key = ", ".join(
        said
        for sign, said in ((_DOWN, f"{_DOWN} down"), (_UNKNOWN, f"{_UNKNOWN} nothing known"))
        if sign in line
    )
    return f"last 24 h  {line}{spread}{f'  ({key})' if key else ''}"


def document(history: History) -> dict[str, Any]:
    """For JSON."""
    standing = history.standing
    return {
        "check": standing.check, "name": standing.name, "location": standing.location,
        "status": standing.status, "since": _iso(standing.since_us), "scheduled_at": _iso(standing.verdict_us),
        "unknown_since": _iso(standing.unknown_since_us), "removed_at": _iso(standing.removed_us),
        "history": [entry_document(entry, standing.now_us) for entry in history.entries],
        "last_day": [
            {"from": words.iso(begins), "worked": good, "down": bad,
             "mean_ms": None if mean is None else round(mean / 1000, 3)}
            for begins, (good, bad, mean) in sorted(history.bins.items())
        ],
    }  # fmt: skip


def entry_document(entry: Entry, now_us: int) -> dict[str, Any]:
    """One entry for JSON."""
    until_us = now_us if entry.until_us is None else entry.until_us
    return {
        "from": words.iso(entry.from_us), "until": _iso(entry.until_us), "status": entry.status,
        "duration_s": (until_us - entry.from_us) / 1e6, "cause": entry.cause or None,
    }  # fmt: skip


def _iso(us: int | None) -> str | None:
    return None if us is None else words.iso(us)
