"""A new reader file under a running producer."""

from __future__ import annotations

import asyncio
import threading

import pytest

from apistatus.model.definition import CheckDefined, CheckRemoved
from apistatus.runtime.stopping import Stop
from tests.fakes.messages import check
from tests.unit.produce.rig import Rig, assert_balanced


def reload_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [vars(record)["fields"] for record in caplog.records if record.getMessage() == "reload.applied"]


async def test_unchanged_checks_lose_no_tick_and_are_not_defined_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(check("home"), check("api"))
    for _ in range(10):
        await rig.wait(0.37)
        rig.loop.reload([check("home"), check("api")])
    await rig.end()
    assert_balanced(rig)
    assert not rig.reasons()
    assert len(rig.publisher.definitions) == 2
    assert reload_lines(caplog)[-1] == {"added": 0, "removed": 0, "changed": 0, "unchanged": 2}


async def test_added_removed_and_changed_checks_take_effect_and_are_told_on_the_topic(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(check("home"), check("old"))
    await rig.wait(3.0)
    rig.loop.reload([check("home", 2.0, name="New Home"), check("new")])
    await rig.run(4.0)
    assert_balanced(rig)
    told = [(type(d), d.check) for d in rig.publisher.definitions[2:]]
    assert told == [(CheckRemoved, "old"), (CheckDefined, "new"), (CheckDefined, "home")]
    assert {r.name for r in rig.publisher.results if r.check == "home"} == {"home", "New Home"}
    assert reload_lines(caplog) == [{"added": 1, "removed": 1, "changed": 1, "unchanged": 0}]
    assert caplog.records[-1].levelno > 50  # said at every level
    assert rig.counted("apistatus_reloads_total", outcome="applied") == 1


async def test_a_check_that_was_disabled_is_removed_and_comes_back_when_enabled() -> None:
    rig = Rig(check("home"))
    await rig.wait(2.0)
    rig.loop.reload([check("home", enabled=False)])
    await rig.wait(3.0)
    made = len(rig.ticks())
    rig.loop.reload([check("home")])
    await rig.run(2.0)
    assert made == 2
    assert len(rig.ticks()) == 4
    assert_balanced(rig)


async def test_a_probe_under_way_ends_as_the_check_it_began_as() -> None:
    rig = Rig(check("home", 10.0, name="Old"))
    rig.prober.lasts_s = lambda _check: 4.0
    while not rig.prober.open.total():
        await rig.wait(0.5)
    rig.loop.reload([check("home", 10.0, name="New")])
    await rig.wait(12.0)
    await rig.end()
    assert [result.name for result in rig.publisher.results][:2] == ["Old", "New"]
    assert_balanced(rig)


async def test_a_new_check_does_not_wait_for_the_end_of_a_rest() -> None:
    rig = Rig()
    await rig.wait(0.1)
    rig.loop.reload([check(f"check-{n}", 0.5) for n in range(50)])
    await rig.run(0.6)
    # Half a second is the longest rest, a millisecond the shortest.
    assert max(result.start_delay_us for result in rig.publisher.results) <= 1000
    assert_balanced(rig)


async def test_a_reload_is_taken_from_another_thread() -> None:
    rig = Rig(check("home"))
    await rig.wait(1.0)
    thread = threading.Thread(target=rig.loop.reload, args=([check("api")],))
    thread.start()
    thread.join()
    await rig.run(2.0)
    assert rig.ticks("api")
    assert_balanced(rig)


def test_a_reload_before_the_start_or_after_the_end_harms_nothing() -> None:
    async def life(rig: Rig) -> None:
        await rig.run(1.0)

    rig = Rig(check("home"))
    rig.loop.reload([check("api")])
    asyncio.run(life(rig))
    assert rig.ticks("api")
    assert_balanced(rig)
    rig.loop.reload([check("late")])
    Stop().on_ask(lambda: rig.loop.reload([]))
    assert not rig.ticks("late")
