"""Ticks that got no result when they were due, told as `missed` a few at a time beside the live ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from apistatus.model.check import Check
from apistatus.produce.backfill import REASON, Backfill, Past
from apistatus.produce.outbox import Outbox
from apistatus.produce.progress import Progress
from apistatus.runtime.logs import Events

log = Events("produce")

_AT_ONCE: Final = 50
_REST_S: Final = 0.05
_UNSETTLED_AT_MOST: Final = 2000
_LOST_REASON: Final = "its result could not be kept until Kafka took it"
_LOST_REST_NS: Final = 1_000_000_000


class MakingUp:
    """Ticks of an earlier stop, and ticks whose result neither Kafka nor the disk took."""

    def __init__(self, outbox: Outbox, progress: Progress) -> None:
        self._outbox, self._progress = outbox, progress
        self._backfill: Backfill | None = None
        self._told = 0
        self._lost_from_ns = 0

    def begin(self, checks: Sequence[Check], past: Past, now_us: int, longest_us: int) -> None:
        """Tell the gaps of a stop that ends at `now_us`, and prepare its ticks."""
        backfill = Backfill(checks, past, now_us, longest_us)
        self._progress.make_up(past.watermark_us)
        for gap in backfill.gaps:
            self._progress.made_up(gap.check_id, gap.from_us)
            self._outbox.gap(gap.check_id, gap.from_us, gap.until_us, gap.reason)
        for check_id, from_us in backfill.removed:
            self._outbox.removed(check_id, from_us)
        since = datetime.fromtimestamp(past.watermark_us / 1e6, UTC).isoformat(timespec="seconds")
        log.info("stop.found", since=since, gaps=len(backfill.gaps), removed=len(backfill.removed))
        self._progress.made_up_until(backfill.next_us)
        self._backfill = backfill

    @property
    def rest_s(self) -> float:
        """How long to rest before there is more to tell."""
        return math.inf if self._backfill is None else _REST_S

    def tell_past(self) -> int:
        """Tell the next ticks of the earlier stop, while those before do not pile up; how many."""
        backfill = self._backfill
        if backfill is None or self._progress.unsettled_past > _UNSETTLED_AT_MOST:
            return 0
        told = 0
        for check, tick_us in backfill.take(_AT_ONCE):
            self._progress.made_up(check.id, tick_us)
            self._outbox.missed(check, tick_us, REASON)
            told += 1
        self._told += told
        self._progress.made_up_until(backfill.next_us)
        if backfill.next_us is None:
            self._backfill = None
            if self._told:
                log.warning("stop.made_up", missed=self._told, hint=REASON)
        return told

    def tell_lost(self, mono_ns: int) -> tuple[int, int]:
        """Tell ticks whose result was lost, as long as there is room for that; how many verdicts were
        among those results, and how many ticks are told as missed that were not before."""
        lost, made, missed = self._progress.lost, 0, 0
        if not lost or mono_ns < self._lost_from_ns:
            return made, missed
        for _ in range(min(len(lost), _AT_ONCE)):
            tick = lost.popleft()
            self._outbox.missed(tick.check, tick.tick_us, _LOST_REASON)
            made += not tick.is_missed
            missed += not tick.is_missed
            if lost and lost[-1].tick_us == tick.tick_us and lost[-1].check is tick.check:
                self._lost_from_ns = mono_ns + _LOST_REST_NS
                break
        return made, missed
