"""The results that are stored: many checks, tick after tick, as `produce` makes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from apistatus.model.result import Result

CHECKS: Final = 2_000
_INTERVAL_S: Final = 30
_LOCATION: Final = "bench"


def results(count: int, *, first_tick_us: int | None = None) -> Iterator[Result]:
    """`count` results of 2,000 checks in the order of their ticks, the last of them now unless `first_tick_us`
    says when the first is. One in 100 is a failure, every second one had its connection already, and every
    third one has a value, a number as `$.queue.depth` gives it."""
    step_us = _INTERVAL_S * 1_000_000
    if first_tick_us is None:
        ticks = -(-count // CHECKS)
        first_tick_us = (int(time.time()) // _INTERVAL_S - ticks) * step_us
    for number in range(count):
        tick, check = divmod(number, CHECKS)
        yield result(number, check, first_tick_us + tick * step_us)


def result(number: int, check: int, scheduled_at_us: int) -> Result:
    """One of them; the number decides what it is like."""
    down, reused = number % 100 == 0, number % 2 == 1
    spread_us = number * 7919 % 40_000
    return Result(
        v=1, check=f"check-{check:04}", location=_LOCATION, status="down" if down else "up",
        scheduled_at_us=scheduled_at_us, name=f"Check {check}", site="https://service.example",
        endpoint=f"/api/v1/things/{check}", sla_ms=500, attempts=1, interval_ms=_INTERVAL_S * 1000,
        start_delay_us=spread_us % 900, producer="bench-0123456789ab", origin="schedule",
        status_code=500 if down else 200, failure="status" if down else None,
        phase="processing" if down else None, error="expected status 2xx, got 500" if down else None,
        http_version="1.1", ip="192.0.2.17", size_bytes=512 + spread_us % 4_000, reused=reused,
        value=str(spread_us) if number % 3 == 1 and not down else None,
        total_us=41_000 + spread_us, resolve_us=None if reused else 300 + spread_us % 500,
        connect_us=None if reused else 9_000, tls_us=None if reused else 18_000,
        processing_us=13_000 + spread_us, transfer_us=700, clock="kernel", tls_engine="rustls",
    )  # fmt: skip
