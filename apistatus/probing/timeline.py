"""What one attempt is doing right now, and how long each phase of it took."""

from __future__ import annotations

from collections.abc import Callable

from apistatus.model.result import Phase


class Timeline:
    """Stamps of one attempt on a monotonic clock.

    Each moment belongs to one phase; a phase entered again (redirects) adds up. A phase counts as
    happened once it has been left for the next one: what broke off has no duration.
    """

    __slots__ = ("_began_ns", "_entered_ns", "_now_ns", "_spent_ns", "phase")

    def __init__(self, mono_ns: Callable[[], int]) -> None:
        self._now_ns = mono_ns
        self._began_ns = self._entered_ns = mono_ns()
        self._spent_ns: dict[Phase, int] = {}
        self.phase: Phase | None = None

    def enter(self, phase: Phase) -> None:
        """End the phase under way, if any, and begin this one."""
        now = self._now_ns()
        if self.phase is not None:
            self._spent_ns[self.phase] = self._spent_ns.get(self.phase, 0) + now - self._entered_ns
        self.phase, self._entered_ns = phase, now

    def took_us(self, *phases: Phase) -> int | None:
        """Microseconds in these phases together; None when none of them was completed."""
        spent = [self._spent_ns[phase] for phase in phases if phase in self._spent_ns]
        return sum(spent) // 1000 if spent else None

    def elapsed_us(self) -> int:
        """Microseconds since the attempt began."""
        return (self._now_ns() - self._began_ns) // 1000

    def until_phase_us(self) -> int:
        """Microseconds from the beginning of the attempt to that of the phase under way."""
        return (self._entered_ns - self._began_ns) // 1000
