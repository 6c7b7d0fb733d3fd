"""A producer in memory, and the ledger that its messages have to balance in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from apistatus.model.check import Check
from apistatus.model.definition import CheckDefined, Gap
from apistatus.model.identity import phase_us, tick_at_or_after
from apistatus.model.result import Result
from apistatus.produce.backfill import Past
from apistatus.produce.loop import Options, ProduceLoop, Summary
from apistatus.runtime.metrics import Metrics
from apistatus.runtime.stopping import Stop
from tests.fakes.clock import VirtualClock
from tests.fakes.prober import ScriptedProber
from tests.fakes.publisher import MemoryPublisher


class Rig:
    """A loop over a scripted prober and a topic in memory, on virtual time."""

    def __init__(
        self, *checks: Check, clock: VirtualClock | None = None, past: Past | None = None, **options: Any
    ) -> None:  # fmt: skip
        self.clock, self.metrics, self.stop = clock or VirtualClock(), Metrics(), Stop()
        self.prober, self.publisher = ScriptedProber(self.clock), MemoryPublisher()
        facts: dict[str, Any] = {"location": "local", "producer": "p", "grace_s": 5.0, **options}
        self.loop = ProduceLoop(
            checks, self.prober, self.publisher, self.clock, self.metrics, Options(**facts), past=past
        )
        self.running: asyncio.Task[Summary] | None = None

    async def wait(self, seconds: float) -> None:
        """Let the producer run for so long."""
        if self.running is None:
            self.running = asyncio.ensure_future(self.loop.run(self.stop))
        await self.clock.sleep(seconds)

    def past(self) -> Past:
        """What the next run finds when this one is killed now."""
        return Past(self.loop.watermark_us(), self.loop.in_force())

    async def kill(self) -> Past:
        """End it in the middle; what it would do from now on goes nowhere."""
        past = self.past()
        if self.running is not None:
            self.publisher.dead = True
            self.running.cancel()
            await asyncio.wait([self.running])
        return past

    async def end(self) -> Summary:
        """Ask it to stop, and its summary."""
        self.stop.ask()
        if self.running is None:
            self.running = asyncio.ensure_future(self.loop.run(self.stop))
        return await self.running

    async def run(self, seconds: float) -> Summary:
        await self.wait(seconds)
        return await self.end()

    def ticks(self, check_id: str = "home", *statuses: str) -> list[int]:
        """`scheduled_at` of the check's results with one of these statuses (default: all), as published."""
        return [
            result.scheduled_at_us
            for result in self.publisher.results
            if result.check == check_id and (not statuses or result.status in statuses)
        ]

    def reasons(self) -> set[str | None]:
        """Why ticks were missed."""
        return {result.error for result in self.publisher.results if result.status == "missed"}

    def counted(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


def expected_ticks(rig: Rig) -> dict[str, list[int]]:
    """Per check the ticks that definitions and gaps on the topic promise, up to the producer's last moment."""
    until_us = rig.loop._timeline.now_us
    in_force: dict[str, tuple[int, int]] = {}
    ticks: dict[str, list[int]] = {}

    def close(check_id: str, at_us: int) -> None:
        if check_id in in_force:
            from_us, interval_us = in_force.pop(check_id)
            phase = phase_us(check_id, interval_us)
            first_us = tick_at_or_after(from_us, phase, interval_us)
            ticks.setdefault(check_id, []).extend(range(first_us, at_us, interval_us))

    for message in rig.publisher.decoded():
        if isinstance(message, Result):
            continue
        interval_us = in_force.get(message.check, (0, 0))[1]
        close(message.check, min(message.from_us, until_us + 1))
        if isinstance(message, CheckDefined):
            in_force[message.check] = message.from_us, message.interval_ms * 1000
        elif isinstance(message, Gap):
            in_force[message.check] = message.until_us, interval_us
    for check_id in list(in_force):
        close(check_id, until_us + 1)
    return ticks


def assert_balanced(rig: Rig) -> None:
    """Each tick of each check in force has exactly one result, and no check overlapped itself."""
    made: dict[str, list[int]] = {}
    for result in rig.publisher.results:
        made.setdefault(result.check, []).append(result.scheduled_at_us)
    expected = {check_id: ticks for check_id, ticks in expected_ticks(rig).items() if ticks}
    assert {check_id: sorted(ticks) for check_id, ticks in made.items()} == expected
    assert rig.prober.overlaps == 0
    assert_defined_first(rig.publisher.decoded())


def assert_defined_first(messages: Sequence[object]) -> None:
    """No result comes before a definition of its check."""
    defined = set()
    for message in messages:
        if isinstance(message, CheckDefined):
            defined.add(message.check)
        elif isinstance(message, Result):
            assert message.check in defined
