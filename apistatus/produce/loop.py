"""The producer's loop: due -> probe -> publish. One event loop; a turn moves the schedule on."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from apistatus.model.check import Check
from apistatus.ports import Clock, Prober, ResultPublisher
from apistatus.produce.backfill import Past, Spans
from apistatus.produce.course import Course, usable
from apistatus.produce.options import Options as Options
from apistatus.produce.options import Summary as Summary
from apistatus.produce.outbox import Outbox, Sender
from apistatus.produce.pace import Pace
from apistatus.produce.probe import GuardedProber
from apistatus.produce.progress import Progress
from apistatus.produce.schedule import MissedTick, Schedule, Timeline
from apistatus.runtime.metrics import Metrics
from apistatus.runtime.stopping import Stop

_STARTS_PER_TURN: Final = 16
"""Checks started before other tasks get their turn: more, and those under way are timed too long."""
_TICKS_PER_TURN: Final = 256
_REST_S: Final = 0.5
"""Longest rest between two turns: a clock that was set is noticed so soon."""
_SHORTEST_REST_S: Final = 0.001
"""Event loops count in milliseconds; uvloop wakes up to 1.4 ms early, and a shorter rest would spin."""
_STUCK_S: Final = 10.0


class _Open(NamedTuple):
    check: Check
    tick_us: int
    task: asyncio.Task[None]


class ProduceLoop:
    """Makes each tick of each enabled check one result on the topic."""

    def __init__(
        self, checks: Sequence[Check], prober: Prober, publisher: ResultPublisher, clock: Clock,
        metrics: Metrics, options: Options, *, past: Past | None = None,
    ) -> None:  # fmt: skip
        """`past`: what an earlier run left behind; what it missed since is made up for."""
        self._prober = prober
        self._guarded = GuardedProber(prober)
        sender = Sender(options.location, options.producer, options.cloudevents)
        wall_us = clock.wall_us()
        past = usable(past, wall_us)
        # When the clock was set back meanwhile, time goes on from there: no tick comes twice.
        self._timeline = Timeline(max(wall_us, past.watermark_us - 1 if past else 0), clock.mono_ns())
        self._progress = Progress(self._timeline.now_us)
        self._outbox = Outbox(publisher, metrics, sender, self._progress)
        self._clock, self._metrics, self._options = clock, metrics, options
        self._schedule = Schedule(self._progress.opened, max_per_host=options.max_per_host)
        self._course = Course(
            self._schedule, self._timeline, self._outbox, self._progress,
            past=past, backfill_us=options.backfill_us,
        )  # fmt: skip
        self.summary = self._course.summary
        self._pace = Pace()
        self._news: deque[Sequence[Check]] = deque([checks])
        self._open: dict[str, _Open] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._resting: asyncio.Task[None] | None = None
        self._stopping = False
        self._turned_mono_ns: int | None = None
        metrics.observe(metrics.in_flight, lambda: len(self._open))
        metrics.observe(metrics.checks, lambda: len(self._schedule))

    # --- for other threads ------------------------------------------------------------------------

    def reload(self, checks: Sequence[Check]) -> None:
        """Put these checks in force at the next turn. Safe from any thread and from signal handlers."""
        self._news.append(checks)
        self._wake_from_outside()

    def readiness(self) -> str | None:
        """None: checks are made; else why not."""
        return "stopping" if self._stopping else self.liveness()

    def liveness(self) -> str | None:
        """None: the loop turned within the last 10 seconds; else what is wrong."""
        turned_ns = self._turned_mono_ns
        if turned_ns is None:
            return "not started yet"
        still_s = (self._clock.mono_ns() - turned_ns) / 1e9
        return None if still_s < _STUCK_S else f"the check loop has not turned for {still_s:.0f} s"

    def watermark_us(self) -> int:
        """Every tick before this instant (UTC microseconds) has its result in safety."""
        return self._course.watermark_us()

    def in_force(self) -> Spans | None:
        """The checks on schedule, another object after each change; None: not known yet."""
        return self._course.in_force()

    def _wake_from_outside(self) -> None:
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:  # the run is over and its event loop closed
            return

    def _wake(self) -> None:
        resting, self._resting = self._resting, None
        if resting is not None:
            resting.cancel()

    # --- the run ----------------------------------------------------------------------------------

    async def run(self, stop: Stop) -> Summary:
        """Check until a stop is asked for; open checks then have `grace_s`, the rest is abandoned."""
        self._loop = asyncio.get_running_loop()
        stop.on_ask(self._wake_from_outside)
        try:
            while not stop.asked:
                await self._rest(self.turn())
            self._stopping = True
            await self._finish()
        finally:
            # Checks are still open here only when a turn failed: a defect, which ends the command.
            for one in self._open.values():
                one.task.cancel()
            await self._prober.aclose()
        return self.summary

    def turn(self) -> float:
        """One turn: take in new checks, move the schedule on, start what is due; the seconds to rest."""
        now_us = self._move_on()
        while self._news:
            self._put_in_force(self._news.popleft(), now_us)
        self._course.advance(now_us, _TICKS_PER_TURN)
        rest_s = min(_REST_S, self._start_due(), self._course.make_up(self._clock.mono_ns()))
        next_us = self._schedule.next_us
        self._progress.opened_until(now_us + 1 if next_us is None else min(now_us + 1, next_us))
        if next_us is None:
            return rest_s
        if next_us <= now_us:
            return 0.0
        return min(rest_s, max(_SHORTEST_REST_S, (next_us - now_us) / 1e6))

    def _move_on(self) -> int:
        """Read both clocks; the time now, after what their leaps mean for the schedule."""
        self._turned_mono_ns = self._clock.mono_ns()
        return self._course.move_on(self._clock.wall_us(), self._turned_mono_ns)

    def _put_in_force(self, checks: Sequence[Check], now_us: int) -> None:
        is_start = self._schedule.is_new
        self._course.advance(now_us)
        self._course.put_in_force(checks, now_us)
        self._pace.follow(self._schedule.ticks_per_s)
        if not is_start:
            self._metrics.reloads.labels("applied").inc()

    async def _rest(self, seconds: float) -> None:
        if seconds <= 0.0:
            await asyncio.sleep(0)
            return
        self._resting = task = asyncio.current_task()
        try:
            # In no task of its own: each would let others run once more before what is due.
            await self._clock.sleep(seconds)
        except asyncio.CancelledError:
            was_woken = self._resting is None
            if not was_woken or task is None or task.uncancel():
                raise
        finally:
            self._resting = None

    async def _finish(self) -> None:
        """Let open checks end within the grace, then abandon them; each tick still gets its result."""
        now_us = self._move_on()
        self._course.advance(now_us)
        self._course.tell_missed(self._schedule.close("stopped before the check could start"))
        self._progress.opened_until(now_us + 1)
        until_ns = self._clock.mono_ns() + int(self._options.grace_s * 1e9)
        while self._open and (left_ns := until_ns - self._clock.mono_ns()) > 0:
            await self._rest(min(_REST_S, max(_SHORTEST_REST_S, left_ns / 1e9)))
            self._turned_mono_ns = self._clock.mono_ns()
        abandoned, self._open = list(self._open.values()), {}
        self.summary.abandoned += len(abandoned)
        for one in abandoned:
            one.task.cancel()
            self._course.tell_missed([MissedTick(one.check, one.tick_us, "stopped before the check ended")])
        if abandoned:
            await asyncio.wait([one.task for one in abandoned], timeout=_REST_S)

    # --- probes -----------------------------------------------------------------------------------

    def _start_due(self) -> float:
        """Start a handful of what is due, as far as room and pace allow; seconds until more may start."""
        for _ in range(_STARTS_PER_TURN):
            if not self._schedule.has_due or len(self._open) >= self._options.max_in_flight:
                return math.inf
            wait_s = self._pace.wait_s(self._clock.mono_ns())
            if wait_s > 0:
                return max(_SHORTEST_REST_S, wait_s)
            due = self._schedule.start()
            if due is None:
                return math.inf
            self._pace.count()
            check, tick_us = due
            self._open[check.id] = _Open(check, tick_us, asyncio.ensure_future(self._check(check, tick_us)))
        return 0.0

    async def _check(self, check: Check, tick_us: int) -> None:
        delay_us = max(0, self._timeline.at_us(self._clock.mono_ns()) - tick_us)
        self._metrics.start_delay.observe(delay_us / 1e6)
        try:
            outcome = await self._guarded.probe(check)
            if self._open.pop(check.id, None) is None:
                return  # abandoned meanwhile: its tick is told as missed
            self.summary.made += 1
            try:
                self._outbox.outcome(check, outcome, tick_us, delay_us=delay_us)
            except Exception as error:  # noqa: BLE001 - an outcome that cannot be told is a defect of the prober
                outcome = self._guarded.defect(check, error)
                self._outbox.outcome(check, outcome, tick_us, delay_us=delay_us)
        finally:
            self._ended(check)

    def _ended(self, check: Check) -> None:
        self._open.pop(check.id, None)
        self._schedule.ended(check.id)
        if self._stopping:
            if not self._open:
                self._wake()
        elif self._is_due():
            # Now, not when the rest is over: timers count in milliseconds.
            self.turn()
        else:
            self._start_due()

    def _is_due(self) -> bool:
        next_us = self._schedule.next_us
        return next_us is not None and next_us <= self._timeline.at_us(self._clock.mono_ns())
