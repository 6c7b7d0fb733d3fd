"""How fast checks may start that come late all at once."""

from __future__ import annotations

import pytest

from apistatus.produce.pace import Pace

S_NS = 1_000_000_000


def starts(pace: Pace, mono_ns: int) -> int:
    started = 0
    while pace.wait_s(mono_ns) <= 0:
        pace.count()
        started += 1
    return started


def test_a_few_start_at_once_and_then_so_many_a_second() -> None:
    pace = Pace()
    assert starts(pace, 0) == 16
    assert starts(pace, S_NS // 5) == 10
    assert pace.wait_s(S_NS // 5) == pytest.approx(1 / 50)


def test_the_pace_is_twice_the_schedules_rate() -> None:
    pace = Pace()
    pace.follow(1000.0)
    assert starts(pace, S_NS) == 100
    assert starts(pace, S_NS + S_NS // 100) == 20


def test_what_was_not_used_does_not_add_up_beyond_what_may_start_at_once() -> None:
    pace = Pace()
    assert starts(pace, 3600 * S_NS) == 16
