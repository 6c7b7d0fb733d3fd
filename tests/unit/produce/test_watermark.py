"""The watermark: never over an unsettled tick, never back; and the ticks that a stop left out."""

from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from apistatus.model.check import Check
from apistatus.model.identity import phase_us
from apistatus.produce.watermark import Watermark, missed_ticks

START_US = 1_800_000_000_000_000
CHECKS = ("home", "api", "shop")


def check(check_id: str, interval_us: int, *, enabled: bool = True) -> Check:
    return Check(
        id=check_id, name=check_id, url="http://target/", site="http://target", endpoint="/",
        interval_us=interval_us, timeout_us=1_000_000, enabled=enabled,
    )  # fmt: skip


def test_stays_at_the_oldest_unsettled_tick() -> None:
    mark = Watermark(START_US)
    for at in (10, 20, 30):
        assert mark.opened("home", START_US + at)
    mark.settled("home", START_US + 20)
    assert mark.value_us(START_US + 100) == START_US + 10
    mark.settled("home", START_US + 10)
    assert mark.value_us(START_US + 100) == START_US + 30
    mark.settled("home", START_US + 30)
    assert mark.value_us(START_US + 100) == START_US + 100


def test_two_checks_due_at_one_instant_are_two_ticks() -> None:
    mark = Watermark(START_US)
    assert mark.opened("home", START_US + 5)
    assert mark.opened("api", START_US + 5)
    mark.settled("home", START_US + 5)
    assert mark.value_us(START_US + 9) == START_US + 5
    assert mark.unsettled == 1


def test_does_not_move_beyond_the_instant_up_to_which_ticks_were_opened() -> None:
    mark = Watermark(START_US)
    mark.opened("home", START_US + 50)
    assert mark.value_us(START_US + 40) == START_US + 40


@pytest.mark.parametrize("settle", [True, False])
def test_a_tick_is_opened_once_only(*, settle: bool) -> None:
    mark = Watermark(START_US)
    assert mark.opened("home", START_US + 5)
    if settle:
        mark.settled("home", START_US + 5)
    assert not mark.opened("home", START_US + 5)
    assert mark.unsettled == (0 if settle else 1)


def test_a_tick_before_the_watermark_is_done_already() -> None:
    mark = Watermark(START_US)
    assert not mark.opened("home", START_US - 1)
    assert mark.opened("home", START_US)


def test_never_falls_when_the_clock_does() -> None:
    mark = Watermark(START_US)
    assert mark.value_us(START_US + 100) == START_US + 100
    assert mark.value_us(START_US - 100) == START_US + 100


def test_settling_again_or_out_of_nowhere_changes_nothing() -> None:
    mark = Watermark(START_US)
    mark.opened("home", START_US + 5)
    mark.settled("api", START_US + 5)
    mark.settled("home", START_US + 4)
    assert mark.value_us(START_US + 9) == START_US + 5
    mark.settled("home", START_US + 5)
    mark.settled("home", START_US + 5)
    assert mark.value_us(START_US + 9) == START_US + 9


def test_one_tick_that_hangs_does_not_let_memory_grow() -> None:
    mark = Watermark(START_US)
    mark.opened("hangs", START_US)
    for at in range(1, 50_000):
        mark.opened("home", START_US + at)
        mark.settled("home", START_US + at)
    assert len(mark._heap) < 3_000
    assert mark.value_us(START_US + 50_000) == START_US


def test_checks_that_come_and_go_are_forgotten_behind_the_watermark() -> None:
    mark = Watermark(START_US)
    for at in range(20_000):
        mark.opened(f"check-{at}", START_US + at)
        mark.settled(f"check-{at}", START_US + at)
        mark.value_us(START_US + at + 1)
    assert len(mark._last_us) < 3_000


def test_settled_from_another_thread_while_ticks_are_opened() -> None:
    mark, count = Watermark(START_US), 20_000

    def settle_all() -> None:
        left = set(range(count))
        while left:
            # A tick that is not open yet stays for the next round, as a late acknowledgement would.
            for at in sorted(left):
                if (START_US + at, "home") in mark._unsettled:
                    mark.settled("home", START_US + at)
                    left.discard(at)

    thread = threading.Thread(target=settle_all)
    thread.start()
    values = []
    for at in range(count):
        assert mark.opened("home", START_US + at)
        values.append(mark.value_us(START_US + at + 1))
    thread.join(60)
    assert not thread.is_alive()
    assert values == sorted(values)
    assert mark.value_us(START_US + count) == START_US + count


class AgainstAModel(RuleBasedStateMachine):
    """Ticks opened, settled in any order, clock steps of either sign, restarts from the value kept."""

    @initialize()
    def begin(self) -> None:
        self.mark = Watermark(START_US)
        self.ticks: dict[tuple[str, int], bool] = {}  # (check, tick) -> settled
        self.value = self.opened_until = START_US

    @rule(check_id=st.sampled_from(CHECKS), ahead=st.integers(0, 50))
    def open_a_tick(self, check_id: str, ahead: int) -> None:
        tick = self.opened_until + ahead
        newest = max((at for name, at in self.ticks if name == check_id), default=-1)
        assert self.mark.opened(check_id, tick) == (tick >= self.value and tick > newest)
        if tick >= self.value and tick > newest:
            self.ticks[check_id, tick] = False

    @rule(data=st.data())
    def settle_any(self, data: st.DataObject) -> None:
        if self.ticks:
            check_id, tick = data.draw(st.sampled_from(sorted(self.ticks)))
            self.mark.settled(check_id, tick)
            self.ticks[check_id, tick] = True

    @rule(data=st.data())
    def open_again(self, data: st.DataObject) -> None:
        if self.ticks:
            assert not self.mark.opened(*data.draw(st.sampled_from(sorted(self.ticks))))

    @rule(step=st.integers(-200, 200))
    def time_passes_or_jumps(self, step: int) -> None:
        self.opened_until += step

    @rule()
    def restart(self) -> None:
        self.mark = Watermark(self.value)
        self.ticks = {tick: True for tick in self.ticks if tick[1] < self.value}

    @invariant()
    def never_over_an_unsettled_tick_and_never_back(self) -> None:
        value = self.mark.value_us(self.opened_until)
        unsettled = [tick for (_, tick), settled in self.ticks.items() if not settled]
        assert value == max(self.value, min([*unsettled, self.opened_until]))
        assert all(tick >= value for tick in unsettled)
        assert self.mark.unsettled == len(unsettled)
        self.value = value


AgainstAModel.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestAgainstAModel = AgainstAModel.TestCase


@given(
    intervals=st.lists(st.integers(1, 60), max_size=6),
    start=st.integers(0, 10_000),
    length=st.integers(-5, 200),
)
def test_missed_ticks_are_all_ticks_of_the_span_in_time_order(
    intervals: list[int], start: int, length: int
) -> None:
    checks = [check(f"c{number}", interval) for number, interval in enumerate(intervals)]
    found = [(tick, each.id) for each, tick in missed_ticks(checks, start, start + length)]
    expected = [
        (instant, each.id)
        for instant in range(start, start + length)
        for each in checks
        if (instant - phase_us(each.id, each.interval_us)) % each.interval_us == 0
    ]
    assert found == expected


def test_missed_ticks_leave_out_disabled_checks() -> None:
    checks = [check("off", 1_000_000, enabled=False), check("on", 1_000_000)]
    found = list(missed_ticks(checks, START_US, START_US + 2_000_000))
    assert [each.id for each, _ in found] == ["on", "on"]


def test_missed_ticks_of_many_checks_come_lazily() -> None:
    checks = [check(f"c{number}", 30_000_000) for number in range(5_000)]
    a_year_us = 365 * 86_400_000_000
    first = list(itertools.islice(missed_ticks(checks, START_US, START_US + a_year_us), 10_000))
    ticks = [tick for _, tick in first]
    assert ticks == sorted(ticks)
    assert len({(each.id, tick) for each, tick in first}) == 10_000
    assert max(ticks) < START_US + 60_000_000
