"""Which checks were in force when, over changes and stops, and what is told of it afterwards."""

from __future__ import annotations

from apistatus.model.definition import CheckDefined, CheckRemoved
from apistatus.model.identity import phase_us, tick_at_or_after
from apistatus.produce.backfill import Backfill, InForce, Past, carried_on
from tests.fakes.clock import NOW_US
from tests.fakes.messages import check
from tests.unit.produce.rig import Rig

S = 1_000_000


def test_a_check_that_goes_on_keeps_its_beginning() -> None:
    first = carried_on({}, [check("home"), check("api")], 100, 0)
    assert first == {"home": (InForce(S, 100),), "api": (InForce(S, 100),)}
    assert carried_on(first, [check("home", name="New"), check("api")], 500, 0) == first


def test_a_removed_check_is_remembered_until_all_its_ticks_have_results() -> None:
    former = {"home": (InForce(S, 100),)}
    removed = carried_on(former, [], 500, 300)
    assert removed == {"home": (InForce(S, 100, 500),)}
    assert carried_on(removed, [], 900, 500) == removed
    assert carried_on(removed, [], 900, 501) == {}


def test_a_new_interval_and_a_return_begin_anew() -> None:
    former = {"home": (InForce(S, 100),)}
    slower = carried_on(former, [check("home", 2.0)], 500, 300)
    assert slower == {"home": (InForce(S, 100, 500), InForce(2 * S, 500))}
    back = carried_on({"home": (InForce(S, 100, 500),)}, [check("home")], 700, 300)
    assert back == {"home": (InForce(S, 100, 500), InForce(S, 700))}


def test_the_ticks_of_all_checks_come_in_time_order() -> None:
    checks = [check(f"check-{n}", 1.0 + n) for n in range(20)]
    span = InForce(S, 0)
    past = Past(NOW_US - 60 * S, {c.id: (span._replace(interval_us=c.interval_us),) for c in checks})
    backfill = Backfill(checks, past, NOW_US, 3600 * S)
    ticks = [tick_us for _check, tick_us in backfill.take(10_000)]
    assert ticks == sorted(ticks)
    assert len(ticks) > 60
    assert backfill.next_us is None
    assert list(backfill.take(5)) == []


def test_both_intervals_of_a_check_that_changed_before_the_kill_are_told() -> None:
    spans = (InForce(S, 0, NOW_US - 30 * S), InForce(2 * S, NOW_US - 30 * S))
    backfill = Backfill([check("home", 2.0)], Past(NOW_US - 60 * S, {"home": spans}), NOW_US, 3600 * S)
    ticks = [tick_us for _check, tick_us in backfill.take(1000)]
    first = tick_at_or_after(NOW_US - 60 * S, phase_us("home", S), S)
    second = tick_at_or_after(NOW_US - 30 * S, phase_us("home", 2 * S), 2 * S)
    assert ticks == [*range(first, NOW_US - 30 * S, S), *range(second, NOW_US + 1, 2 * S)]
    assert backfill.gaps == []


async def test_a_definition_that_may_not_have_arrived_is_told_again_as_it_was() -> None:
    since_us = NOW_US - 10 * S
    rig = Rig(check("home"), past=Past(NOW_US - 20 * S, {"home": (InForce(S, since_us),)}))
    await rig.run(3.0)
    [defined] = rig.publisher.definitions
    assert isinstance(defined, CheckDefined)
    assert defined.from_us == since_us
    assert min(rig.ticks("home", "missed")) == tick_at_or_after(since_us, phase_us("home", S), S)


async def test_a_removal_that_may_not_have_arrived_is_told_again_as_it_was() -> None:
    spans = {"home": (InForce(S, 0),), "old": (InForce(S, 0, NOW_US - 10 * S),)}
    rig = Rig(check("home"), past=Past(NOW_US - 20 * S, spans))
    await rig.run(3.0)
    [removed] = [d for d in rig.publisher.definitions if isinstance(d, CheckRemoved)]
    assert (removed.check, removed.from_us) == ("old", NOW_US - 10 * S)
    [gap] = rig.publisher.gaps
    assert gap.until_us - gap.from_us in {9 * S, 10 * S, 11 * S}


async def test_the_watermark_waits_for_definitions_too() -> None:
    rig = Rig(check("home", 3600.0))
    rig.publisher.away = True
    await rig.wait(5.0)
    assert rig.loop.watermark_us() == NOW_US + 1
    rig.publisher.away = False
    rig.publisher.flush(0)
    assert rig.loop.watermark_us() > NOW_US + 4 * S
    rig.publisher.away = True
    rig.loop.reload([])
    await rig.wait(5.0)
    assert rig.loop.watermark_us() < NOW_US + 7 * S
    assert rig.past().checks is not None
    await rig.end()
