"""What is shown: plain values, read by `database` and `pages`, drawn by `view`, `plain` and `summary`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

PHASES: Final = ("resolve", "connect", "tls", "processing", "transfer")
HISTORY: Final = 20
"""So many of a check's last results are shown as a row of signs."""


class Watched(NamedTuple):
    """A check of the reader file, by what the database knows it as."""

    check_id: str
    name: str


@dataclass(frozen=True, slots=True)
class CheckNow:
    """A check as the database knows it; `status` is None before its first verdict."""

    check_id: str
    name: str
    status: str | None = None
    since_s: float | None = None
    value: str | None = None
    failure: str | None = None
    error: str | None = None
    total_ms: float | None = None
    phases_ms: Mapping[str, float] = field(default_factory=dict)
    history: Sequence[str] = ()
    """Statuses of its last results, oldest first."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The line's counts since the start of the demo; None: not known right now."""

    produced: int | None = None
    stored: int | None = None
    lag: int | None = None
    missed: int | None = None
    dead_letters: int | None = None
    duplicates: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is shown at one moment."""

    checks: Sequence[CheckNow]
    totals: Totals
    running_s: float
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class CheckSummary:
    """What was stored of one check in this run; the times are of the results that have one."""

    name: str
    ticks: int = 0
    up: int = 0
    degraded: int = 0
    down: int = 0
    missed: int = 0
    inconclusive: int = 0
    avg_ms: float | None = None
    p95_ms: float | None = None
