"""Whatever happens to clocks, checks and the reader file: each tick has exactly one result."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from apistatus.model.check import Check
from tests.fakes.clock import NOW_US
from tests.fakes.messages import check
from tests.unit.produce.rig import Rig, assert_balanced

pytestmark = pytest.mark.timeout(600)  # seconds of computing, of which a busy machine makes minutes
_HOUR_S = 3600.0
reader_files = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.tuples(st.sampled_from([0.5, 1.0, 7.0, 60.0]), st.booleans(), st.sampled_from([None, 100])),
)


def checks_of(file: dict[str, tuple[float, bool, int | None]]) -> list[Check]:
    return [
        check(check_id, interval_s, enabled=enabled, sla_ms=sla_ms)
        for check_id, (interval_s, enabled, sla_ms) in file.items()
    ]


class Producer(RuleBasedStateMachine):
    """A producer whose world misbehaves."""

    @initialize(file=reader_files, max_in_flight=st.integers(1, 3))
    def start(self, file: dict[str, tuple[float, bool, int | None]], max_in_flight: int) -> None:
        self.aio = asyncio.new_event_loop()
        self.rig = Rig(*checks_of(file), max_in_flight=max_in_flight)
        self.max_in_flight = max_in_flight
        self.aio.run_until_complete(self.rig.wait(0.0))

    @rule(seconds=st.floats(0.0, 30.0))
    def wait(self, seconds: float) -> None:
        self.aio.run_until_complete(self.rig.wait(seconds))

    @rule(seconds=st.one_of(st.floats(-5.0, 5.0), st.floats(-2 * _HOUR_S, 3 * _HOUR_S)))
    def set_the_wall_clock(self, seconds: float) -> None:
        self.rig.clock.wall_step_us += round(seconds * 1e6)

    @rule(seconds=st.one_of(st.floats(0.0, 5.0), st.floats(0.0, 2 * _HOUR_S)))
    def freeze_the_process(self, seconds: float) -> None:
        self.rig.clock.now_ns += round(seconds * 1e9)

    @rule(seconds=st.floats(0.0, 20.0), check_id=st.sampled_from("abcd"))
    def slow_one_check_down(self, seconds: float, check_id: str) -> None:
        former = self.rig.prober.lasts_s
        self.rig.prober.lasts_s = lambda c: seconds if c.id == check_id else former(c)

    @rule(fails=st.booleans())
    def break_the_prober(self, fails: bool) -> None:
        self.rig.prober.failure = lambda _check: KeyError("x") if fails else None

    @rule(file=reader_files)
    def reload(self, file: dict[str, tuple[float, bool, int | None]]) -> None:
        self.rig.loop.reload(checks_of(file))

    @precondition(lambda self: hasattr(self, "rig"))
    @invariant()
    def never_too_many_at_once(self) -> None:
        assert self.rig.prober.most_open <= self.max_in_flight

    def teardown(self) -> None:
        if not hasattr(self, "rig"):
            return
        try:
            summary = self.aio.run_until_complete(self.rig.end())
            results = self.rig.publisher.results
            assert_balanced(self.rig)
            assert summary.made == sum(result.status != "missed" for result in results)
            assert summary.missed == sum(result.status == "missed" for result in results)
            assert all(result.scheduled_at_us > NOW_US for result in results)
        finally:
            self.aio.close()


Producer.TestCase.settings = settings(max_examples=150, stateful_step_count=15, deadline=None)
TestLedger = Producer.TestCase
