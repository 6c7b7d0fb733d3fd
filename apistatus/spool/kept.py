"""A message between its sender and the brokers, and the rate at which old ones are sent again."""

from __future__ import annotations

from enum import Enum, auto

from apistatus.ports import End, OnEnd
from apistatus.spool.entries import Entry


class State(Enum):
    """Who has a message besides us."""

    NEW = auto()
    SENT = auto()
    RETURNED = auto()
    """The inner publisher has given it up: only the spool can keep it."""
    OVER = auto()
    """The brokers have it, or refuse it for ever."""


class Kept:
    """A message that the brokers do not have yet, as far as we know."""

    __slots__ = ("entry", "is_being_written", "is_replay", "on_end", "since_ns", "spool_id", "state")

    def __init__(self, entry: Entry, on_end: OnEnd | None, since_ns: int) -> None:
        self.entry, self.on_end, self.since_ns = entry, on_end, since_ns
        self.state = State.NEW
        self.spool_id = 0
        """0: not in the spool."""
        self.is_being_written = self.is_replay = False

    @property
    def size_bytes(self) -> int:
        return len(self.entry.key) + len(self.entry.value)

    def tell(self, end: End) -> None:
        """Tell the sender, who wants to know the first end only."""
        on_end, self.on_end = self.on_end, None
        if on_end is not None:
            on_end(end)


class Rate:
    """A token bucket: at most `per_s` in a second on average, `at_once` after a rest."""

    def __init__(self, per_s: float, at_once: int) -> None:
        self._per_s, self._at_once = per_s, at_once
        self._tokens, self._mono_ns = float(at_once), 0

    def allows(self, mono_ns: int) -> int:
        """So many are allowed now."""
        elapsed_s, self._mono_ns = (mono_ns - self._mono_ns) / 1e9, mono_ns
        self._tokens = min(self._at_once, self._tokens + elapsed_s * self._per_s)
        return int(self._tokens)

    def count(self) -> None:
        """One was taken."""
        self._tokens -= 1
