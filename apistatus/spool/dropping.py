"""What the spool had to drop: counted, and said once a minute with how much and why."""

from __future__ import annotations

from apistatus.ports import Clock
from apistatus.runtime.logs import Events

log = Events("spool")

_PERIOD_NS = 60_000_000_000


class DropReport:
    """Counts between the drop and the file's totals, and between two lines of the log."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said_mono_ns: int | None = None
        self._unsaid: dict[str, tuple[int, int]] = {}
        self.unsaved = (0, 0)
        """Entries and bytes that no file's totals hold yet."""

    def add(self, why: str, entries: int, size_bytes: int) -> None:
        """Dropped outside the file."""
        self.unsaved = (self.unsaved[0] + entries, self.unsaved[1] + size_bytes)
        self.note(why, entries, size_bytes)

    def note(self, why: str, entries: int, size_bytes: int) -> None:
        """Dropped, and in the file's totals already."""
        if entries:
            before = self._unsaid.get(why, (0, 0))
            self._unsaid[why] = (before[0] + entries, before[1] + size_bytes)
            self.say()

    def saved(self) -> None:
        """The file's totals hold everything now."""
        self.unsaved = (0, 0)

    def say(self, *, at_once: bool = False) -> None:
        """Log what was not said yet, at most once a minute unless `at_once`."""
        now_ns = self._clock.mono_ns()
        rested = self._said_mono_ns is None or now_ns - self._said_mono_ns >= _PERIOD_NS
        if not self._unsaid or not (rested or at_once):
            return
        self._said_mono_ns = now_ns
        for why, (entries, size_bytes) in self._unsaid.items():
            log.error("spool.dropped", why=why, entries=entries, bytes=size_bytes)
        self._unsaid = {}
