"""How far the schedule is done: the instant before which every tick has its result in safety.

Kept once a second, it tells the next start which ticks have no result: those from it on. They become
`missed` results, never late checks. Pure: no clock, no file.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterator, Sequence

from apistatus.model.check import Check
from apistatus.model.identity import phase_us, tick_at_or_after

_SLACK = 1024
"""Settled ticks that may lie in the heap before it is cleared of them."""


class Watermark:
    """Follows ticks from due to settled. May be called from any thread; each call is O(log n), amortised.

    The ticks of one check are opened in rising order. Ticks of an earlier stop that are made up for
    beside the live ones have a Watermark of their own; the smaller value of the two is what counts.
    """

    def __init__(self, from_us: int) -> None:
        """Every tick before `from_us` (UTC microseconds) is settled."""
        self._value_us = from_us
        self._lock = threading.Lock()
        self._unsettled: set[tuple[int, str]] = set()
        self._heap: list[tuple[int, str]] = []
        """All unsettled ticks, and settled ones that did not come to the top yet."""
        self._last_us: dict[str, int] = {}
        """Per check the newest tick that was opened; older than the value it says nothing."""
        self._pruned_size = 0

    def opened(self, check_id: str, scheduled_at_us: int) -> bool:
        """A tick is due. False: it was opened before, or lies before the watermark: make nothing of it."""
        with self._lock:
            if scheduled_at_us < self._value_us or scheduled_at_us <= self._last_us.get(check_id, -1):
                return False
            self._last_us[check_id] = scheduled_at_us
            tick = (scheduled_at_us, check_id)
            self._unsettled.add(tick)
            heapq.heappush(self._heap, tick)
            return True

    def settled(self, check_id: str, scheduled_at_us: int) -> None:
        """A tick's result is acknowledged or on disk. Again, or for a tick never opened: no effect."""
        with self._lock:
            self._unsettled.discard((scheduled_at_us, check_id))
            if len(self._heap) > 2 * len(self._unsettled) + _SLACK:
                self._heap = list(self._unsettled)
                heapq.heapify(self._heap)

    def value_us(self, now_us: int) -> int:
        """The watermark; it never falls and never passes an unsettled tick.

        `now_us`: an instant on the schedule's own line of time before which every due tick has been
        opened. With nothing unsettled the watermark moves up to it, and ticks before it count as done.
        """
        with self._lock:
            while self._heap and self._heap[0] not in self._unsettled:
                heapq.heappop(self._heap)
            reached_us = min(self._heap[0][0], now_us) if self._heap else now_us
            self._value_us = max(self._value_us, reached_us)
            self._prune()
            return self._value_us

    @property
    def unsettled(self) -> int:
        """Ticks that are due and have no result in safety yet."""
        return len(self._unsettled)

    def _prune(self) -> None:
        """Forget checks that were removed: their newest tick has fallen behind the watermark."""
        if len(self._last_us) > 2 * self._pruned_size + _SLACK:
            self._last_us = {name: tick for name, tick in self._last_us.items() if tick >= self._value_us}
            self._pruned_size = len(self._last_us)


def missed_ticks(checks: Sequence[Check], from_us: int, to_us: int) -> Iterator[tuple[Check, int]]:
    """Every tick of the enabled checks in [from_us, to_us), in time order (checks in their order within
    one instant). Lazy: memory for one tick per check, O(log n) a tick."""
    heap: list[tuple[int, int]] = []
    for position, check in enumerate(checks):
        if check.enabled:
            first = tick_at_or_after(from_us, phase_us(check.id, check.interval_us), check.interval_us)
            if first < to_us:
                heap.append((first, position))
    heapq.heapify(heap)
    while heap:
        tick_us, position = heap[0]
        check = checks[position]
        yield check, tick_us
        following = tick_us + check.interval_us
        if following < to_us:
            heapq.heapreplace(heap, (following, position))
        else:
            heapq.heappop(heap)
