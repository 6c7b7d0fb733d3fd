"""Checks made a single time: `check-once`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apistatus.model import wire
from apistatus.model.check import Check
from apistatus.model.result import OnceResult, Outcome
from apistatus.ports import Clock, Prober
from apistatus.produce.hosts import host_of
from apistatus.produce.probe import GuardedProber
from apistatus.runtime.stopping import Stop


@dataclass(frozen=True, slots=True)
class Place:
    """Where and by whom the checks are made."""

    location: str
    producer: str


def _nobody(_result: OnceResult) -> None:
    """Nobody waits for single results."""


async def check_once(
    checks: Sequence[Check], prober: Prober, clock: Clock, place: Place, *, stop: Stop, max_in_flight: int,
    max_per_host: int = 0, on_result: Callable[[OnceResult], None] = _nobody,
) -> list[OnceResult]:  # fmt: skip
    """One result per check, in order, with origin `once` and the check's start as `scheduled_at`.

    When a stop is asked for, what is done stays and the rest is `missed`. `on_result` is called with
    each result as soon as there is one; it must not block for long and not raise. At most `max_per_host`
    checks of one host and port are under way at once (0: no limit).
    """
    room = asyncio.Semaphore(max_in_flight)
    at_host = {host_of(check): asyncio.Semaphore(max_per_host or len(checks)) for check in checks}
    guarded = GuardedProber(prober)

    async def one(check: Check) -> OnceResult:
        scheduled_at_us = clock.wall_us()
        outcome = Outcome(status="missed", attempts=0, error="stopped before the check ended")
        try:
            # The host first: who waits for it takes no room from others.
            async with at_host[host_of(check)], room:
                scheduled_at_us = clock.wall_us()
                outcome = await guarded.probe(check)
        except asyncio.CancelledError:
            if not stop.asked:
                raise
        result = wire.compose(
            check, outcome, location=place.location, producer=place.producer,
            scheduled_at_us=scheduled_at_us, origin="once",
        )  # fmt: skip
        told = wire.told(result, outcome)
        on_result(told)
        return told

    tasks = [asyncio.create_task(one(check)) for check in checks]
    loop = asyncio.get_running_loop()

    def cancel_all() -> None:
        for task in tasks:
            task.cancel()

    def stopped() -> None:
        try:
            # Queued behind the first turn of every task: one cancelled before it would never run.
            loop.call_soon_threadsafe(cancel_all)
        except RuntimeError:  # the checks are done and their loop is closed
            return

    stop.on_ask(stopped)
    return list(await asyncio.gather(*tasks))
