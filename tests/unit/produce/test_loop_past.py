"""What a stop left without results is told when the producer runs again."""

from __future__ import annotations

import pytest

from apistatus.model.definition import CheckDefined, CheckRemoved
from apistatus.model.identity import phase_us, tick_at_or_after
from apistatus.ports import End, Headers, OnEnd
from apistatus.produce.backfill import InForce, Past
from tests.fakes.clock import NOW_US
from tests.fakes.messages import check
from tests.unit.produce.rig import Rig

S = 1_000_000
HOUR = 3600 * S


def past(ago_s: float, *ids: str, interval_s: float = 1.0) -> Past:
    """A run that ended so long ago with these checks in force since a day before."""
    span = InForce(round(interval_s * S), NOW_US - round(ago_s * S) - 24 * HOUR)
    return Past(NOW_US - round(ago_s * S), dict.fromkeys(ids, (span,)))


async def test_every_tick_of_a_stop_becomes_missed_and_none_is_checked_late() -> None:
    rig = Rig(check("home"), past=past(120.0, "home"))
    summary = await rig.run(10.0)
    missed = rig.ticks("home", "missed")
    first = tick_at_or_after(NOW_US - 120 * S, phase_us("home", S), S)
    assert missed == list(range(first, NOW_US + 1, S))
    assert rig.reasons() == {"no producer was running"}
    assert summary.missed == len(missed)
    assert min(rig.ticks("home", "up")) > NOW_US
    assert rig.publisher.gaps == []


async def test_of_a_longer_stop_the_last_part_is_missed_and_the_rest_one_gap_a_check() -> None:
    rig = Rig(check("home"), check("slow", 60.0), past=past(600.0, "home", "slow"), backfill_us=60 * S)
    await rig.run(10.0)
    gaps = {gap.check: gap for gap in rig.publisher.gaps}
    assert set(gaps) == {"home", "slow"}
    assert gaps["home"].from_us == tick_at_or_after(NOW_US - 600 * S, phase_us("home", S), S)
    assert gaps["home"].until_us == min(rig.ticks("home", "missed"))
    assert gaps["slow"].until_us == min(rig.ticks("slow"))
    assert "APISTATUS_MISSED_BACKFILL" in gaps["home"].reason
    assert len(rig.ticks("home", "missed")) in {60, 61}


async def test_without_backfill_a_stop_is_a_gap_up_to_the_first_tick() -> None:
    rig = Rig(check("home"), past=past(600.0, "home"), backfill_us=0)
    await rig.run(5.0)
    [gap] = rig.publisher.gaps
    assert not rig.ticks("home", "missed")
    assert gap.until_us == min(rig.ticks("home"))


async def test_a_check_that_is_new_since_the_stop_has_no_ticks_before_its_time() -> None:
    rig = Rig(check("home"), check("new"), past=past(60.0, "home"))
    await rig.run(5.0)
    assert rig.ticks("home", "missed")
    assert not rig.ticks("new", "missed")


async def test_a_check_that_was_removed_meanwhile_is_a_gap_and_told_as_removed() -> None:
    rig = Rig(check("home"), past=past(60.0, "home", "gone"))
    await rig.run(5.0)
    [gap] = rig.publisher.gaps
    assert (gap.check, gap.from_us) == ("gone", tick_at_or_after(NOW_US - 60 * S, phase_us("gone", S), S))
    [removed] = [d for d in rig.publisher.definitions if isinstance(d, CheckRemoved)]
    assert (removed.check, removed.from_us) == ("gone", NOW_US + 1)
    assert gap.until_us >= removed.from_us


async def test_a_new_interval_applies_from_the_start_on() -> None:
    rig = Rig(check("home", 7.0), past=past(60.0, "home", interval_s=2.0))
    await rig.run(30.0)
    missed = rig.ticks("home", "missed")
    first = tick_at_or_after(NOW_US - 60 * S, phase_us("home", 2 * S), 2 * S)
    assert missed == list(range(first, NOW_US + 1, 2 * S))
    [defined] = rig.publisher.definitions
    assert isinstance(defined, CheckDefined)
    assert (defined.interval_ms, defined.from_us) == (7000, NOW_US + 1)


async def test_when_nothing_is_known_of_the_checks_those_of_the_reader_file_are_taken() -> None:
    rig = Rig(check("home"), past=Past(NOW_US - 30 * S, None))
    await rig.run(5.0)
    assert len(rig.ticks("home", "missed")) in {30, 31}


async def test_a_first_start_makes_up_for_nothing() -> None:
    rig = Rig(check("home"))
    await rig.run(5.0)
    assert not rig.reasons()


async def test_when_the_clock_was_set_back_meanwhile_no_tick_comes_twice() -> None:
    rig = Rig(check("home"), past=past(-600.0, "home"))
    await rig.run(60.0)
    assert min(rig.ticks("home")) >= NOW_US + 600 * S
    assert len(rig.ticks("home")) in range(28, 32), "half pace until the clock has caught up"


async def test_what_lies_more_than_a_day_ahead_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(check("home"), past=past(-48 * 3600.0, "home"))
    await rig.run(10.0)
    assert len(rig.ticks("home", "up")) in {10, 11}
    assert "past.ignored" in caplog.messages


async def test_ticks_of_a_stop_are_told_a_few_at_a_time_while_kafka_is_away() -> None:
    rig = Rig(
        *(check(f"check-{n}") for n in range(20)), past=past(3600.0, *(f"check-{n}" for n in range(20)))
    )
    rig.publisher.away = True
    await rig.wait(60.0)
    assert len(rig.publisher.waiting) < 20 * 60 + 2000 + 200
    watermark_us = rig.loop.watermark_us()
    assert watermark_us <= NOW_US - 3599 * S
    rig.publisher.away = False
    rig.publisher.flush(0)
    await rig.wait(120.0)
    assert rig.loop.watermark_us() > NOW_US
    assert len(rig.ticks("check-0", "missed")) in {3600, 3601}
    await rig.end()


async def test_the_watermark_waits_for_every_result_and_passes_what_is_safe() -> None:
    rig = Rig(check("home"))
    await rig.wait(5.0)
    assert rig.loop.watermark_us() > NOW_US + 4 * S
    rig.publisher.away = True
    await rig.wait(10.0)
    stays_us = rig.loop.watermark_us()
    assert stays_us < NOW_US + 7 * S
    rig.publisher.away = False
    rig.publisher.flush(0)
    await rig.wait(1.0)
    assert rig.loop.watermark_us() > NOW_US + 14 * S
    await rig.end()
    assert rig.loop.watermark_us() == rig.clock.wall_us() + 1


async def test_a_result_without_room_is_told_as_missed_when_there_is_some() -> None:
    rig = Rig(check("home"))
    await rig.wait(3.0)
    made = len(rig.ticks())
    rig.publisher.full = True
    await rig.wait(5.0)
    rig.publisher.full = False
    summary = await rig.run(3.0)
    assert summary.missed == len(rig.ticks("home", "missed")) in {4, 5}
    assert summary.made == len(rig.ticks("home", "up"))
    assert rig.reasons() == {"its result could not be kept until Kafka took it"}
    assert len(set(rig.ticks())) == len(rig.ticks()) >= made + 8
    assert rig.loop.watermark_us() > NOW_US + 10 * S


async def test_a_result_that_kafka_refuses_for_ever_is_told_as_missed() -> None:
    rig = Rig(check("home"))
    publish = rig.publisher.publish
    refused: list[bytes] = []

    def refuse_one(key: bytes, value: bytes, headers: Headers = (), on_end: OnEnd | None = None) -> None:
        if b'"up"' in value and not refused and on_end is not None:
            refused.append(value)
            on_end(End.REFUSED)
        else:
            publish(key, value, headers, on_end)

    rig.publisher.publish = refuse_one
    await rig.run(5.0)
    assert len(rig.ticks("home", "missed")) == 1
    assert rig.loop.watermark_us() == rig.clock.wall_us() + 1
