"""Figures, the machine they were taken on, and how both are shown."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """A median with its range. `target` is what it should be, `met` whether it is; both None without one."""

    name: str
    value: float
    min: float
    max: float
    unit: str
    target: float | None = None
    met: bool | None = None


def at_most(name: str, values: Sequence[float], unit: str, target: float | None = None) -> Figure:
    """A figure that is better the smaller it is."""
    value = statistics.median(values)
    met = None if target is None else value <= target
    return Figure(name, value, min(values), max(values), unit, target, met)


def at_least(name: str, values: Sequence[float], unit: str, target: float | None = None) -> Figure:
    """A figure that is better the larger it is."""
    value = statistics.median(values)
    met = None if target is None else value >= target
    return Figure(name, value, min(values), max(values), unit, target, met)


def machine() -> dict[str, object]:
    """What the figures depend on, and when they were taken."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(memory_bytes / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def as_json(figures: Sequence[Figure]) -> str:
    """`{machine, figures: [{name, value, min, max, unit, target, met}]}`."""
    return json.dumps({"machine": machine(), "figures": [asdict(figure) for figure in figures]}, indent=2)


def as_table(figures: Sequence[Figure]) -> str:
    """The same for people."""
    rows = [("figure", "median", "min", "max", "unit", "target", "")]
    for figure in figures:
        target = "" if figure.target is None else f"{figure.target:g}"
        verdict = {None: "", True: "met", False: "MISSED"}[figure.met]
        numbers = (_shown(figure.value), _shown(figure.min), _shown(figure.max))
        rows.append((figure.name, *numbers, figure.unit, target, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    where = ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in machine().items())
    return "\n".join([lines[0], "  ".join("-" * width for width in widths).rstrip(), *lines[1:], "", where])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    left = {0, 4, 6}
    cells = [
        cell.ljust(width) if column in left else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
