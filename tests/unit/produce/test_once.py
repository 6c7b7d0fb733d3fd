"""Checks made a single time."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

import pytest

from apistatus.model.check import Check
from apistatus.model.result import Outcome, Result
from apistatus.produce.once import Place, check_once
from apistatus.runtime.stopping import Stop
from tests.fakes.clock import NOW_US, VirtualClock
from tests.fakes.messages import check
from tests.fakes.prober import ScriptedProber

PLACE = Place("berlin", "id-1")


class Call:
    def __init__(self) -> None:
        self.clock, self.stop = VirtualClock(), Stop()
        self.prober = ScriptedProber(self.clock)

    async def __call__(self, checks: Sequence[Check], max_in_flight: int = 100) -> list[Result]:
        return await check_once(
            checks, self.prober, self.clock, PLACE, stop=self.stop, max_in_flight=max_in_flight
        )


async def test_gives_one_result_a_check_in_their_order() -> None:
    call = Call()
    call.prober.lasts_s = lambda c: 3.0 if c.id == "slow" else 0.5
    call.prober.outcome = lambda c: Outcome(status="down" if c.id == "slow" else "up")
    results = await call([check("slow"), check("home"), check("api")])
    assert [(r.check, r.status) for r in results] == [("slow", "down"), ("home", "up"), ("api", "up")]
    assert {(r.origin, r.location, r.producer) for r in results} == {("once", "berlin", "id-1")}
    assert {r.scheduled_at_us for r in results} == {NOW_US}
    assert call.clock.mono_ns() == 3_000_000_000


async def test_no_more_are_under_way_than_allowed_and_each_is_dated_by_its_own_start() -> None:
    call = Call()
    call.prober.lasts_s = lambda _check: 1.0
    results = await call([check(f"check-{n}") for n in range(6)], max_in_flight=2)
    assert call.prober.most_open == 2
    assert [(r.scheduled_at_us - NOW_US) // 1_000_000 for r in results] == [0, 0, 1, 1, 2, 2]


async def test_of_no_checks_there_are_no_results() -> None:
    assert await Call()([]) == []


async def test_when_stopped_what_is_done_stays_and_the_rest_is_missed() -> None:
    call = Call()
    call.prober.lasts_s = lambda c: 1.0 if c.id == "home" else 60.0
    checks = [check("home", 100.0), check("slow", 100.0), check("waits", 100.0)]
    running = asyncio.ensure_future(call(checks, max_in_flight=2))
    await call.clock.sleep(5.0)
    call.stop.ask()
    results = await running
    assert [(r.status, r.attempts, r.error) for r in results] == [
        ("up", 1, None),
        ("missed", 0, "stopped before the check ended"),
        ("missed", 0, "stopped before the check ended"),
    ]
    assert call.prober.open.total() == 0


async def test_when_stopped_before_the_start_everything_is_missed() -> None:
    call = Call()
    call.prober.lasts_s = lambda _check: 1.0
    call.stop.ask()
    results = await call([check("home"), check("api")])
    assert [result.status for result in results] == ["missed", "missed"]


async def test_a_defect_of_ours_costs_one_result() -> None:
    call = Call()
    call.prober.failure = lambda c: KeyError("secret") if c.id == "home" else None
    home, api = await call([check("home"), check("api")])
    assert (home.status, home.failure, api.status) == ("inconclusive", "internal", "up")
    assert "secret" not in str(home.error)


async def test_being_cancelled_without_a_stop_is_passed_on() -> None:
    call = Call()
    call.prober.lasts_s = lambda _check: 60.0
    running = asyncio.ensure_future(call([check("home")]))
    await call.clock.sleep(1.0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_a_stop_after_the_end_harms_nothing() -> None:
    call = Call()
    [result] = asyncio.run(call([check("home")]))
    call.stop.ask()
    assert result.status == "up"


async def test_each_result_is_told_as_soon_as_there_is_one_and_missed_ones_too() -> None:
    call, told = Call(), list[Result]()
    call.prober.lasts_s = lambda c: {"slow": 2.0, "hangs": 60.0}.get(c.id, 0.5)
    checks = [check("hangs", 200.0), check("slow"), check("home")]
    running = asyncio.ensure_future(
        check_once(
            checks, call.prober, call.clock, PLACE, stop=call.stop, max_in_flight=3, on_result=told.append
        )
    )
    await call.clock.sleep(1.0)
    assert [result.check for result in told] == ["home"]
    await call.clock.sleep(4.0)
    call.stop.ask()
    results = await running
    assert [(result.check, result.status) for result in told] == [
        ("home", "up"), ("slow", "up"), ("hangs", "missed"),
    ]  # fmt: skip
    assert {id(result) for result in told} == {id(result) for result in results}


async def test_of_one_host_no_more_are_under_way_than_allowed_and_others_do_not_wait_for_it() -> None:
    call = Call()
    call.prober.lasts_s = lambda _check: 1.0
    crowd = [dataclasses.replace(check(f"a{n}"), url=f"http://a.example/{n}") for n in range(4)]
    other = dataclasses.replace(check("b"), url="http://b.example/")
    results = await check_once(
        [*crowd, other], call.prober, call.clock, PLACE, stop=call.stop, max_in_flight=2, max_per_host=1
    )
    assert call.prober.most_open == 2
    starts_s = [(result.scheduled_at_us - NOW_US) // 1_000_000 for result in results]
    assert starts_s == [0, 1, 2, 3, 0]
