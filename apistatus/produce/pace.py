"""How fast checks may start that come late all at once (pure: every stamp is handed in)."""

from __future__ import annotations

from typing import Final

_LEAST_PER_S: Final = 50.0
_AT_ONCE: Final = 16
_AT_ONCE_S: Final = 0.05


class Pace:
    """A token bucket over starts: twice the schedule's own rate, so that it binds only after a standstill.

    Without it a process that was frozen for a minute would start a minute's checks in one second, and
    measure its own overload as slowness of the targets.
    """

    def __init__(self) -> None:
        self._per_s = _LEAST_PER_S
        self._tokens = float(_AT_ONCE)
        self._mono_ns = 0

    def follow(self, mean_per_s: float) -> None:
        """The schedule has so many ticks per second from now on."""
        self._per_s = max(_LEAST_PER_S, 2 * mean_per_s)

    def wait_s(self, mono_ns: int) -> float:
        """Seconds until the next start is allowed; 0 or less: now."""
        elapsed_s = (mono_ns - self._mono_ns) / 1e9
        self._mono_ns = mono_ns
        most = max(_AT_ONCE, self._per_s * _AT_ONCE_S)
        self._tokens = min(most, self._tokens + elapsed_s * self._per_s)
        return (1 - self._tokens) / self._per_s

    def count(self) -> None:
        """One check was started."""
        self._tokens -= 1
