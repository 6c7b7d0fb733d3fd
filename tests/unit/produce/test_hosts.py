"""How many checks are under way at one host at once, and who waits for whom."""

from __future__ import annotations

import dataclasses

import pytest

from apistatus.model.check import Check
from apistatus.produce.hosts import HostRooms, host_of
from apistatus.produce.schedule import Schedule
from tests.fakes.messages import check
from tests.unit.produce.rig import Rig, assert_balanced


def at(host: str, check_id: str, interval_s: float = 10.0, **facts: object) -> Check:
    return dataclasses.replace(check(check_id, interval_s), url=f"http://{host}/{check_id}", **facts)


@pytest.mark.parametrize(
    ("url", "connect_to", "host"),
    [
        ("http://A.example/x", None, ("a.example", 80)),
        ("https://a.example/x", None, ("a.example", 443)),
        ("https://a.example:80/x", None, ("a.example", 80)),
        ("http://[2001:db8::1]:8080/", None, ("2001:db8::1", 8080)),
        ("http://a.example/x", ("192.0.2.1", 81), ("192.0.2.1", 81)),
    ],
)
def test_a_host_is_where_the_check_connects_to(
    url: str, connect_to: tuple[str, int] | None, host: tuple[str, int]
) -> None:
    assert host_of(dataclasses.replace(check("a"), url=url, connect_to=connect_to)) == host


def test_rooms_are_handed_out_in_the_order_of_coming() -> None:
    rooms: HostRooms[str] = HostRooms(1)
    assert [rooms.take("a", who) for who in "xyz"] == [True, False, False]
    assert rooms.take("b", "other")
    assert rooms.next_at("a") is None
    rooms.leave("a")
    assert rooms.next_at("a") == "y"
    assert rooms.take("a", "y")
    rooms.leave("a")
    assert rooms.all_waiting() == ["z"]
    assert rooms.next_at("a") is None


def test_without_a_limit_there_is_always_room() -> None:
    rooms: HostRooms[str] = HostRooms(0)
    assert all(rooms.take(rooms.host(check("a")), "x") for _ in range(100))
    rooms.leave(None)
    assert not rooms.is_full(None)


def _started(schedule: Schedule) -> list[str]:
    started = []
    while (due := schedule.start()) is not None:
        started.append(due[0].id)
    return started


def _due(*checks: Check, most: int = 1) -> Schedule:
    schedule = Schedule(max_per_host=most)
    schedule.replace(checks, 0)
    schedule.advance(10_000_000)
    return schedule


def test_a_full_host_holds_up_none_of_the_others() -> None:
    schedule = _due(*(at("a", f"a{n}") for n in range(3)), at("b", "b0"))
    first = _started(schedule)
    assert len(first) == 2
    assert "b0" in first
    [of_a] = [one for one in first if one != "b0"]
    schedule.ended("b0")
    assert _started(schedule) == []
    schedule.ended(of_a)
    [second] = _started(schedule)
    schedule.ended(second)
    [third] = _started(schedule)
    assert {of_a, second, third} == {"a0", "a1", "a2"}


def test_whoever_waits_comes_before_one_that_becomes_due_later() -> None:
    schedule = _due(at("a", "a0"), at("a", "a1"), at("a", "a2", 3.0))
    order = []
    now_us = 10_000_000
    for _ in range(3):
        [started] = _started(schedule)
        order.append(started)
        now_us += 2_000_000
        schedule.advance(now_us)
        schedule.ended(started)
    assert sorted(order) == ["a0", "a1", "a2"]


def test_a_tick_that_waited_for_its_host_until_the_next_one_says_so() -> None:
    schedule = _due(at("a", "a0", 60.0), at("a", "a1", 10.0), most=1)
    schedule.advance(60_000_000)
    first = _started(schedule)
    missed = []
    for second in range(61, 200):
        missed += schedule.advance(second * 1_000_000)
    mine = [tick for tick in missed if tick.check.id != first[0]]
    assert mine
    assert {tick.reason for tick in mine} == {
        "as many checks of its host as may be (APISTATUS_MAX_PER_HOST) were under way until then"
    }


def test_a_reload_keeps_who_waits_and_frees_the_room_of_a_check_that_moved() -> None:
    schedule = _due(at("a", "a0"), at("a", "a1"), at("a", "a2"))
    [first] = _started(schedule)
    schedule.replace(
        [at("b", first), *(at("a", one) for one in ("a0", "a1", "a2") if one != first)], 10_000_000
    )
    assert _started(schedule) == []
    schedule.ended(first)
    [second] = _started(schedule)
    schedule.ended(second)
    assert len(_started(schedule)) == 1


def test_a_turn_that_is_of_no_use_any_more_goes_to_the_next_in_line() -> None:
    """Set forward, the clock skips the tick of the one who waits longest, and not that of the next."""
    busy, often, rarely = at("a", "busy", 1.0), at("a", "often", 1.0), at("a", "rarely", 3600.0)
    schedule = Schedule(max_per_host=1)
    schedule.replace([busy], 0)
    schedule.advance(2_000_000)
    assert _started(schedule) == ["busy"]
    schedule.replace([busy, often, rarely], 2_000_000)
    schedule.advance(3_602_000_000)
    assert _started(schedule) == []
    schedule.skip_until(3_604_000_000)
    schedule.advance(3_604_000_000)
    schedule.ended("busy")
    assert _started(schedule) == ["rarely"]


async def test_the_producer_keeps_to_the_limit_and_the_wait_shows_as_lateness() -> None:
    rig = Rig(*(at("a", f"a{n}", 60.0) for n in range(6)), at("b", "b0", 60.0), max_per_host=2)
    rig.prober.lasts_s = lambda one: 15.0
    await rig.run(200.0)
    assert_balanced(rig)
    per_host = [one for one, _ in rig.prober.started if one != "b0"]
    assert len(per_host) >= 12
    late = [result.start_delay_us for result in rig.publisher.results if result.status == "up"]
    assert max(late) > 1_000_000
    assert rig.counted("apistatus_start_delay_seconds_count") == len(rig.prober.started)


async def test_no_more_than_the_limit_are_open_to_one_host() -> None:
    rig = Rig(*(at("a", f"a{n}", 30.0) for n in range(10)), max_per_host=2)
    rig.prober.lasts_s = lambda one: 2.0
    await rig.run(120.0)
    assert rig.prober.most_open == 2
    assert {one for one, _ in rig.prober.started} == {f"a{n}" for n in range(10)}
    assert_balanced(rig)
