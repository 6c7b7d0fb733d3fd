"""Figures, the machine they were taken on, and how both are shown."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A median with its range. `target` is what it should be at most (or at least), and `met` whether it is;
    None without."""

    name: str
    value: float
    min: float
    max: float
    unit: str
    target: float | None = None
    met: bool | None = None


def figure(name: str, values: Sequence[float], unit: str, target: float | None = None) -> Figure:
    """A figure that is better the smaller it is, as the median of several runs."""
    value = statistics.median(values)
    met = None if target is None else value <= target
    return Figure(name, value, min(values), max(values), unit, target, met)


def at_least(name: str, values: Sequence[float], unit: str, target: float | None = None) -> Figure:
    """A figure that is better the larger it is, likewise."""
    value = statistics.median(values)
    met = None if target is None else value >= target
    return Figure(name, value, min(values), max(values), unit, target, met)


def ratio(
    name: str, values: Sequence[float], to: Sequence[float], target: float | None = None
) -> Figure:  # fmt: skip
    """A figure relative to another one of the same rounds."""
    return figure(name, [one / other for one, other in zip(values, to, strict=True)], "x", target)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> dict[str, Any]:
    """What the figures depend on, and when they were taken."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_1min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def document(figures: Sequence[Figure], described: dict[str, Any]) -> dict[str, Any]:
    """Machine and figures as plain values, for JSON."""
    return {"machine": described, "figures": [asdict(one) for one in figures]}


def table(figures: Sequence[Figure], described: dict[str, Any]) -> str:
    """Machine and figures as text, one figure a line."""
    width = max(len(one.name) for one in figures)
    lines = [", ".join(f"{key}: {value}" for key, value in described.items()), ""]
    lines += [f"{one.name:<{width}}  {_numbers(one)}{_aim(one)}" for one in figures]
    return "\n".join(lines)


def _numbers(one: Figure) -> str:
    return f"{_shown(one.value):>9} {one.unit:<6} {_shown(one.min)} to {_shown(one.max)}"


def _aim(one: Figure) -> str:
    if one.target is None:
        return ""
    is_most = (one.value <= one.target) == one.met
    return f"  {'met' if one.met else 'MISSED'} (at {'most' if is_most else 'least'} {one.target:g})"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
