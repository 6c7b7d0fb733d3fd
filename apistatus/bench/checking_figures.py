"""What the runs of `apistatus bench checks` come to, and how it is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apistatus.bench.figures import Figure, figure, quantile, ratio
from apistatus.bench.produced import Produced

Costs = Mapping[str, Sequence[float]]
"""Microseconds of CPU per check, by candidate, one for each run."""

_RATIOS: tuple[tuple[str, str, float | None], ...] = (
    ("http", "floor http", 2.8),
    ("http", "floor http in Python", None),
    ("http", "httpx http", 0.20),
    ("http", "blackbox http", None),
    ("https rustls", "floor https", 0.70),
    ("https openssl", "floor https", None),
    ("https rustls", "floor https in Python", None),
    ("https rustls", "httpx https", 0.35),
    ("https rustls", "blackbox https", None),
    ("blackbox http", "floor http", None),
    ("blackbox https", "floor https", None),
    ("http kept", "http", 0.6),
    ("https kept", "http", 0.6),
    ("http kept, 1000 origins", "http kept, 10 origins", 1.3),
)


def of_costs(costs: Costs) -> Iterator[Figure]:
    """What each candidate uses, and the ratios that have targets."""
    for name, values in costs.items():
        yield figure(f"CPU per check, {name}", values, "us")
    for name, to, target in _RATIOS:
        if name in costs and to in costs:
            yield ratio(f"{name} / {to}", costs[name], costs[to], target)
    for kind, name in (("HTTP", "http"), ("HTTPS", "https rustls")):
        yield figure(f"checks a second at 60 % of a core, {kind}", [0.6e6 / us for us in costs[name]], "/s")


def of_errors(when: str, runs: Sequence[Mapping[str, Any]]) -> Iterator[Figure]:
    """How far times are off, in milliseconds."""

    def over(kind: str, part: float) -> list[float]:
        return [quantile(run[kind], part) for run in runs]

    yield figure(f"first byte, error p50 {when}", over("first", 0.5), "ms", 0.15)
    yield figure(f"first byte, error p99 {when}", over("first", 0.99), "ms", 1.0)
    yield figure(f"first byte, error max {when}", over("first", 1.0), "ms")
    yield figure(f"total, error p99 {when}", over("total", 0.99), "ms")


def of_produce(
    kind: str, runs: Sequence[Produced], own: Mapping[str, Sequence[float]], most: float
) -> Iterator[Figure]:
    """A `produce` beside what its prober alone uses in the same rounds, by how that was driven: at most so many
    times that."""
    share = 100 * quantile([run.cpu_share for run in runs], 0.5)
    costs = [run.cpu_us for run in runs]
    yield figure(f"CPU per check, produce, {kind}", costs, "us")
    for driven, own_us in own.items():
        yield figure(f"CPU per check, its prober {driven}, {kind}", own_us, "us")
        yield ratio(f"produce / its prober {driven}, {kind}", costs, own_us, most)
    rates = [0.6e6 / us for us in costs]
    yield figure(f"checks a second at 60 % of a core, produce, {kind}", rates, "/s")
    yield from _of_starts(f"produce, {kind}, at {share:.0f} % of a core", runs, 2.0)


def of_scale(when: str, runs: Sequence[Produced]) -> Iterator[Figure]:
    """A schedule that fills a machine."""
    yield figure(f"CPU per check, {when}", [run.cpu_us for run in runs], "us")
    yield figure(f"CPU of all its processes, {when}", [100 * run.cpu_share for run in runs], "%")
    yield figure(f"peak memory of all its processes, {when}", [run.memory_mb for run in runs], "MB")
    yield from _of_starts(when, runs, 1000.0)


def _of_starts(when: str, runs: Sequence[Produced], most_ms: float) -> Iterator[Figure]:
    late = [run.seen.late_ms or [0.0] for run in runs]
    yield figure(f"missed ticks, {when}", [run.seen.missed for run in runs], "", 0)
    yield figure(f"checks that were not up, {when}", [run.seen.not_up for run in runs], "")
    yield figure(f"start lateness p50, {when}", [quantile(one, 0.5) for one in late], "ms")
    yield figure(f"start lateness p99, {when}", [quantile(one, 0.99) for one in late], "ms", most_ms)
    waited = [100 * run.waited_share for run in runs]
    yield figure(f"waited for a core that others had, {when}", waited, "%")
