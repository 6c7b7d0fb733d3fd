"""How far a run is, on a terminal's standard error, once it takes more than a second."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from collections import Counter

_PATIENCE_S = 1.0
_PERIOD_S = 0.2


class Progress:
    """A line that is drawn over itself and gone at the end. Silent where nobody looks."""

    def __init__(self, what: str, total: int, *, wanted: bool = True) -> None:
        self._what, self._total = what, total
        self._counts: Counter[str] = Counter()
        self._begun_s = time.monotonic()
        self._ended = threading.Event()
        self._drawn = 0
        self._thread: threading.Thread | None = None
        if wanted and sys.stderr is not None and sys.stderr.isatty():
            self._thread = threading.Thread(target=self._draw_until_ended, daemon=True)
            self._thread.start()

    def add(self, status: str) -> None:
        """One more check has ended, with this status."""
        self._counts[status] += 1

    def end(self) -> None:
        """Take the line away."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @property
    def line(self) -> str:
        """What the line says now: `12 of 40 checks done, 1 down, 3 s`."""
        others = [f"{number} {status}" for status, number in sorted(self._counts.items()) if status != "up"]
        done = f"{self._what}{self._counts.total()} of {self._total} checks done"
        return ", ".join([done, *others, f"{time.monotonic() - self._begun_s:.0f} s"])

    def _draw_until_ended(self) -> None:
        wait_s = _PATIENCE_S
        with contextlib.suppress(OSError):  # the terminal went away: nobody looks any more
            while not self._ended.wait(wait_s):
                self._draw(self.line)
                wait_s = _PERIOD_S
            if self._drawn:
                self._draw("")

    def _draw(self, line: str) -> None:
        line = line[: shutil.get_terminal_size().columns - 1]  # a line that wraps cannot be drawn over
        sys.stderr.write(f"\r{line:<{self._drawn}}\r")
        sys.stderr.flush()
        self._drawn = len(line)
