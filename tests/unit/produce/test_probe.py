"""What becomes of a check in which we failed."""

from __future__ import annotations

import asyncio

import pytest

from apistatus.produce.probe import GuardedProber
from tests.fakes.clock import VirtualClock
from tests.fakes.messages import check
from tests.fakes.prober import UP, ScriptedProber


async def test_an_outcome_passes_through() -> None:
    assert await GuardedProber(ScriptedProber(VirtualClock())).probe(check()) is UP


async def test_a_defect_is_said_once_a_minute_with_its_place_and_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    prober = ScriptedProber(VirtualClock())
    prober.failure = lambda _check: KeyError("secret")
    guarded = GuardedProber(prober)
    outcomes = [await guarded.probe(check()) for _ in range(5)]
    assert {outcome.status for outcome in outcomes} == {"inconclusive"}
    [record] = caplog.records
    fields = vars(record)["fields"]
    assert fields["check"] == "home"
    assert fields["cause"].startswith("KeyError in prober.py:")
    assert "secret" not in str(fields) + str(outcomes)


def test_an_exception_without_a_trace_is_told_too() -> None:
    outcome = GuardedProber(ScriptedProber(VirtualClock())).defect(check(), ValueError("x"))
    assert outcome.error == "internal error: ValueError in an unknown place"


async def test_cancelling_the_task_is_no_defect() -> None:
    clock = VirtualClock()
    prober = ScriptedProber(clock)
    prober.lasts_s = lambda _check: 60.0
    task = asyncio.ensure_future(GuardedProber(prober).probe(check()))
    await clock.sleep(1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
