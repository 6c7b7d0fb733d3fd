"""The event loop of a command, and the two clocks."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest

from apistatus.runtime import event_loop
from apistatus.runtime.clock import SystemClock


async def loop_type() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_runs_on_uvloop() -> None:
    assert event_loop.run(loop_type()) == "uvloop"


def test_runs_on_the_standard_loop_without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert event_loop.run(loop_type()).startswith("asyncio")


def test_the_system_clock_sleeps_and_goes_forward() -> None:
    clock = SystemClock()
    mono_ns, wall_us = clock.mono_ns(), clock.wall_us()
    event_loop.run(clock.sleep(0.01))
    assert clock.mono_ns() > mono_ns
    assert clock.wall_us() > wall_us > 1_700_000_000_000_000


PROGRAM = """
import asyncio, time
from apistatus.produce.loop import Options, ProduceLoop
from apistatus.runtime import event_loop
from apistatus.runtime.clock import SystemClock
from apistatus.runtime.metrics import Metrics
from apistatus.runtime.stopping import Stop, signals
from tests.fakes.messages import check
from tests.fakes.prober import ScriptedProber
from tests.fakes.publisher import MemoryPublisher

class Telling(MemoryPublisher):
    def publish(self, key, value, headers=(), on_end=None):
        print(key.decode(), flush=True)

class Clock(SystemClock):
    began_ns = time.monotonic_ns()

    def wall_us(self):
        # Ten minutes before the next tick of either check.
        return 1_800_000_000_000_000 + (self.mono_ns() - self.began_ns) // 1000

clock, stop = Clock(), Stop()
prober, options = ScriptedProber(clock), Options("l", "p")
loop = ProduceLoop([check("a", 3600.0)], prober, Telling(), clock, Metrics(), options)
with signals(stop, lambda: loop.reload([check("b", 3600.0)])):
    event_loop.run(loop.run(stop))
print("ended", flush=True)
"""


def test_signals_reach_a_producer_that_rests_on_uvloop() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "a\n"
        process.send_signal(signal.SIGHUP)
        assert {process.stdout.readline() for _ in range(2)} == {"a\n", "b\n"}
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "ended\n"
        assert process.wait(60.0) == 0
