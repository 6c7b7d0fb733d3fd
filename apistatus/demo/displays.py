"""How a run is shown: a live page on a terminal, lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live

from apistatus.demo.guard import Guard
from apistatus.demo.snapshot import CheckNow, Snapshot, Totals
from apistatus.demo.view import Frame, Page, milliseconds, one_line

_TOTALS_EVERY_S: Final = 5.0


class Display(Protocol):
    """Is handed a snapshot a few times a second."""

    def show(self, snapshot: Snapshot) -> None:
        """Show it."""


class LiveDisplay:
    """A page on the terminal's alternate screen, so that the scrollback stays as it was."""

    def __init__(self, live: Live, frame: Frame) -> None:
        self._live, self._frame = live, frame

    def show(self, snapshot: Snapshot) -> None:
        """Draw the page anew, to the size that the terminal has now."""
        self._live.update(Page(self._frame, snapshot), refresh=True)


class PlainDisplay:
    """A line per change of a check's status, and the totals every five seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._statuses: dict[str, str] = {}
        self._totals_due = 0.0
        self._trouble: str | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Say what changed since the last snapshot."""
        for check in snapshot.checks:
            if check.status is not None and self._statuses.get(check.check_id) != check.status:
                self._statuses[check.check_id] = check.status
                self._say(change_line(check))
        if snapshot.trouble and snapshot.trouble != self._trouble:
            self._say(snapshot.trouble)
        self._trouble = snapshot.trouble
        if time.monotonic() >= self._totals_due:
            self._totals_due = time.monotonic() + _TOTALS_EVERY_S
            self._say(totals_line(snapshot.totals))

    def _say(self, line: str) -> None:
        stamp = datetime.now(UTC).strftime("%H:%M:%S")
        self._console.print(f"{stamp}Z  {line}", markup=False, highlight=False, soft_wrap=True)


def change_line(check: CheckNow) -> str:
    """`down      Flapping  0.6 ms  status 503 ...`."""
    said = check.error or check.failure if check.status == "down" else check.value
    words = (f"{check.status:<9}", f"{check.name:<16}", f"{milliseconds(check.total_ms):>9}", one_line(said))
    return "  ".join(words).rstrip()


def totals_line(totals: Totals) -> str:
    """`produced 412, stored 409, lag 3, missed 0, dead letters 0`; `-` for what is not known."""
    counts = {
        "produced": totals.produced, "stored": totals.stored, "lag": totals.lag, "missed": totals.missed,
        "dead letters": totals.dead_letters,
    }  # fmt: skip
    return ", ".join(f"{name} {'-' if count is None else count}" for name, count in counts.items())


@contextmanager
def display(console: Console, frame: Frame, guard: Guard) -> Iterator[Display]:
    """The display that fits where the output goes."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield PlainDisplay(console)
        return
    guard.screen(on=True)
    try:
        with Live(console=console, screen=True, auto_refresh=False, transient=True) as live:
            yield LiveDisplay(live, frame)
    finally:
        guard.screen(on=False)
