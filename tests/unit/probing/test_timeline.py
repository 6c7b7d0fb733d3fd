"""Phases on a clock that only moves when told."""

from __future__ import annotations

from apistatus.probing.timeline import Timeline


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now_ns = 5_000

    def __call__(self) -> int:
        return self.now_ns

    def pass_us(self, microseconds: int) -> None:
        self.now_ns += microseconds * 1_000


def test_each_phase_gets_the_time_until_the_next_one_and_hops_add_up() -> None:
    hand = Hand()
    timeline = Timeline(hand)
    for _ in range(2):
        timeline.enter("connect")
        hand.pass_us(30)
        timeline.enter("send")
        hand.pass_us(5)
        timeline.enter("processing")
        hand.pass_us(100)
    assert timeline.phase == "processing"
    assert timeline.took_us("connect") == 60
    assert timeline.took_us("send", "processing") == 110
    assert timeline.until_phase_us() == 170
    assert timeline.elapsed_us() == 270


def test_a_phase_that_never_ended_has_no_duration() -> None:
    hand = Hand()
    timeline = Timeline(hand)
    timeline.enter("connect")
    hand.pass_us(30)
    assert timeline.took_us("connect") is None
    assert timeline.took_us("tls") is None
    assert timeline.elapsed_us() == 30
