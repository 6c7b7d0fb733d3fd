"""The producer's time: UTC that never runs through the same instant twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apistatus.produce.schedule import Timeline

S = 1_000_000
HOUR = 3600 * S


class Clocks:
    """A timeline, and the two clocks it reads."""

    def __init__(self) -> None:
        self.wall_us, self.mono_ns = 1_000 * HOUR, 7
        self.timeline = Timeline(self.wall_us, self.mono_ns)

    def pass_us(self, elapsed_us: int, *, set_by_us: int = 0) -> int:
        self.wall_us += elapsed_us + set_by_us
        self.mono_ns += elapsed_us * 1000
        return self.timeline.advance(self.wall_us, self.mono_ns)


def test_is_the_wall_clock_while_nobody_sets_it() -> None:
    clocks = Clocks()
    assert clocks.pass_us(3 * S) == 0
    assert clocks.timeline.now_us == clocks.wall_us
    assert clocks.timeline.ahead_us == 0


def test_leaps_with_a_clock_that_is_set_forward_and_says_by_how_much() -> None:
    clocks = Clocks()
    assert clocks.pass_us(S, set_by_us=HOUR) == HOUR
    assert clocks.timeline.now_us == clocks.wall_us


def test_goes_on_at_half_speed_until_a_clock_that_was_set_back_has_caught_up() -> None:
    clocks = Clocks()
    begin_us = clocks.timeline.now_us
    assert clocks.pass_us(10 * S, set_by_us=-60 * S) == 0
    assert clocks.timeline.now_us == begin_us + 5 * S
    assert clocks.timeline.ahead_us == 55 * S
    clocks.pass_us(100 * S)
    assert clocks.timeline.now_us == begin_us + 55 * S
    clocks.pass_us(20 * S)
    assert clocks.timeline.now_us == clocks.wall_us
    assert clocks.timeline.ahead_us == 0


def test_a_correction_forward_while_it_is_ahead_leaps_only_over_the_rest() -> None:
    clocks = Clocks()
    clocks.pass_us(10 * S, set_by_us=-60 * S)
    assert clocks.pass_us(10 * S, set_by_us=60 * S) == 5 * S


def test_follows_a_clock_that_is_set_back_by_more_than_a_day() -> None:
    clocks = Clocks()
    assert clocks.pass_us(S, set_by_us=-25 * HOUR) == -25 * HOUR
    assert clocks.timeline.now_us == clocks.wall_us
    assert clocks.timeline.ahead_us == 0


def test_tells_the_time_between_two_readings() -> None:
    clocks = Clocks()
    clocks.pass_us(S)
    assert clocks.timeline.at_us(clocks.mono_ns + 2_500_000) == clocks.timeline.now_us + 2_500


@given(st.lists(st.tuples(st.integers(0, HOUR), st.integers(-HOUR, HOUR)), max_size=20))
def test_never_goes_backwards_and_never_stands_still(steps: list[tuple[int, int]]) -> None:
    clocks = Clocks()
    for elapsed_us, set_by_us in steps:
        before_us = clocks.timeline.now_us
        clocks.pass_us(elapsed_us, set_by_us=set_by_us)
        assert clocks.timeline.now_us >= before_us + elapsed_us // 2
        assert clocks.timeline.now_us >= clocks.wall_us
