"""A machine that cannot have Apache Kafka: what runs, what is said, and what the run ends with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
RUNS = "tests/contract/test_result_publisher.py::test_every_message_arrives_once_in_the_order_of_its_key"
NEEDS_KAFKA = "tests/integration/kafka/test_lost_offsets.py::test_the_beginning_is_wherever_the_topic_begins"


def run(*tests: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """pytest in a process that finds neither Java nor Docker."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("APISTATUS_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(
        command, cwd=ROOT, env={**kept, "PATH": "/nowhere", **environ}, capture_output=True, text=True,
        timeout=100, check=False,
    )  # fmt: skip


def test_what_the_in_memory_broker_can_do_runs_on_it() -> None:
    done = run(RUNS)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_the_last_line_says_how_many_tests_did_not_run_and_what_brings_them() -> None:
    done = run(NEEDS_KAFKA)
    assert done.returncode == 0
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("INCOMPLETE: 1 tests did not run for want of Apache Kafka (no java on the PATH).")
    assert "apt-get install" in last
    assert f"not run: {NEEDS_KAFKA}" in done.stdout


def test_it_says_so_too_when_several_processes_share_the_tests() -> None:
    done = run(NEEDS_KAFKA, "-n", "2", APISTATUS_REQUIRE_REAL="1")
    assert done.returncode == 1
    assert (
        done.stdout.strip()
        .splitlines()[-1]
        .startswith("FAILED: 1 tests did not run for want of Apache Kafka")
    )
    assert f"not run: {NEEDS_KAFKA}" in done.stdout


def test_where_the_real_one_is_required_its_absence_fails_the_run() -> None:
    done = run(NEEDS_KAFKA, APISTATUS_REQUIRE_REAL="1")
    assert done.returncode == 1
    assert done.stdout.strip().splitlines()[-1].startswith("FAILED: 1 tests did not run")
