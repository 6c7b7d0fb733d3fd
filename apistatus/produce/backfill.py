"""What a stop of the producer has left without a result, told when it runs again (pure)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

from apistatus.model.check import Check
from apistatus.model.identity import phase_us, tick_at_or_after
from apistatus.produce.watermark import missed_ticks

REASON: Final = "no producer was running"
_TOO_LONG: Final = "no producer was running, for longer than APISTATUS_MISSED_BACKFILL"
_REMOVED: Final = "no producer was running, and the check was removed meanwhile"


class InForce(NamedTuple):
    """A check's time on schedule with one interval: ticks from `from_us` up to, not including, `until_us`."""

    interval_us: int
    from_us: int
    until_us: int | None = None
    """None: it is on schedule still."""


Spans: TypeAlias = Mapping[str, tuple[InForce, ...]]
"""By check id, in order of time; at most the last one is still open."""


def carried_on(former: Spans, checks: Sequence[Check], from_us: int, watermark_us: int) -> Spans:
    """What is in force when these checks replace the former ones from `from_us` on.

    What ended before the watermark is left out: every tick of it has its result.
    """
    now = {check.id: check for check in checks}
    spans: dict[str, tuple[InForce, ...]] = {}
    for name in former.keys() | now.keys():
        kept = [
            span for span in former.get(name, ()) if span.until_us is None or span.until_us >= watermark_us
        ]
        is_open = bool(kept) and kept[-1].until_us is None
        check = now.get(name)
        if is_open and (check is None or check.interval_us != kept[-1].interval_us):
            kept[-1] = kept[-1]._replace(until_us=from_us)
            is_open = False
        if check is not None and not is_open:
            kept.append(InForce(check.interval_us, from_us))
        if kept:
            spans[name] = tuple(kept)
    return spans


@dataclass(frozen=True, slots=True)
class Past:
    """What an earlier run has left behind: all its ticks before `watermark_us` have their results."""

    watermark_us: int
    checks: Spans | None
    """None: not known, then those of the reader file are taken."""

    def spans(self, checks: Sequence[Check]) -> Spans:
        """What was in force, as far as it is known."""
        if self.checks is not None:
            return self.checks
        return {
            check.id: (InForce(check.interval_us, self.watermark_us),) for check in checks if check.enabled
        }

    def untold_from_us(self, check: Check) -> int | None:
        """Since when the check is in force, when its definition may not have got to the topic."""
        spans = (self.checks or {}).get(check.id, ())
        is_same = bool(spans) and spans[-1].until_us is None and spans[-1].interval_us == check.interval_us
        return spans[-1].from_us if is_same and spans[-1].from_us >= self.watermark_us else None


class Missing(NamedTuple):
    """Ticks of a check in [from_us, until_us), both ticks themselves, that get no results."""

    check_id: str
    from_us: int
    until_us: int
    reason: str


class Backfill:
    """The ticks of one stop: the last of them one by one as `missed`, those longer ago as gaps."""

    def __init__(self, checks: Sequence[Check], past: Past, now_us: int, longest_us: int) -> None:
        """`checks` are those of the reader file; ticks up to `now_us` count, at most `longest_us` back.

        A check that is new since the stop has none; a new interval applies from now on. The ticks of a
        check that is no longer there are a gap.
        """
        self._end_us = now_us + 1
        self._cut_us = min(max(past.watermark_us, self._end_us - longest_us), self._end_us)
        now = {check.id: check for check in checks if check.enabled}
        was = past.spans(checks)
        self.removed = sorted(
            (name, spans[-1].until_us or self._end_us)
            for name, spans in was.items()
            if name not in now and (spans[-1].until_us or self._end_us) >= past.watermark_us
        )
        """Checks that are no longer there, and from when on; it may not have been told yet."""
        self.gaps: list[Missing] = []
        ticks = []
        for name, spans in was.items():
            for span in spans:
                from_us, until_us = max(past.watermark_us, span.from_us), span.until_us or self._end_us
                check = now.get(name)
                cut_us = until_us if check is None else min(max(self._cut_us, from_us), until_us)
                self._add_gap(name, span, from_us, cut_us, _TOO_LONG if check else _REMOVED)
                if check is not None and cut_us < until_us:
                    resumed = replace(check, interval_us=span.interval_us)
                    ticks.append(missed_ticks([resumed], cut_us, until_us))
        self._ticks = heapq.merge(*ticks, key=lambda tick: tick[1])
        self._next = next(self._ticks, None)

    def _add_gap(self, name: str, span: InForce, from_us: int, until_us: int, reason: str) -> None:
        phase = phase_us(name, span.interval_us)
        first_us = tick_at_or_after(from_us, phase, span.interval_us)
        end_us = tick_at_or_after(until_us, phase, span.interval_us)
        if first_us < end_us:
            self.gaps.append(Missing(name, first_us, end_us, reason))

    @property
    def next_us(self) -> int | None:
        """The first tick that was not taken yet; None: all were."""
        return None if self._next is None else self._next[1]

    def take(self, limit: int) -> Iterator[tuple[Check, int]]:
        """The next ticks to be told as missed, in time order."""
        for _ in range(limit):
            if self._next is None:
                return
            tick, self._next = self._next, next(self._ticks, None)
            yield tick
