"""Which ticks have their result in safety: acknowledged by Kafka, or on disk.

Kept once a second, it tells the next start from where on ticks may have no result (see `keeping`).
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Final, NamedTuple

from apistatus.model.check import Check
from apistatus.ports import End, OnEnd
from apistatus.produce.watermark import Watermark

_LOST_AT_MOST: Final = 100_000
_NEVER_US: Final = 2**62
_DEFINITION: Final = "="
"""Before a check's id: its definitions, which are not its ticks. No id begins with it."""


class Lost(NamedTuple):
    """A tick whose result neither Kafka nor the disk took; it can still be told as missed."""

    check: Check
    tick_us: int
    is_missed: bool
    """Whether that result was a `missed` one already."""


class Progress:
    """Follows every tick from due to safe. What publishers call may come in any thread."""

    def __init__(self, now_us: int) -> None:
        """The schedule's ticks begin after `now_us` (UTC microseconds)."""
        self._live = Watermark(now_us + 1)
        self._opened_until_us = now_us + 1
        self._past: Watermark | None = None
        self._past_opened_until_us = 0
        self.lost: deque[Lost] = deque()

    def opened(self, check_id: str, tick_us: int) -> None:
        """A tick of the schedule is due."""
        self._live.opened(check_id, tick_us)

    def opened_until(self, until_us: int) -> None:
        """Every tick of the schedule before this instant has been opened."""
        self._opened_until_us = until_us

    def set_back(self, now_us: int) -> None:
        """Time goes on from an earlier instant: ticks will come again."""
        self._live = Watermark(now_us + 1)
        self._opened_until_us = now_us + 1

    def make_up(self, from_us: int) -> None:
        """Ticks of an earlier stop, from this instant on, are told beside the schedule's."""
        self._past, self._past_opened_until_us = Watermark(from_us), from_us

    def made_up(self, check_id: str, tick_us: int) -> None:
        """One of those is about to be told."""
        if self._past is not None:
            self._past.opened(check_id, tick_us)

    def made_up_until(self, until_us: int | None) -> None:
        """Every one of those before this instant was told; None: all of them."""
        self._past_opened_until_us = _NEVER_US if until_us is None else until_us

    @property
    def unsettled_past(self) -> int:
        """Ticks of an earlier stop that were told and are not safe yet."""
        return 0 if self._past is None else self._past.unsettled

    @property
    def watermark_us(self) -> int:
        """Every tick before this instant is safe. Safe from any thread."""
        value_us = self._live.value_us(self._opened_until_us)
        if self._past is not None:
            value_us = min(value_us, self._past.value_us(self._past_opened_until_us))
        return value_us

    def on_end(self, check: Check, tick_us: int, *, is_missed: bool) -> OnEnd:
        """What the publisher of this tick's result has to call."""
        return partial(self._ended, Lost(check, tick_us, is_missed))

    def on_gap_end(self, check_id: str, from_us: int) -> OnEnd:
        """The same for the record of a gap that begins with this tick."""
        return partial(self._other_ended, check_id, from_us)

    def on_definition_end(self, check_id: str, from_us: int) -> OnEnd:
        """The same for what comes into force or ends at this instant, which is followed like a tick."""
        name = _DEFINITION + check_id
        self._live.opened(name, from_us)
        return partial(self._other_ended, name, from_us)

    def _ended(self, tick: Lost, end: End) -> None:
        if end is End.ACKNOWLEDGED or end is End.ON_DISK or (end is End.REFUSED and tick.is_missed):
            self._settle(tick.check.id, tick.tick_us)
        elif len(self.lost) < _LOST_AT_MOST:
            # Beyond that they stay unsettled, and the next start tells them.
            self.lost.append(tick)

    def _other_ended(self, check_id: str, from_us: int, end: End) -> None:
        if end is not End.GIVEN_UP:
            self._settle(check_id, from_us)

    def _settle(self, check_id: str, tick_us: int) -> None:
        self._live.settled(check_id, tick_us)
        if self._past is not None:
            self._past.settled(check_id, tick_us)
