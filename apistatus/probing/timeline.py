"""What one attempt is doing right now, and how long each phase of it took."""

from __future__ import annotations

from apistatus.model.result import Phase


class Timeline:
    """Phases of one attempt. A phase that is measured again (redirects) adds up; one that broke off has
    no duration. What we spend ourselves between two phases is in none of them."""

    __slots__ = ("_spent_ns", "phase")

    def __init__(self) -> None:
        self._spent_ns: dict[Phase, int] | None = None
        self.phase: Phase | None = None
        """The phase under way."""

    def measured(self, phase: Phase, spent_ns: int | None) -> None:
        """Add what a phase took; None: it has not ended, or did not happen."""
        if spent_ns is None:
            return
        if self._spent_ns is None:
            self._spent_ns = {}
        self._spent_ns[phase] = self._spent_ns.get(phase, 0) + spent_ns

    def took_us(self, phase: Phase) -> int | None:
        """Microseconds in this phase; None when it was not completed."""
        spent_ns = self._spent_ns.get(phase) if self._spent_ns else None
        return None if spent_ns is None else spent_ns // 1000

    def since_us(self, phase: Phase, before_us: int | None) -> int | None:
        """Microseconds in this phase since it had `before_us`; None when nothing was added."""
        took_us = self.took_us(phase)
        return None if took_us is None or took_us == before_us else took_us - (before_us or 0)

    def total_us(self) -> int:
        """Microseconds in all phases together."""
        return sum(self._spent_ns.values()) // 1000 if self._spent_ns else 0
