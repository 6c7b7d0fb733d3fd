"""The producer under a wall clock that is set, and after times in which it did not run."""

from __future__ import annotations

import pytest

from apistatus.model.definition import CheckDefined
from apistatus.model.identity import phase_us, tick_at_or_after
from tests.fakes.clock import NOW_US
from tests.fakes.messages import check
from tests.unit.produce.rig import Rig, assert_balanced

S = 1_000_000


def starts_between(rig: Rig, from_s: float, until_s: float) -> int:
    return sum(from_s * 1e9 <= mono_ns < until_s * 1e9 for _check, mono_ns in rig.prober.started)


async def test_ticks_skipped_by_a_clock_set_forward_are_missed_and_nothing_bursts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(*(check(f"check-{n}", 10.0) for n in range(100)))
    await rig.wait(20.0)
    rig.clock.wall_step_us += 1800 * S
    await rig.wait(20.0)
    await rig.end()
    assert_balanced(rig)
    assert "the clock was set forward, or the machine slept" in rig.reasons()
    assert len(rig.ticks("check-0", "missed")) == 180
    # 10 a second on average, and at most those of one more second at once.
    assert starts_between(rig, 20.0, 21.0) < 40
    assert 180 <= starts_between(rig, 20.0, 40.0) <= 220
    assert "clock.set_forward" in caplog.messages


async def test_a_tick_less_than_a_second_before_where_the_clock_was_set_to_starts_late() -> None:
    rig = Rig(check("home", 60.0))
    await rig.wait(0.0)
    tick_us = tick_at_or_after(NOW_US + 1, phase_us("home", 60 * S), 60 * S)
    rig.clock.wall_step_us = tick_us - NOW_US + S // 5
    await rig.run(1.0)
    assert rig.ticks("home", "up") == [tick_us]
    assert rig.publisher.results[0].start_delay_us >= S // 5
    assert_balanced(rig)


async def test_a_clock_set_back_stops_no_check_and_repeats_no_tick(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(check("home"))
    await rig.wait(20.0)
    rig.clock.wall_step_us -= 60 * S
    await rig.wait(100.0)
    assert 45 <= starts_between(rig, 20.0, 120.0) <= 55
    await rig.wait(60.0)
    assert 30 <= starts_between(rig, 140.0, 180.0) <= 41
    await rig.end()
    assert_balanced(rig)
    assert not rig.reasons()
    assert caplog.messages.count("clock.set_back") == 1


async def test_a_small_step_of_the_clock_only_makes_checks_late_by_it() -> None:
    rig = Rig(check("home"))
    await rig.wait(5.2)
    rig.clock.wall_step_us += S // 2
    await rig.run(5.0)
    assert_balanced(rig)
    assert not rig.reasons()
    assert max(result.start_delay_us for result in rig.publisher.results) <= S // 2


async def test_after_a_freeze_each_check_starts_its_last_tick_and_the_earlier_ones_are_missed() -> None:
    rig = Rig(check("home", 10.0))
    await rig.wait(30.0)
    rig.clock.now_ns += 35_000_000_000
    await rig.run(20.0)
    assert_balanced(rig)
    assert len(rig.ticks("home", "missed")) in {2, 3}
    assert all((r or "").startswith("this process could not run in time; it woke up ") for r in rig.reasons())


async def test_a_leap_of_hours_is_one_gap_a_check_and_not_told_tick_by_tick(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(check("home"))
    await rig.wait(10.0)
    rig.clock.wall_step_us += 50 * 365 * 86_400 * S
    await rig.run(10.0)
    assert_balanced(rig)
    assert not rig.reasons()
    [defined], [gap] = rig.publisher.definitions, rig.publisher.gaps
    assert isinstance(defined, CheckDefined)
    assert gap.until_us - gap.from_us in range(50 * 365 * 86_400 * S - 2 * S, 50 * 365 * 86_400 * S + 2 * S)
    assert gap.reason.startswith("this process could not run")
    assert len(rig.ticks()) in range(19, 22)
    assert "time.leapt" in caplog.messages


async def test_follows_a_clock_that_is_set_back_by_years() -> None:
    rig = Rig(check("home"))
    await rig.wait(10.0)
    before = rig.ticks()
    rig.clock.wall_step_us -= 4 * 365 * 86_400 * S
    await rig.run(10.0)
    after = rig.ticks()[len(before) :]
    assert len(after) in range(9, 12)
    assert max(after) < min(before)
    assert [type(definition) for definition in rig.publisher.definitions] == [CheckDefined, CheckDefined]
