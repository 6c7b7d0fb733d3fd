"""What the results of a reader file take on disk, told before the disk is full."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from apistatus.model.check import Check

ROW_BYTES: Final = 136
"""A result with its key, as rows are written (measured on a million of them; without value and error)."""
HOUR_BYTES: Final = 350
DAY_BYTES: Final = 500
"""An hour and a day added up, with their keys: about so much for a check a minute."""
WARN_BYTES: Final = 100 * 10**9

_DAY_US: Final = 86_400_000_000


def disk_need(checks: Iterable[Check], retention_days: int) -> tuple[list[str], str | None]:
    """Lines for people: what results and rollups of the enabled checks take; and a warning past 100 GB."""
    enabled = [check for check in checks if check.enabled]
    day_rows = sum(_DAY_US / check.interval_us for check in enabled)
    day_bytes = day_rows * ROW_BYTES
    kept_bytes = day_bytes * retention_days
    year_bytes = len(enabled) * (24 * HOUR_BYTES + DAY_BYTES) * 365
    line = (
        f"disk: {day_rows:,.0f} results a day take {size(day_bytes)}, {size(kept_bytes)} in "
        f"{retention_days} days (APISTATUS_RETENTION_DAYS) at each location; rollups stay, {size(year_bytes)} a year"
    )
    if kept_bytes <= WARN_BYTES:
        return [line], None
    return [line], (
        f"results will take {size(kept_bytes)} on the disk of PostgreSQL; give it room, check less often, "
        "or keep them for fewer days (APISTATUS_RETENTION_DAYS): reports need rollups only"
    )


def size(number_bytes: float) -> str:
    """`19.6 GB`, `1.8 TB`, in units of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if number_bytes < 999.5:
            return f"{number_bytes:.3g} {unit}"
        number_bytes /= 1000
    return f"{number_bytes:,.1f} TB"
