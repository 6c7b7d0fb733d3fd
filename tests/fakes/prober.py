"""Checks that end when the test says, with the outcome it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from apistatus.model.check import Check
from apistatus.model.result import Outcome
from apistatus.ports import Clock

UP = Outcome(status="up", status_code=200, total_us=1000)


class ScriptedProber:
    """`ports.Prober`: takes `lasts_s` of the clock's time and gives `outcome`, or raises `failure`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.outcome: Callable[[Check], Outcome] = lambda _check: UP
        self.lasts_s: Callable[[Check], float] = lambda _check: 0.0
        self.failure: Callable[[Check], BaseException | None] = lambda _check: None
        self.started: list[tuple[str, int]] = []
        """(check id, monotonic ns) of every probe, in the order of their starts."""
        self.checks: list[Check] = []
        self.open: Counter[str] = Counter()
        self.most_open = 0
        self.overlaps = 0
        self.closed = False

    async def probe(self, check: Check) -> Outcome:
        self.started.append((check.id, self._clock.mono_ns()))
        self.checks.append(check)
        self.overlaps += self.open[check.id] > 0
        self.open[check.id] += 1
        self.most_open = max(self.most_open, self.open.total())
        try:
            if lasts_s := self.lasts_s(check):
                await self._clock.sleep(lasts_s)
            if failure := self.failure(check):
                raise failure
            return self.outcome(check)
        finally:
            self.open[check.id] -= 1

    async def aclose(self) -> None:
        self.closed = True
