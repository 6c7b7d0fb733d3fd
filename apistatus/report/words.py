"""Figures as people read them. What is not known is a dash, and nothing is ever rounded up to 100 %."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Final

NOTHING: Final = "–"  # noqa: RUF001  (an en dash, as in tables)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def percent(share: float | None, digits: int = 3) -> str:
    """`99.951 %` of 0.99951; cut off, not rounded."""
    if share is None:
        return NOTHING
    if share == 1:
        return "100 %"
    scale = 10**digits
    # What lies a hair under a whole step because of binary fractions is that step.
    return f"{math.floor(share * 100 * scale + 1e-6) / scale:.{digits}f} %"


def milliseconds(value_ms: float | None) -> str:
    """`84 ms`, `1.27 s`."""
    if value_ms is None:
        return NOTHING
    if value_ms >= 9_950:
        return f"{value_ms / 1000:.1f} s"
    if value_ms >= 999.5:
        return f"{value_ms / 1000:.2f} s"
    return f"{value_ms:.0f} ms" if value_ms >= 9.95 else f"{value_ms:.1f} ms"


def length(us: float | None) -> str:
    """A duration in its two largest units: `2 d 4 h`, `12 s`."""
    if us is None:
        return NOTHING
    seconds = round(abs(us) / 1_000_000)
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    for position, (unit_s, name) in enumerate(units):
        if seconds >= unit_s:
            whole, rest = divmod(seconds, unit_s)
            shown = f"{whole} {name}"
            if position + 1 < len(units) and rest >= units[position + 1][0]:
                shown += f" {rest // units[position + 1][0]} {units[position + 1][1]}"
            return f"-{shown}" if us < 0 else shown
    return "0 s" if not us else "< 1 s"


def instant(us: int) -> str:
    """`2026-10-03 12:00:05`, in UTC."""
    return f"{_EPOCH + timedelta(microseconds=us):%Y-%m-%d %H:%M:%S}"


def minute(us: int) -> str:
    """`2026-10-03 12:00`, in UTC."""
    return f"{_EPOCH + timedelta(microseconds=us):%Y-%m-%d %H:%M}"


def day(us: int) -> str:
    """`2026-10-03`, in UTC."""
    return f"{_EPOCH + timedelta(microseconds=us):%Y-%m-%d}"


def iso(us: int) -> str:
    """ISO 8601 in UTC, fractions only where there are some."""
    return f"{(_EPOCH + timedelta(microseconds=us)).replace(tzinfo=None).isoformat()}Z"


def counted(number: int, one: str, many: str) -> str:
    """`1 check`, `1,000 checks`."""
    return f"{number:,} {one if number == 1 else many}"


def one_line(text: str) -> str:
    """What a target said, without what a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text)


def markup(text: str) -> str:
    """For HTML and SVG, in and between tags."""
    return escape(one_line(text))


def cause(failure: str | None, status_code: int | None, error: str | None) -> str:
    """Why something is down, in a line."""
    first = failure or "down"
    if status_code is not None and failure == "status":
        first = f"status {status_code}"
    return one_line(f"{first}: {error}" if error else first)
