"""When each check is due (pure: no I/O, no clock; every instant is UTC microseconds handed in).

Each tick of each check in force leaves the schedule exactly once: started, or as a `MissedTick`.
"""

from __future__ import annotations

import heapq
import sys
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from apistatus.model.check import Check
from apistatus.model.identity import phase_us, tick_at_or_after
from apistatus.produce.hosts import HostRooms

_LATE_US: Final = 1_000_000
LONGEST_AHEAD_US: Final = 86_400_000_000


class Timeline:
    """UTC that never runs twice through the same instant, unless the clock is set back by over a day.

    It is the wall clock as long as that one goes forward. When it is set back, this time goes on at
    half speed until the wall clock has caught up: checks go on, and no tick comes a second time.
    """

    def __init__(self, wall_us: int, mono_ns: int) -> None:
        self.now_us = wall_us
        self.ahead_us = 0
        """How far the wall clock, set back, is behind this time."""
        self._mono_ns = mono_ns

    def advance(self, wall_us: int, mono_ns: int) -> int:
        """Move on to these readings of both clocks; returns by how many microseconds the time leapt.

        Positive: the clock was set forward (or the machine slept) by so much since the last call;
        negative: it was set back by over a day and the time follows. Otherwise about 0.
        """
        elapsed_us = (mono_ns - self._mono_ns) // 1000
        expected_us = self.now_us + elapsed_us
        self._mono_ns = mono_ns
        if expected_us - wall_us > LONGEST_AHEAD_US:
            self.now_us, self.ahead_us = wall_us, 0
            return wall_us - expected_us
        self.now_us = max(wall_us, self.now_us + elapsed_us // 2)
        self.ahead_us = self.now_us - wall_us
        return max(0, self.now_us - expected_us)

    def at_us(self, mono_ns: int) -> int:
        """The time at a monotonic stamp since the last `advance`."""
        return self.now_us + (mono_ns - self._mono_ns) // 1000


class MissedTick(NamedTuple):
    """A tick that passes without a probe, and why, as a line for people."""

    check: Check
    tick_us: int
    reason: str


class Span(NamedTuple):
    """A check without ticks from `from_us` up to, not including, `until_us`."""

    check: Check
    from_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a new list of checks means, from the instant `from_us` on: no earlier tick is touched by it."""

    from_us: int
    added: tuple[Check, ...]
    changed: tuple[Check, ...]
    removed: tuple[Check, ...]
    unchanged: int
    missed: tuple[MissedTick, ...]
    """Due ticks of removed checks."""


@dataclass(slots=True, eq=False)
class _Place:
    """A check's place in the schedule."""

    check: Check
    phase_us: int
    next_us: int
    """Its first tick that is not due yet."""
    due_us: int | None = None
    """A tick that is due and not started."""
    host: Hashable = None


class Schedule:
    """Checks and their ticks: a heap of coming ticks, a queue of due ones, and who is under way."""

    def __init__(
        self,
        opened: Callable[[str, int], object] = lambda _check_id, _tick_us: None,
        *,
        max_per_host: int = 0,
    ) -> None:
        """`opened` is called with every tick (check id, instant) when it becomes due. `max_per_host`: so many
        checks of a host and port are under way at once, 0 for as many as are due; the others wait."""
        self._opened = opened
        self._places: dict[str, _Place] = {}
        self._coming: list[tuple[int, int, _Place]] = []
        self._due: deque[_Place] = deque()
        self._under_way: dict[str, Hashable] = {}
        """By check id the host it was started for."""
        self._rooms: HostRooms[_Place] = HostRooms(max_per_host)
        self._skipped_until_us = 0
        self.is_new = True
        """Whether no list of checks was put in force yet."""

    def __len__(self) -> int:
        return len(self._places)

    @property
    def next_us(self) -> int | None:
        """The earliest tick that is not due yet."""
        return self._coming[0][0] if self._coming else None

    @property
    def has_due(self) -> bool:
        """False: `start` has none to give."""
        return bool(self._due)

    @property
    def ticks_per_s(self) -> float:
        """How many ticks there are in a second, on average."""
        return sum(1e6 / place.check.interval_us for place in self._places.values())

    def replace(self, checks: Iterable[Check], now_us: int) -> Change:
        """Put these checks in force instead of the present ones; call `advance` to `now_us` before.

        A check goes on with its ticks, a due one included, unless its interval changed: a new interval,
        like a new check, begins with its first tick after `now_us`.
        """
        former, self._places, self.is_new = self._places, {}, False
        added, changed, unchanged = [], [], 0
        for check in checks:
            old = former.pop(check.id, None)
            self._places[check.id] = self._placed(check, old, now_us)
            if old is None:
                added.append(check)
            elif _same(old.check, check):
                unchanged += 1
            else:
                changed.append(check)
        removed = [old.check for old in former.values()]
        missed = [
            MissedTick(old.check, old.due_us, "the check was removed before it could start")
            for old in former.values()
            if old.due_us is not None
        ]
        queued = (*self._rooms.all_waiting(), *self._due)
        self._due = deque(self._places[p.check.id] for p in queued if p.check.id in self._places)
        self._order()
        return Change(now_us + 1, tuple(added), tuple(changed), tuple(removed), unchanged, tuple(missed))

    def _placed(self, check: Check, old: _Place | None, now_us: int) -> _Place:
        host = self._rooms.host(check)
        if old is not None and old.check.interval_us == check.interval_us:
            return _Place(check, old.phase_us, old.next_us, old.due_us, host)
        phase = phase_us(check.id, check.interval_us)
        first_us = tick_at_or_after(now_us + 1, phase, check.interval_us)
        return _Place(check, phase, first_us, old.due_us if old else None, host)

    def _order(self) -> None:
        self._coming = [(place.next_us, n, place) for n, place in enumerate(self._places.values())]
        heapq.heapify(self._coming)

    def skip_until(self, instant_us: int) -> None:
        """The clock was set forward: coming ticks up to `instant_us` are missed, and never started."""
        self._skipped_until_us = instant_us

    def advance(self, now_us: int, limit: int | None = None) -> list[MissedTick]:
        """Make ticks up to `now_us` due, at most `limit` of them; returns those that cannot start any more.

        A tick is missed when the next one of its check is due before it could start.
        """
        missed = []
        left = sys.maxsize if limit is None else limit
        while left and self._coming and self._coming[0][0] <= now_us:
            left -= 1
            tick_us, number, place = self._coming[0]
            self._opened(place.check.id, tick_us)
            place.next_us = tick_us + place.check.interval_us
            heapq.heapreplace(self._coming, (place.next_us, number, place))
            waited = place.due_us is not None
            if place.due_us is not None:
                reason = self._why_late(place, now_us - tick_us)
                missed.append(MissedTick(place.check, place.due_us, reason))
            if tick_us <= self._skipped_until_us:
                place.due_us = None
                missed.append(
                    MissedTick(place.check, tick_us, "the clock was set forward, or the machine slept")
                )
                continue
            place.due_us = tick_us
            if not waited and place.check.id not in self._under_way:
                self._due.append(place)
        return missed

    def _why_late(self, place: _Place, late_us: int) -> str:
        if place.check.id in self._under_way:
            return "the check before was still under way when the next one was due"
        if late_us > _LATE_US:
            return f"this process could not run in time; it woke up {late_us / 1e6:.1f} s late"
        if self._rooms.is_full(place.host):
            return "as many checks of its host as may be (APISTATUS_MAX_PER_HOST) were under way until then"
        return "too many checks were under way until the next one was due"

    def start(self) -> tuple[Check, int] | None:
        """The check whose turn it is and its tick, under way until `ended`; None when none is due."""
        while self._due:
            place = self._due.popleft()
            if place.due_us is None or place.check.id in self._under_way:
                # Its tick was skipped since it was queued, and a later one may be queued again.
                self._call_next(place.host)
            elif self._rooms.take(place.host, place):
                tick_us, place.due_us = place.due_us, None
                self._under_way[place.check.id] = place.host
                return place.check, tick_us
        return None

    def ended(self, check_id: str) -> None:
        """The check is no longer under way: its next tick may start."""
        if check_id in self._under_way:
            host = self._under_way.pop(check_id)
            self._rooms.leave(host)
            self._call_next(host)
        place = self._places.get(check_id)
        if place is not None and place.due_us is not None:
            self._due.append(place)

    def _call_next(self, host: Hashable) -> None:
        """Whoever has waited longest for a room at this host is the next to start."""
        place = self._rooms.next_at(host)
        if place is not None:
            self._due.appendleft(place)

    def leap(self, now_us: int) -> list[Span]:
        """Leave out everything up to `now_us`: each check goes on with its first tick after it.

        Returns what is left out of each check, a due tick included.
        """
        spans = []
        for place in self._places.values():
            from_us = place.next_us if place.due_us is None else place.due_us
            place.due_us = None
            place.next_us = tick_at_or_after(now_us + 1, place.phase_us, place.check.interval_us)
            spans.append(Span(place.check, from_us, place.next_us))
        self._due.clear()
        self._rooms.all_waiting()
        self._order()
        return spans

    def close(self, reason: str) -> list[MissedTick]:
        """No tick starts any more; those that are due and did not start are missed for `reason`."""
        missed = [
            MissedTick(place.check, place.due_us, reason)
            for place in self._places.values()
            if place.due_us is not None
        ]
        self._places.clear()
        self._coming.clear()
        self._due.clear()
        self._rooms.all_waiting()
        return missed


def _same(one: Check, other: Check) -> bool:
    """Whether two checks mean the same; an extractor is what it was compiled from."""
    if type(one.extractor) is not type(other.extractor):
        return False
    one_source, other_source = (c.extractor and c.extractor.source for c in (one, other))
    return one_source == other_source and replace(one, extractor=None) == replace(other, extractor=None)
