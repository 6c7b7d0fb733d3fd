"""Stopping a producer: refuse new checks, finish the open ones within the grace, abandon the rest."""

from __future__ import annotations

import asyncio

import pytest

from apistatus.model.check import Check
from apistatus.model.result import Outcome
from tests.fakes.messages import check
from tests.fakes.prober import UP
from tests.unit.produce.rig import Rig, assert_balanced


async def until_open(rig: Rig, count: int) -> None:
    while rig.prober.open.total() < count:
        await rig.wait(0.1)


async def test_open_checks_end_within_the_grace_and_nothing_new_starts() -> None:
    rig = Rig(check("home", 10.0), check("quick", 0.5), grace_s=5.0)
    rig.prober.lasts_s = lambda c: 3.0 if c.id == "home" else 0.0
    await until_open(rig, 1)
    begun_ns = rig.clock.mono_ns()
    summary = await rig.end()
    assert rig.ticks("home", "up")
    assert (summary.missed, summary.abandoned) == (0, 0)
    started_ns = next(mono_ns for check_id, mono_ns in rig.prober.started if check_id == "home")
    assert rig.clock.mono_ns() == started_ns + 3_000_000_000
    assert all(mono_ns <= begun_ns for _check, mono_ns in rig.prober.started)
    assert rig.prober.closed
    assert_balanced(rig)


async def test_what_does_not_end_within_the_grace_is_abandoned_and_missed() -> None:
    rig = Rig(check("home", 60.0), grace_s=2.0)
    rig.prober.lasts_s = lambda _check: 50.0
    await until_open(rig, 1)
    begun_ns = rig.clock.mono_ns()
    summary = await rig.end()
    assert (summary.made, summary.missed, summary.abandoned) == (0, 1, 1)
    assert rig.reasons() == {"stopped before the check ended"}
    assert rig.clock.mono_ns() - begun_ns == pytest.approx(2e9, rel=0.01)
    assert rig.prober.open.total() == 0
    assert_balanced(rig)


async def test_ticks_that_wait_for_room_are_missed_at_once() -> None:
    rig = Rig(check("slow", 60.0), *(check(f"check-{n}", 60.0) for n in range(5)), max_in_flight=1)
    rig.prober.lasts_s = lambda _check: 30.0
    await until_open(rig, 1)
    await rig.wait(29.0)
    summary = await rig.end()
    assert "stopped before the check could start" in rig.reasons()
    assert summary.abandoned == 0
    assert_balanced(rig)


async def test_a_prober_that_ignores_being_cancelled_makes_no_second_result() -> None:
    rig = Rig(check("home", 60.0), grace_s=1.0)
    ended = asyncio.Event()

    async def probe(_check: Check) -> Outcome:
        rig.prober.open[_check.id] += 1
        try:
            await rig.clock.sleep(50.0)
        except asyncio.CancelledError:
            ended.set()
        return UP

    rig.prober.probe = probe
    await until_open(rig, 1)
    summary = await rig.end()
    assert ended.is_set()
    assert (summary.made, summary.abandoned) == (0, 1)
    assert rig.ticks() == rig.ticks("home", "missed")
    assert_balanced(rig)


async def test_a_prober_that_cannot_be_cancelled_does_not_hold_up_the_end() -> None:
    rig = Rig(check("home", 60.0), grace_s=1.0)
    released = asyncio.Event()

    async def probe(_check: Check) -> Outcome:
        rig.prober.open[_check.id] += 1
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue
        return UP

    rig.prober.probe = probe
    await until_open(rig, 1)
    summary = await rig.end()
    assert summary.abandoned == 1
    released.set()
    await asyncio.sleep(0)


async def test_a_stop_before_the_start_makes_nothing() -> None:
    rig = Rig(check("home"))
    rig.stop.ask()
    summary = await rig.end()
    assert (summary.made, summary.missed, rig.publisher.messages) == (0, 0, [])
    assert rig.prober.closed


async def test_a_stop_wakes_a_rest() -> None:
    rig = Rig(check("home", 3600.0))
    await rig.wait(0.1)
    begun_ns = rig.clock.mono_ns()
    await rig.end()
    assert rig.clock.mono_ns() == begun_ns


async def test_it_counts_as_alive_while_open_checks_end() -> None:
    rig = Rig(check("home", 120.0), grace_s=50.0)
    rig.prober.lasts_s = lambda _check: 40.0
    await until_open(rig, 1)
    ending = asyncio.ensure_future(rig.end())
    await rig.clock.sleep(30.0)
    assert rig.loop.liveness() is None
    assert rig.loop.readiness() == "stopping"
    await ending
