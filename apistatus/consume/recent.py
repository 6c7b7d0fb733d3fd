"""How many of the last messages could not be stored, and how many are too many (pure)."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from typing import Final

STEP: Final = 50
"""Messages are counted in steps of so many: a step is forgotten as a whole."""
KEPT_STEPS: Final = 20
LEAST_MESSAGES: Final = 100
"""A share of fewer messages says nothing."""


class Recent:
    """The last 1,000 messages in steps of 50: how many there were, and how many of them were bad."""

    def __init__(self, open_step: tuple[int, int] = (0, 0), full_steps: Sequence[int] = ()) -> None:
        self._messages, self._bad = open_step
        self._full = deque(full_steps, KEPT_STEPS)
        """Bad messages of each full step, the oldest first."""

    @classmethod
    def of(cls, numbers: Sequence[int] | None, *, read_before: bool) -> Recent:
        """What `numbers` wrote down. None with messages `read_before`: all of them were good."""
        if numbers is None:
            return cls((0, 0), (0,) * (KEPT_STEPS if read_before else 0))
        return cls((numbers[0], numbers[1]), numbers[2:])

    @property
    def numbers(self) -> list[int] | None:
        """To be kept over a restart; None, which costs nothing, while all were good."""
        if not self.bad and len(self._full) == KEPT_STEPS:
            return None
        return [self._messages, self._bad, *self._full]

    @property
    def messages(self) -> int:
        return len(self._full) * STEP + self._messages

    @property
    def bad(self) -> int:
        return sum(self._full) + self._bad

    def after(self, count: int, bad: Sequence[int]) -> Recent:
        """This and `count` messages more, of which those numbered `bad` (from 0, ascending) are bad."""
        later = Recent((self._messages, self._bad), self._full)
        at = 0
        if not bad:
            # Whole steps more than are kept leave no trace.
            at = max(0, count - (KEPT_STEPS + 2) * STEP) // STEP * STEP
        while at < count:
            end = min(count, at + STEP - later._messages)
            later._messages += end - at
            later._bad += bisect_left(bad, end) - bisect_left(bad, at)
            if later._messages == STEP:
                later._full.append(later._bad)
                later._messages = later._bad = 0
            at = end
        return later

    def exceeds(self, limit: float) -> bool:
        """Whether more than this share is bad, of enough messages to tell."""
        return self.messages >= LEAST_MESSAGES and self.bad > limit * self.messages
