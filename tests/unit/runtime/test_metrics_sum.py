"""One page for several processes."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from apistatus.runtime.metrics import Metrics
from apistatus.runtime.metrics_sum import MetricsSum


def _process(up: int = 0, delay_s: float | None = None, **gauges: float) -> str:
    metrics = Metrics()
    metrics.build.labels("1.2.3").set(1)
    if up:
        metrics.results.labels("up").inc(up)
    if delay_s is not None:
        metrics.start_delay.observe(delay_s)
    for name, value in gauges.items():
        getattr(metrics, name).set(value)
    return metrics.exposition().decode()


def _values(page: bytes) -> dict[str, float]:
    return {
        sample.name + "".join(f"|{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_counters_histograms_and_gauges_are_added_up() -> None:
    pages = [_process(up=3, delay_s=0.004, checks=10), _process(up=4, delay_s=3.0, checks=20)]
    values = _values(MetricsSum(lambda: pages).exposition())
    assert values["apistatus_results_total|up"] == 7
    assert values["apistatus_checks"] == 30
    assert values["apistatus_start_delay_seconds_count"] == 2
    assert values["apistatus_start_delay_seconds_bucket|0.005"] == 1
    assert values["apistatus_start_delay_seconds_bucket|+Inf"] == 2


def test_of_ages_states_and_versions_the_largest_counts() -> None:
    pages = [_process(spool_oldest=50, spool_degraded=1), _process(spool_oldest=70, spool_degraded=1)]
    values = _values(MetricsSum(lambda: pages).exposition())
    assert values["apistatus_spool_oldest_age_seconds"] == 70
    assert values["apistatus_spool_degraded"] == 1
    assert values["apistatus_build_info|1.2.3"] == 1


def test_a_counter_never_falls_when_a_process_ends_and_a_gauge_does() -> None:
    pages = [_process(up=3, checks=10), _process(up=4, checks=20)]
    summed = MetricsSum(lambda: pages)
    summed.ended(pages.pop())
    values = _values(summed.exposition())
    assert values["apistatus_results_total|up"] == 7
    assert values["apistatus_checks"] == 10
    pages.append(_process(up=1, checks=20))
    summed.ended(_process(up=100))
    values = _values(summed.exposition())
    assert values["apistatus_results_total|up"] == 108
    assert values["apistatus_checks"] == 30


def test_it_is_one_page_with_one_family_a_name_and_the_supervisors_own() -> None:
    summed = MetricsSum(lambda: [_process(up=1), _process(up=1)])
    summed.processes.set(2)
    summed.restarts.inc()
    page = summed.exposition()
    helps = [line for line in page.decode().splitlines() if line.startswith("# HELP")]
    assert len(helps) == len(set(helps))
    assert b"# TYPE apistatus_results_total counter" in page
    values = _values(page)
    assert values["apistatus_processes"] == 2
    assert values["apistatus_process_restarts_total"] == 1
    # When a counter began is told of a process; of a sum there is no such time.
    assert not [name for name in values if name.startswith("apistatus_results_created")]


def test_without_a_process_there_are_only_the_supervisors_own() -> None:
    assert b"apistatus_results" not in MetricsSum(list).exposition()
