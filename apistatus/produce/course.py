"""The schedule's course: which checks are in force from when on, what leaps of the clocks mean, what was missed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from apistatus.model.check import Check
from apistatus.produce.backfill import Past, Spans, carried_on
from apistatus.produce.making_up import MakingUp
from apistatus.produce.options import Summary
from apistatus.produce.outbox import Outbox
from apistatus.produce.progress import Progress
from apistatus.produce.schedule import LONGEST_AHEAD_US, MissedTick, Schedule, Timeline
from apistatus.runtime.logs import Events

log = Events("produce")

_CLOCK_SET_US: Final = 1_000_000
"""A smaller step of the wall clock only makes checks late by it."""
_LONGEST_MISSED_US: Final = 3_600_000_000
"""A longer time without a turn is told as a gap, not tick by tick."""
_STOOD_STILL: Final = "this process could not run, or the clock was set forward, for more than an hour"


class Course:
    """Moves a schedule on, and tells the topic of everything that happens to it but the probes' outcomes."""

    def __init__(
        self, schedule: Schedule, timeline: Timeline, outbox: Outbox, progress: Progress, *,
        past: Past | None, backfill_us: int,
    ) -> None:  # fmt: skip
        """`past`: what an earlier run left behind; what it missed since is made up for, `backfill_us` back."""
        self._schedule, self._timeline = schedule, timeline
        self._outbox, self._progress = outbox, progress
        self._past, self._backfill_us = past, backfill_us
        self._in_force = past.checks if past else None
        self._making_up = MakingUp(outbox, progress)
        self._was_set_back = False
        self.summary = Summary()

    def watermark_us(self) -> int:
        """Every tick before this instant (UTC microseconds) has its result in safety. Safe from any thread."""
        # In this order: whoever finds no past finds what is made up for in the progress.
        past = self._past
        watermark_us = self._progress.watermark_us
        return watermark_us if past is None else min(watermark_us, past.watermark_us)

    def in_force(self) -> Spans | None:
        """The checks on schedule, another object after each change; None: not known yet."""
        return self._in_force

    def move_on(self, wall_us: int, mono_ns: int) -> int:
        """Take in these readings of both clocks; the time now, after what their leaps mean for the schedule."""
        leapt_us = self._timeline.advance(wall_us, mono_ns)
        now_us = self._timeline.now_us
        self._follow_clock(leapt_us, now_us)
        return now_us

    def advance(self, now_us: int, limit: int | None = None) -> None:
        """Make ticks up to `now_us` due, at most `limit` of them, and tell those that cannot start any more."""
        self.tell_missed(self._schedule.advance(now_us, limit))

    def put_in_force(self, checks: Iterable[Check], now_us: int) -> None:
        """These checks replace those before; call `advance` to `now_us` before."""
        is_start = self._schedule.is_new
        enabled = [check for check in checks if check.enabled]
        change = self._schedule.replace(enabled, now_us)
        self.tell_missed(change.missed)
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
        log.always(
            "reload.applied", added=len(change.added), removed=len(change.removed),
            changed=len(change.changed), unchanged=change.unchanged,
        )  # fmt: skip

    def make_up(self, mono_ns: int) -> float:
        """Tell a little of what has no result yet; seconds until there is more to tell."""
        self.summary.missed += self._making_up.tell_past()
        made, missed = self._making_up.tell_lost(mono_ns)
        self.summary.made -= made
        self.summary.missed += missed
        return self._making_up.rest_s

    def tell_missed(self, ticks: Iterable[MissedTick]) -> None:
        """Each of these ticks passes without a probe."""
        for check, tick_us, reason in ticks:
            self.summary.missed += 1
            self._outbox.missed(check, tick_us, reason)

    def _begin_to_make_up(self, checks: Sequence[Check], now_us: int) -> None:
        if self._past is not None:
            self._making_up.begin(checks, self._past, now_us, self._backfill_us)
        self._past = None

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


def usable(past: Past | None, wall_us: int) -> Past | None:
    """What an earlier run left, unless it lies more than a day ahead: then one of the two clocks was wrong."""
    if past is None or past.watermark_us <= wall_us + LONGEST_AHEAD_US:
        return past
    log.warning(
        "past.ignored", hint="an earlier run ended at a time that is yet to come, by the clock of now"
    )
    return None
