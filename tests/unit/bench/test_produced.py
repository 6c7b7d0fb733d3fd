"""The schedule that a measured `produce` is given, and what its runs come to."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from apistatus.bench.checking_figures import of_produce, of_scale
from apistatus.bench.produced import Load, Produced, apart, kept_to
from apistatus.bench.produced_results import Seen
from apistatus.demo.certificates import issue
from apistatus.probing.extract import compile_json_path, compile_regex
from apistatus.settings.checks import load_reader_file


@pytest.mark.parametrize(("share", "https"), [(0.0, 0), (0.25, 10), (1.0, 40)])
def test_the_checks_can_be_read_and_so_many_are_over_https(tmp_path: Path, share: float, https: int) -> None:
    ca_file = issue(tmp_path, "127.0.0.1").authority
    load = Load(40, 2.0, plain=[7001, 7002], tls=[7003], tls_share=share, ca_file=ca_file)
    load.write(tmp_path / "readers.yml")
    checks = load_reader_file(
        tmp_path / "readers.yml", {}, default_interval_us=60_000_000, compile_json_path=compile_json_path,
        compile_regex=compile_regex,
    ).checks  # fmt: skip
    assert len(checks) == 40
    assert sum(check.url.startswith("https:") for check in checks) == https
    assert {check.interval_us for check in checks} == {2_000_000}
    assert all(check.timeout_us < check.interval_us for check in checks)
    assert all(check.extractor is not None and len(check.assertions) == 1 for check in checks)
    assert {check.url.split(":")[2] for check in checks} <= {"7001/", "7002/", "7003/"}


def produced(late_ms: list[float], *, missed: int = 0, cpu_us: float = 150.0) -> Produced:
    seen = Seen(len(late_ms) + missed, missed, 0, late_ms)
    return Produced(seen=seen, cpu_us=cpu_us, cpu_share=0.5, waited_share=0.01, memory_mb=80.0)


def test_produce_is_compared_with_its_prober_of_the_same_round() -> None:
    runs = [produced([0.5] * 98 + [1.5] * 2), produced([0.4] * 100, cpu_us=180.0)]
    figures = {one.name: one for one in of_produce("HTTP", runs, {"alone": [100.0, 90.0]}, 1.6)}
    ratio = figures["produce / its prober alone, HTTP"]
    assert (ratio.min, ratio.max, ratio.met) == (1.5, 2.0, False)
    late = figures["start lateness p99, produce, HTTP, at 50 % of a core"]
    assert (late.min, late.max, late.target, late.met) == (0.4, 1.5, 2.0, True)


def test_a_missed_tick_misses_the_target() -> None:
    [missed] = [
        one for one in of_scale("here", [produced([1.0], missed=1)]) if one.name == "missed ticks, here"
    ]
    assert (missed.value, missed.target, missed.met) == (1, 0, False)


def test_when_nothing_started_figures_say_so_instead_of_failing() -> None:
    figures = {one.name: one for one in of_scale("here", [produced([], missed=3)])}
    assert figures["missed ticks, here"].value == 3


@pytest.mark.parametrize(("missed", "kept_up"), [(1, True), (3, False)])
def test_a_run_that_lost_more_than_a_hundredth_tells_nothing_of_the_next_ones_size(
    missed: int, kept_up: bool
) -> None:
    assert produced([1.0] * (200 - missed), missed=missed).kept_up is kept_up


@pytest.mark.parametrize(
    ("cpus", "processes", "own", "others"),
    [
        ({0, 1}, 1, {0}, {1}),
        ({4, 2, 7}, 1, {2}, {4, 7}),
        ({0, 1}, 2, {0, 1}, {0, 1}),
        ({3}, 1, {3}, {3}),
    ],
)
def test_one_produce_has_a_processor_that_its_target_does_not_take(
    cpus: set[int], processes: int, own: set[int], others: set[int]
) -> None:
    assert apart(cpus, processes) == (frozenset(own), frozenset(others))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="`produce` is measured on Linux only")
def test_what_is_started_in_the_block_stays_on_its_processors() -> None:
    before = os.sched_getaffinity(0)
    one = {max(before)}
    found: list[set[int]] = []
    with kept_to(one):
        thread = threading.Thread(target=lambda: found.append(os.sched_getaffinity(0)))
        thread.start()
        thread.join()
    assert (found, os.sched_getaffinity(0)) == ([one], before)
