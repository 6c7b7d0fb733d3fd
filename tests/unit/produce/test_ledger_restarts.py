"""Killed at any moment, with anything unacknowledged: each tick has a result, or lies in a recorded gap."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from apistatus.model.definition import Gap
from apistatus.model.identity import phase_us, tick_at_or_after
from apistatus.produce.backfill import Past
from tests.fakes.clock import VirtualClock
from tests.fakes.messages import check
from tests.unit.produce.rig import Rig

pytestmark = pytest.mark.timeout(600)  # seconds of computing, of which a busy machine makes minutes
INTERVALS_S = {"a": 0.5, "b": 1.0, "c": 7.0, "d": 60.0}
_BACKFILL_US = 30_000_000
reader_files = st.sets(st.sampled_from(sorted(INTERVALS_S)), min_size=1)


class Restarts(RuleBasedStateMachine):
    """Runs of a producer one after the other on one state directory, and the topic they all write to."""

    @initialize(file=reader_files)
    def begin(self, file: set[str]) -> None:
        self.aio, self.clock = asyncio.new_event_loop(), VirtualClock()
        self.results: set[tuple[str, int]] = set()
        self.gaps: list[Gap] = []
        self.open: dict[str, int] = {}
        self.periods: list[tuple[str, int, int]] = []
        """(check, from, until): between these instants the check was in force, stops included."""
        self.start(file, None)

    def start(self, file: set[str], past: Past | None) -> None:
        checks = [check(name, INTERVALS_S[name]) for name in sorted(file)]
        self.rig = Rig(*checks, clock=self.clock, past=past, backfill_us=_BACKFILL_US)
        self.rig.prober.lasts_s = lambda c: 0.3 if c.id == "a" else 0.0
        self.in_force_are(file)
        self.aio.run_until_complete(self.rig.wait(0.0))

    def in_force_are(self, file: set[str]) -> None:
        now_us = self.clock.wall_us()
        for name in self.open.keys() - file:
            self.periods.append((name, self.open.pop(name), now_us + 1))
        for name in file:
            self.open.setdefault(name, now_us + 1)

    def collect(self, *, arrived_without_a_report: int = 0) -> None:
        """What of this run is on the topic, some of it without the producer's knowledge."""
        publisher = self.rig.publisher
        publisher.messages += [message for message, _ in publisher.waiting[:arrived_without_a_report]]
        self.results |= {(r.check, r.scheduled_at_us) for r in publisher.results}
        self.gaps += publisher.gaps

    @rule(seconds=st.floats(0.0, 40.0))
    def wait(self, seconds: float) -> None:
        self.aio.run_until_complete(self.rig.wait(seconds))

    @rule(away=st.booleans())
    def kafka(self, away: bool) -> None:
        self.rig.publisher.away = away
        self.rig.publisher.flush(0)

    @rule(full=st.booleans())
    def memory(self, full: bool) -> None:
        self.rig.publisher.full = full

    @rule(file=reader_files)
    def reload(self, file: set[str]) -> None:
        self.rig.loop.reload([check(name, INTERVALS_S[name]) for name in sorted(file)])
        self.in_force_are(file)
        self.aio.run_until_complete(self.rig.wait(0.0))

    @rule(
        file=reader_files, stop_s=st.floats(0.0, 90.0), late_s=st.floats(0.0, 2.0), arrived=st.integers(0, 50)
    )
    def kill_and_start(self, file: set[str], stop_s: float, late_s: float, arrived: int) -> None:
        watermark_us = self.rig.loop.watermark_us()
        self.aio.run_until_complete(self.rig.wait(late_s))
        past = self.aio.run_until_complete(self.rig.kill())
        self.collect(arrived_without_a_report=arrived)
        self.clock.now_ns += round(stop_s * 1e9)
        # The watermark is kept now and then only; the checks in force whenever they change.
        self.start(file, Past(watermark_us, past.checks))

    @rule(file=reader_files, stop_s=st.floats(0.0, 90.0))
    def stop_and_start(self, file: set[str], stop_s: float) -> None:
        self.aio.run_until_complete(self.rig.end())
        past = self.rig.past()
        self.rig.publisher.close()
        self.collect()
        self.clock.now_ns += round(stop_s * 1e9)
        self.start(file, past)

    def teardown(self) -> None:
        if not hasattr(self, "rig"):
            return
        try:
            self.rig.publisher.full = self.rig.publisher.away = False
            self.rig.publisher.flush(0)
            self.aio.run_until_complete(self.rig.wait(20.0))
            self.in_force_are(set())
            self.aio.run_until_complete(self.rig.end())
            self.collect()
            self.check_ledger()
        finally:
            self.aio.close()

    def check_ledger(self) -> None:
        expected: set[tuple[str, int]] = set()
        for name, from_us, until_us in self.periods:
            interval_us = round(INTERVALS_S[name] * 1e6)
            first_us = tick_at_or_after(from_us, phase_us(name, interval_us), interval_us)
            expected |= {(name, tick_us) for tick_us in range(first_us, until_us, interval_us)}
        in_gaps = {
            (gap.check, tick_us)
            for gap in self.gaps
            for tick_us in range(gap.from_us, gap.until_us, round(INTERVALS_S[gap.check] * 1e6))
        }
        assert self.results | in_gaps == expected


Restarts.TestCase.settings = settings(max_examples=150, stateful_step_count=15, deadline=None)
TestRestarts = Restarts.TestCase
