"""The producer's loop: due -> probe -> publish. One event loop; a turn moves the schedule on."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from apistatus.model.check import Check
from apistatus.ports import Clock, Prober, ResultPublisher
from apistatus.produce.backfill import Past, Spans, carried_on
from apistatus.produce.making_up import MakingUp
from apistatus.produce.options import Options as Options
from apistatus.produce.options import Summary as Summary
from apistatus.produce.outbox import Outbox, Sender
from apistatus.produce.pace import Pace
from apistatus.produce.probe import GuardedProber
from apistatus.produce.progress import Progress
from apistatus.produce.schedule import LONGEST_AHEAD_US, MissedTick, Schedule, Timeline
from apistatus.runtime.logs import Events
from apistatus.runtime.metrics import Metrics
from apistatus.runtime.stopping import Stop

log = Events("produce")

_STARTS_PER_TURN: Final = 16
"""Checks started before other tasks get their turn: more, and those under way are timed too long."""
_TICKS_PER_TURN: Final = 256
_REST_S: Final = 0.5
"""Longest rest between two turns: a clock that was set is noticed so soon."""
_SHORTEST_REST_S: Final = 0.001
"""Event loops count in milliseconds; uvloop wakes up to 1.4 ms early, and a shorter rest would spin."""
_CLOCK_SET_US: Final = 1_000_000
"""A smaller step of the wall clock only makes checks late by it."""
_LONGEST_MISSED_US: Final = 3_600_000_000
"""A longer time without a turn is told as a gap, not tick by tick."""
_STUCK_S: Final = 10.0
_STOOD_STILL: Final = "this process could not run, or the clock was set forward, for more than an hour"


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
        past = _usable(past, wall_us)
        # When the clock was set back meanwhile, time goes on from there: no tick comes twice.
        self._timeline = Timeline(max(wall_us, past.watermark_us - 1 if past else 0), clock.mono_ns())
        self._progress = Progress(self._timeline.now_us)
        self._outbox = Outbox(publisher, metrics, sender, self._progress)
        self._making_up = MakingUp(self._outbox, self._progress)
        self._past = past
        self._clock = clock
        self._metrics = metrics
        self._options = options
        self._schedule = Schedule(self._progress.opened, max_per_host=options.max_per_host)
        self._pace = Pace()
        self._news: deque[Sequence[Check]] = deque([checks])
        self._open: dict[str, _Open] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._resting: asyncio.Task[None] | None = None
        self._stopping = False
        self._turned_mono_ns: int | None = None
        self._was_set_back = False
        self._in_force = past.checks if past else None
        self.summary = Summary()
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
        watermark_us = self._progress.watermark_us
        if self._past is not None:
            return min(watermark_us, self._past.watermark_us)
        return watermark_us

    def in_force(self) -> Spans | None:
        """The checks on schedule, another object after each change; None: not known yet."""
        return self._in_force

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
            self._tell_missed(self._schedule.advance(now_us))
            self._put_in_force(self._news.popleft(), now_us)
        self._tell_missed(self._schedule.advance(now_us, _TICKS_PER_TURN))
        rest_s = min(_REST_S, self._start_due(), self._make_up())
        next_us = self._schedule.next_us
        self._progress.opened_until(now_us + 1 if next_us is None else min(now_us + 1, next_us))
        if next_us is None:
            return rest_s
        if next_us <= now_us:
            return 0.0
        return min(rest_s, max(_SHORTEST_REST_S, (next_us - now_us) / 1e6))

    def _move_on(self) -> int:
        """Read both clocks; the time now, after what their leaps mean for the schedule."""
        mono_ns = self._turned_mono_ns = self._clock.mono_ns()
        leapt_us = self._timeline.advance(self._clock.wall_us(), mono_ns)
        self._follow_clock(leapt_us, self._timeline.now_us)
        return self._timeline.now_us

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
        self._tell_missed(self._schedule.advance(now_us))
        self._tell_missed(self._schedule.close("stopped before the check could start"))
        self._progress.opened_until(now_us + 1)
        until_ns = self._clock.mono_ns() + int(self._options.grace_s * 1e9)
        while self._open and (left_ns := until_ns - self._clock.mono_ns()) > 0:
            await self._rest(min(_REST_S, max(_SHORTEST_REST_S, left_ns / 1e9)))
            self._turned_mono_ns = self._clock.mono_ns()
        abandoned, self._open = list(self._open.values()), {}
        self.summary.abandoned += len(abandoned)
        for one in abandoned:
            one.task.cancel()
            self._tell_missed([MissedTick(one.check, one.tick_us, "stopped before the check ended")])
        if abandoned:
            await asyncio.wait([one.task for one in abandoned], timeout=_REST_S)

    # --- clock and checks in force ----------------------------------------------------------------

    def _follow_clock(self, leapt_us: int, now_us: int) -> None:
        next_us = self._schedule.next_us
        if leapt_us < 0:
            self._set_back(now_us)
        elif next_us is not None and now_us - next_us > _LONGEST_MISSED_US:
            log.warning("time.leapt", to_us=now_us, hint="no check was made in between: told as a gap")
            for span in self._schedule.leap(now_us):
                self._progress.opened(span.check.id, span.from_us)
                self._outbox.gap(span.check.id, span.from_us, span.until_us, _STOOD_STILL)
        elif leapt_us >= _CLOCK_SET_US:
            log.warning("clock.set_forward", seconds=round(leapt_us / 1e6, 3))
            self._schedule.skip_until(now_us - _CLOCK_SET_US)
        ahead_us = self._timeline.ahead_us
        is_set_back = ahead_us >= _CLOCK_SET_US
        if is_set_back and not self._was_set_back:
            hint = "checks go on at half pace until it has caught up"
            log.warning("clock.set_back", seconds=round(ahead_us / 1e6, 3), hint=hint)
        self._was_set_back = is_set_back

    def _set_back(self, now_us: int) -> None:
        """The clock went back by more than a day, and time with it: checks go on from there."""
        log.warning("time.leapt", to_us=now_us, hint="the clock was set back by more than a day")
        self._progress.set_back(now_us)
        spans = self._schedule.leap(now_us)
        for span in spans:
            self._outbox.defined(span.check, span.until_us)
        self._in_force = carried_on({}, [span.check for span in spans], now_us + 1, now_us)

    def _put_in_force(self, checks: Iterable[Check], now_us: int) -> None:
        is_start = self._schedule.is_new
        enabled = [check for check in checks if check.enabled]
        change = self._schedule.replace(enabled, now_us)
        self._pace.follow(self._schedule.ticks_per_s)
        self._tell_missed(change.missed)
        for check in change.removed:
            self._outbox.removed(check.id, change.from_us)
        for check in (*change.added, *change.changed):
            untold_us = self._past.untold_from_us(check) if self._past else None
            self._outbox.defined(check, untold_us or change.from_us)
        former = self._past.spans(enabled) if self._past else self._in_force or {}
        self._in_force = carried_on(former, enabled, change.from_us, self.watermark_us())
        if is_start:
            self._begin_to_make_up(enabled, now_us)
            return
        self._metrics.reloads.labels("applied").inc()
        log.always(
            "reload.applied", added=len(change.added), removed=len(change.removed),
            changed=len(change.changed), unchanged=change.unchanged,
        )  # fmt: skip

    def _begin_to_make_up(self, checks: Sequence[Check], now_us: int) -> None:
        if self._past is not None:
            self._making_up.begin(checks, self._past, now_us, self._options.backfill_us)
        self._past = None

    def _make_up(self) -> float:
        """Tell a little of what has no result yet; seconds until there is more to tell."""
        self.summary.missed += self._making_up.tell_past()
        made, missed = self._making_up.tell_lost(self._clock.mono_ns())
        self.summary.made -= made
        self.summary.missed += missed
        return self._making_up.rest_s

    # --- probes -----------------------------------------------------------------------------------

    def _start_due(self) -> float:
        """Start a handful of what is due, as far as room and pace allow; seconds until more may start."""
        for _ in range(_STARTS_PER_TURN):
            if len(self._open) >= self._options.max_in_flight:
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

    def _tell_missed(self, ticks: Iterable[MissedTick]) -> None:
        for check, tick_us, reason in ticks:
            self.summary.missed += 1
            self._outbox.missed(check, tick_us, reason)


def _usable(past: Past | None, wall_us: int) -> Past | None:
    """What an earlier run left, unless it lies more than a day ahead: then one of the two clocks was wrong."""
    if past is None or past.watermark_us <= wall_us + LONGEST_AHEAD_US:
        return past
    log.warning(
        "past.ignored", hint="an earlier run ended at a time that is yet to come, by the clock of now"
    )
    return None
