"""What a demo leaves to say: what was stored of each check, and whether anything was lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from apistatus.demo.snapshot import CheckSummary
from apistatus.demo.view import STATUS_COLOUR, clock, milliseconds


@dataclass(frozen=True, slots=True)
class Summary:
    """A run, counted at both ends of the line. `produced` are the results that the broker took."""

    checks: Sequence[CheckSummary]
    ran_s: float
    produced: int
    unsent: int
    missed: int
    duplicates: int
    dead_letters: int

    @property
    def stored(self) -> int:
        """Rows in the database, one a tick."""
        return sum(check.ticks for check in self.checks)

    @property
    def lost(self) -> int:
        """Results that the broker took and that are neither a row nor known to be one twice."""
        return max(0, self.produced - self.stored - self.duplicates)

    @property
    def exit_code(self) -> int:
        """1 when something is lost."""
        return 1 if self.lost else 0


def verdict(summary: Summary) -> str:
    """The run in two sentences, without colours."""
    said = (
        f"produced {summary.produced:,}, stored {summary.stored:,}, duplicates {summary.duplicates:,}, "
        f"missed {summary.missed:,}, dead letters {summary.dead_letters:,}"
    )
    if summary.unsent:
        said += f", not sent {summary.unsent:,}"
    if summary.lost:
        return f"{said}. {summary.lost:,} LOST: produced, but not in the database."
    if summary.stored == summary.produced:
        return f"{said}. Every result is in the database, exactly once."
    return f"{said}. No result is lost."


def render(summary: Summary) -> RenderableType:
    """The table of checks, and the verdict below it."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("CHECK", no_wrap=True, overflow="ellipsis", max_width=24)
    for title in ("TICKS", "UP", "DEGRADED", "DOWN", "MISSED", "AVG", "P95"):
        table.add_column(title, justify="right", no_wrap=True)
    for check in summary.checks:
        table.add_row(
            Text(check.name), str(check.ticks), _count("up", check.up), _count("degraded", check.degraded),
            _count("down", check.down), _count("missed", check.missed), milliseconds(check.avg_ms),
            milliseconds(check.p95_ms),
        )  # fmt: skip
    style = STATUS_COLOUR["down" if summary.lost else "up"]
    return Group(
        "", Text(f"What was stored in {clock(summary.ran_s)}:", style="bold"), "", table, "",
        Text(verdict(summary), style=style),
    )  # fmt: skip


def _count(status: str, count: int) -> Text:
    return Text(str(count), style=STATUS_COLOUR[status] if count else "dim")
