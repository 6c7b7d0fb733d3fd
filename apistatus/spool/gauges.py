"""What the metrics show of a spool."""

from __future__ import annotations

from collections.abc import Callable

from apistatus.ports import Clock
from apistatus.runtime.metrics import Metrics
from apistatus.spool.entries import Stats
from apistatus.spool.store import Spool


def show(metrics: Metrics, spool: Spool, stats: Callable[[], Stats], clock: Clock) -> None:
    """Let the gauges show `stats`, which must be ready at once, whenever they are scraped."""

    def oldest_age_s() -> float:
        oldest_us = stats().oldest_us
        return 0.0 if oldest_us is None else max(0.0, (clock.wall_us() - oldest_us) / 1e6)

    metrics.observe(metrics.spool_entries, lambda: float(stats().entries))
    metrics.observe(metrics.spool_bytes, lambda: float(stats().bytes))
    metrics.observe(metrics.spool_oldest, oldest_age_s)
    metrics.observe(metrics.spool_dropped, lambda: float(stats().dropped_entries))
    metrics.observe(metrics.spool_degraded, lambda: float(spool.degraded is not None))
