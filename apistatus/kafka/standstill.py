"""When to suspect the client itself: librdkafka has been seen to stop delivering without any error."""

from __future__ import annotations

import math
from typing import Final

STANDSTILL_S: Final = 60.0
"""Without any report for so long, while the brokers answer, the client is at fault."""
_MAX_S: Final = 600.0
_PAUSE_S: Final = 10.0


class Standstill:
    """Suspicion after so long without a report, then every 10 seconds; a new client gets twice the time
    of the one before, until a report comes."""

    def __init__(self, seconds: float) -> None:
        self._first_s = self._patience_s = seconds
        self._asked_mono_s = -math.inf

    def is_suspected(self, now_mono_s: float, progress_mono_s: float) -> bool:
        """Whether it is time to ask the brokers, when the last report came at `progress_mono_s`."""
        pause_s = min(_PAUSE_S, self._first_s)
        if now_mono_s - progress_mono_s < self._patience_s or now_mono_s - self._asked_mono_s < pause_s:
            return False
        self._asked_mono_s = now_mono_s
        return True

    def replaced(self, now_mono_s: float) -> None:
        """A new client was made."""
        self._asked_mono_s = now_mono_s + self._patience_s
        self._patience_s = min(2 * self._patience_s, _MAX_S)

    def over(self) -> None:
        """A report came."""
        self._patience_s = self._first_s
