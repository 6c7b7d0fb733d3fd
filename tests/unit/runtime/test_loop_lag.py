"""How late the event loop is, as it is observed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from apistatus.runtime.loop_lag import LoopLag, watched


class Timers:
    """The part of a loop that has timers; `run` calls the one there is, so late."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.due: tuple[float, Callable[[], None]] | None = None

    def time(self) -> float:
        return self.now_s

    def call_at(self, due_s: float, call: Callable[[], None]) -> Timers:
        self.due = due_s, call
        return self

    def cancel(self) -> None:
        self.due = None

    def run(self, late_s: float) -> None:
        assert self.due is not None
        due_s, call = self.due
        self.now_s = due_s + late_s
        call()


def _watching(observe: Callable[[float], object]) -> tuple[Timers, LoopLag]:
    timers: Any = Timers()
    return timers, LoopLag(observe, timers)


def test_a_standstill_is_seen_in_full_ten_times_a_second_it_is_looked_at() -> None:
    lags: list[float] = []
    timers, _ = _watching(lags.append)
    for late_s in (0.0, 0.5, 0.001):
        timers.run(late_s)
    assert lags == pytest.approx([0.0, 0.5, 0.001])
    assert timers.now_s == pytest.approx(100.801)


def test_a_loop_that_comes_too_early_is_not_late() -> None:
    lags: list[float] = []
    timers, _ = _watching(lags.append)
    timers.run(-0.0014)
    assert lags == [0.0]


def test_closed_it_looks_no_more() -> None:
    timers, lag = _watching(lambda _lag: None)
    lag.close()
    assert timers.due is None


async def test_it_looks_while_the_work_goes_on_and_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, closed = asyncio.Event(), list[bool]()
    monkeypatch.setattr(LoopLag, "close", lambda lag: (closed.append(True), lag._timer.cancel()))

    async def work() -> str:
        await seen.wait()
        return "done"

    async def fails() -> None:
        raise KeyError("x")

    assert await watched(work(), lambda _lag: seen.set()) == "done"
    with pytest.raises(KeyError):
        await watched(fails(), lambda _lag: None)
    assert closed == [True, True]
