"""One page of metrics for several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

_LARGEST: Final = frozenset(
    {"apistatus_build_info", "apistatus_spool_degraded", "apistatus_spool_oldest_age_seconds"}
)
"""Gauges of which the largest counts; all others are added up."""
_Sample = tuple[str, tuple[tuple[str, str], ...]]


class MetricsSum:
    """`Metrics` of the processes that run, added up, and of those that have ended, so that counters never fall."""

    def __init__(self, running: Callable[[], Sequence[str]]) -> None:
        """`running` gives the page of each process, as `Metrics.exposition` writes it."""
        self._running = running
        self._ended: list[Metric] = []
        self._registry = CollectorRegistry()
        self._registry.register(_Sum(self._collect))
        self.processes = Gauge("apistatus_processes", "Processes that run.", registry=self._registry)
        self.restarts = Counter(
            "apistatus_process_restarts", "Processes that ended by themselves.", registry=self._registry
        )

    def ended(self, page: str) -> None:
        """A process has ended, and this was its last page."""
        counted = [metric for metric in _families(page) if metric.type in ("counter", "histogram")]
        self._ended = list(_added([self._ended, counted]))

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def _collect(self) -> Iterator[Metric]:
        return _added([self._ended, *map(_families, self._running())])


class _Sum(Collector):
    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterator[Metric]:
        return self._collect()


def _families(page: str) -> list[Metric]:
    # When a series began is told of a process; of a sum there is no such time.
    return [metric for metric in text_string_to_metric_families(page) if not metric.name.endswith("_created")]


def _added(pages: Iterable[Iterable[Metric]]) -> Iterator[Metric]:
    """One family for those of the same name, one sample for those of the same labels."""
    families: dict[str, Metric] = {}
    values: dict[str, dict[_Sample, float]] = {}
    for metric in (metric for page in pages for metric in page):
        families.setdefault(metric.name, metric)
        samples = values.setdefault(metric.name, {})
        for sample in metric.samples:
            key = sample.name, tuple(sample.labels.items())
            before = samples.get(key)
            if before is None:
                samples[key] = sample.value
            elif metric.name in _LARGEST:
                samples[key] = max(before, sample.value)
            else:
                samples[key] = before + sample.value
    for name, metric in families.items():
        summed = Metric(name, metric.documentation, metric.type)
        for (sample_name, labels), value in values[name].items():
            summed.add_sample(sample_name, dict(labels), value)
        yield summed
