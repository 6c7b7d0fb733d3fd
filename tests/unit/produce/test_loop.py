"""The producer's loop: due -> probe -> publish."""

from __future__ import annotations

import asyncio

import pytest

from apistatus.model import wire
from apistatus.model.definition import CheckDefined
from apistatus.model.identity import phase_us, tick_at_or_after
from apistatus.model.result import Outcome
from tests.fakes.clock import NOW_US
from tests.fakes.messages import check
from tests.unit.produce.rig import Rig, assert_balanced

S = 1_000_000


def first_tick(check_id: str = "home", interval_us: int = S) -> int:
    return tick_at_or_after(NOW_US + 1, phase_us(check_id, interval_us), interval_us)


async def test_each_tick_gives_one_result_with_the_time_it_was_due() -> None:
    rig = Rig(check("home"))
    summary = await rig.run(5.0)
    assert rig.ticks() == [first_tick() + n * S for n in range(5)]
    assert {result.status for result in rig.publisher.results} == {"up"}
    assert (summary.made, summary.missed, summary.abandoned) == (5, 0, 0)
    assert_balanced(rig)


async def test_a_result_is_keyed_by_its_check_and_says_who_made_it_and_where() -> None:
    rig = Rig(check("home", name="Home", group="web"), location="berlin", producer="id-1")
    await rig.run(1.0)
    keys = {key for key, _value, _headers in rig.publisher.messages}
    assert keys == {b"home"}
    [result] = rig.publisher.results
    assert (result.location, result.producer, result.origin) == ("berlin", "id-1", "schedule")
    assert (result.name, result.group, result.interval_ms, result.start_delay_us) == ("Home", "web", 1000, 0)


async def test_checks_are_defined_on_the_topic_from_the_start_and_before_their_first_result() -> None:
    rig = Rig(check("home"), check("api", 2.0, sla_ms=5))
    await rig.run(3.0)
    definitions = [d for d in rig.publisher.definitions if isinstance(d, CheckDefined)]
    assert [(d.check, d.from_us, d.interval_ms, d.sla_ms) for d in definitions] == [
        ("home", NOW_US + 1, 1000, None),
        ("api", NOW_US + 1, 2000, 5),
    ]
    assert_balanced(rig)


async def test_a_disabled_check_is_neither_defined_nor_made() -> None:
    rig = Rig(check("home", enabled=False), check("api"))
    await rig.run(2.0)
    assert {message.check for message in rig.publisher.decoded()} == {"api"}
    assert rig.counted("apistatus_checks") == 0  # after the stop


async def test_cloudevents_headers_are_sent_when_asked_for_and_only_then() -> None:
    plain, events = Rig(check("home")), Rig(check("home"), cloudevents=True)
    await plain.run(1.0)
    await events.run(1.0)
    assert all(headers == () for _key, _value, headers in plain.publisher.messages)
    *_definition, (_key, value, headers) = events.publisher.messages
    result = wire.decode(value)
    assert dict(headers)["ce_subject"] == b"home"
    assert list(headers) == wire.cloudevents_headers(result)


async def test_a_check_never_overlaps_itself_and_the_tick_it_ran_into_starts_late() -> None:
    rig = Rig(check("home"))
    durations = iter([1.4, 0.0, 0.0])
    rig.prober.lasts_s = lambda _check: next(durations, 0.0)
    await rig.run(4.0)
    assert_balanced(rig)
    delays = [result.start_delay_us for result in rig.publisher.results]
    assert delays == [0, 400_000, 0, 0]


async def test_a_check_that_runs_past_two_ticks_makes_the_first_of_them_missed() -> None:
    rig = Rig(check("home"))
    durations = iter([2.5])
    rig.prober.lasts_s = lambda _check: next(durations, 0.0)
    summary = await rig.run(5.0)
    assert rig.ticks("home", "missed") == [first_tick() + S]
    assert rig.reasons() == {"the check before was still under way when the next one was due"}
    assert summary.missed == 1
    assert_balanced(rig)


async def test_no_more_checks_than_allowed_are_under_way_and_the_others_wait_their_turn() -> None:
    rig = Rig(*(check(f"check-{n}", 10.0) for n in range(30)), max_in_flight=2)
    rig.prober.lasts_s = lambda _check: 0.5
    await rig.run(20.0)
    assert rig.prober.most_open == 2
    assert_balanced(rig)
    assert max(result.start_delay_us for result in rig.publisher.results) > 0


async def test_ticks_that_found_no_room_until_the_next_one_are_missed() -> None:
    rig = Rig(check("slow", 30.0), check("home"), max_in_flight=1)
    rig.prober.lasts_s = lambda c: 10.0 if c.id == "slow" else 0.0
    await rig.wait(60.0)
    assert rig.ticks("home", "missed")
    reasons = rig.reasons()
    await rig.end()
    assert reasons == {"too many checks were under way until the next one was due"}
    assert_balanced(rig)


async def test_few_checks_are_started_before_others_get_their_turn() -> None:
    rig = Rig(*(check(f"check-{n}", 0.5) for n in range(400)))
    await rig.wait(0.0)
    rig.clock.now_ns += 500_000_000
    assert rig.loop.turn() == 0.0
    await asyncio.sleep(0)
    assert len(rig.prober.started) == 16
    await rig.end()


async def test_what_comes_late_after_a_standstill_starts_at_a_measured_pace() -> None:
    rig = Rig(*(check(f"check-{n}", 60.0) for n in range(6000)))
    await rig.wait(60.0)
    before = len(rig.prober.started)
    rig.clock.now_ns += 50_000_000_000
    await rig.wait(10.0)
    # 100 a second is the schedule's rate: it starts 200 a second, and a few at once.
    assert 1900 < len(rig.prober.started) - before < 2100
    await rig.wait(120.0)
    on_time = [r.start_delay_us for r in rig.publisher.results if r.status == "up"][-1000:]
    assert max(on_time) <= 10_000
    await rig.end()
    assert_balanced(rig)


async def test_a_start_that_is_hours_late_still_fits_the_field() -> None:
    rig = Rig(check("home", 7 * 86_400.0))
    await rig.wait(0.0)
    rig.clock.now_ns = (first_tick("home", 7 * 86_400 * S) - NOW_US + 3_000 * S) * 1000
    await rig.wait(1.0)
    await rig.end()
    [result] = rig.publisher.results
    assert result.start_delay_us == 2**31 - 1


async def test_a_defect_of_the_prober_is_our_fault_and_ends_neither_the_check_nor_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(check("home"), check("api"))
    rig.prober.failure = lambda c: ValueError("password=hunter2") if c.id == "home" else None
    await rig.run(3.0)
    bad = [result for result in rig.publisher.results if result.check == "home"]
    assert {(r.status, r.failure) for r in bad} == {("inconclusive", "internal")}
    assert all((r.error or "").startswith("internal error: ValueError in prober.py:") for r in bad)
    assert rig.ticks("api", "up")
    assert_balanced(rig)
    defects = [record for record in caplog.records if record.getMessage() == "check.defect"]
    assert len(defects) == 1
    assert "hunter2" not in str([vars(record) for record in caplog.records])


async def test_a_stray_cancellation_in_the_prober_is_a_defect_too() -> None:
    rig = Rig(check("home"))
    rig.prober.failure = lambda _check: asyncio.CancelledError()
    await rig.run(2.0)
    assert {result.failure for result in rig.publisher.results} == {"internal"}
    assert_balanced(rig)


@pytest.mark.parametrize("outcome", [Outcome(status="down", error="\ud800"), None])
async def test_an_outcome_that_cannot_be_written_becomes_our_fault_as_well(outcome: Outcome) -> None:
    rig = Rig(check("home"))
    rig.prober.outcome = lambda _check: outcome
    await rig.run(2.0)
    assert {(r.status, r.failure) for r in rig.publisher.results} == {("inconclusive", "internal")}
    assert_balanced(rig)


async def test_a_defect_in_the_loop_itself_ends_the_run_and_closes_the_prober() -> None:
    rig = Rig(check("home"), check("api"))
    rig.prober.lasts_s = lambda _check: 0.9

    def publish(*_: object) -> None:
        raise RuntimeError("defect")

    await rig.wait(1.0)
    rig.publisher.publish = publish
    rig.loop.reload([check("new")])
    with pytest.raises(RuntimeError, match="defect"):
        await rig.run(1.0)
    assert rig.prober.closed
    await asyncio.sleep(0)
    assert rig.prober.open.total() == 0


async def test_metrics_count_results_by_status_and_lateness() -> None:
    rig = Rig(check("home"), check("api"))
    rig.prober.outcome = lambda c: Outcome(status="up" if c.id == "home" else "down", failure=None)
    rig.prober.lasts_s = lambda _check: 0.4
    await rig.wait(2.0)
    assert rig.counted("apistatus_checks") == 2
    assert rig.counted("apistatus_checks_in_flight") == rig.prober.open.total()
    await rig.end()
    assert rig.counted("apistatus_results_total", status="up") == 2
    assert rig.counted("apistatus_results_total", status="down") == 2
    assert rig.counted("apistatus_start_delay_seconds_count") == 4


async def test_without_checks_it_waits_for_a_reload() -> None:
    rig = Rig()
    await rig.wait(10.0)
    assert rig.loop.readiness() is None
    rig.loop.reload([check("home")])
    await rig.run(2.0)
    assert len(rig.ticks()) == 2


async def test_is_ready_while_it_turns_and_says_when_it_hangs() -> None:
    rig = Rig(check("home"))
    assert rig.loop.readiness() == "not started yet"
    assert rig.loop.liveness() == "not started yet"
    await rig.wait(3.0)
    assert rig.loop.readiness() is None
    assert rig.loop.liveness() is None
    rig.clock.now_ns += 12_000_000_000
    assert rig.loop.readiness() == "the check loop has not turned for 12 s"
    assert rig.loop.liveness() == rig.loop.readiness()
    await rig.end()
    assert rig.loop.readiness() == "stopping"
