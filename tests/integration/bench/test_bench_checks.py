"""`apistatus bench checks`, so small that its figures mean nothing but are all there."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from apistatus.bench import programs
from apistatus.bench.checking import CheckBench, Options
from apistatus.demo.processes import Interrupted
from apistatus.runtime.stopping import Stop
from tests.services.kafka_fixtures import Kafka

COMMAND = [sys.executable, "-m", "apistatus", "bench", "checks", "--runs", "1", "--scale", "0.01"]


def measured(*options: str, **environ: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What it says of the machine, and the figures by name."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")}
    done = subprocess.run(
        [*COMMAND, "--output", "json", *options], capture_output=True, text=True, timeout=280, check=False,
        env={**env, **environ},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    return found["machine"], {one["name"]: one for one in found["figures"]}


@pytest.mark.timeout(300)
def test_every_figure_of_the_engine_is_there_and_said_in_json(tmp_path: Path) -> None:
    # A search path without blackbox_exporter, wherever the tests run.
    for name in ("cc", "python"):
        if program := shutil.which(name):
            (tmp_path / name).symlink_to(program)
    machine, figures = measured(
        "--part", "cost", "--part", "error", "--part", "memory", PATH=f"{tmp_path}:/usr/bin:/bin"
    )
    wanted = {
        "http / httpx http", "https rustls / httpx https", "http kept / http", "http / floor http in Python",
        "https rustls / floor https in Python",
    }  # fmt: skip
    if shutil.which("cc"):
        wanted |= {"http / floor http", "http kept, 1000 origins / http kept, 10 origins"}
    assert wanted <= figures.keys()
    assert any(name.startswith("first byte, error p99 with 500") for name in figures)
    held = [name for name in figures if name.startswith("memory per check in flight")]
    assert [name.split()[-1] for name in held] == ["HTTP", "HTTP", "HTTPS", "HTTPS"]
    assert all(one["value"] >= 0 or "error" in name for name, one in figures.items())
    if not shutil.which("blackbox_exporter") and not shutil.which("prometheus-blackbox-exporter"):
        assert machine["blackbox_exporter"] == "not found on the search path"


@pytest.mark.timeout(300)
def test_the_whole_produce_is_measured_on_its_results() -> None:
    machine, figures = measured("--part", "produce")
    assert machine["kafka"] == "a broker in memory"
    for kind, most in (("HTTP", 1.6), ("HTTPS", 1.25)):
        assert figures[f"CPU per check, produce, {kind}"]["value"] > 0
        for driven in ("at the same rate", "with 100 at once"):
            assert figures[f"produce / its prober {driven}, {kind}"]["target"] == most
        [late] = [
            one for name, one in figures.items() if name.startswith(f"start lateness p99, produce, {kind},")
        ]
        assert late["target"] == 2.0
        assert late["value"] > 0
        [down] = [
            one
            for name, one in figures.items()
            if name.startswith(f"checks that were not up, produce, {kind},")
        ]
        assert down["value"] == 0


@pytest.mark.timeout(300)
def test_a_schedule_in_two_processes_loses_no_tick() -> None:
    _machine, figures = measured(
        "--part", "scale",
        APISTATUS_BENCH_SCHEDULED="40", APISTATUS_BENCH_SCHEDULED_INTERVAL="5", APISTATUS_BENCH_SCHEDULED_HTTPS="0.5",
    )  # fmt: skip
    when = "40 checks at 5 s, 50 % HTTPS, in 2 processes"
    assert figures[f"missed ticks, {when}"]["value"] == 0
    assert figures[f"checks that were not up, {when}"]["value"] == 0
    assert figures[f"start lateness p99, {when}"]["target"] == 1000
    assert figures[f"peak memory of all its processes, {when}"]["value"] > 0
    assert not any("error" in name for name in figures)


@pytest.mark.real_kafka
@pytest.mark.timeout(300)
def test_kafka_itself_is_used_where_it_is_named_and_no_topic_is_left(kafka: Kafka) -> None:
    machine, figures = measured(
        "--part", "scale", "--scheduled", "20", "--scheduled-interval", "5", "--scheduled-https", "0", **kafka.environ()
    )  # fmt: skip
    assert machine["kafka"] == kafka.bootstrap_servers
    assert figures["missed ticks, 20 checks at 5 s, 0 % HTTPS, in 2 processes"]["value"] == 0
    admin = AdminClient({"bootstrap.servers": kafka.admin_servers})
    assert not [name for name in admin.list_topics(timeout=30).topics if name.startswith("apistatus-bench")]


def test_kafka_that_is_away_ends_it_before_anything_is_measured() -> None:
    env = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=110, check=False, env=env)
    assert done.returncode == 75
    assert "nothing listens there" in done.stderr
    assert "cost: run" not in done.stderr


def test_without_a_compiler_the_target_is_in_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert programs.compiled("target", tmp_path) is None
    bench = CheckBench(tmp_path, Options(runs=1, scale=0.01))
    candidates = bench._costs()
    assert "floor http" not in candidates
    assert candidates["floor http in Python"][0] > 0
    assert candidates["http"][0] > 0


def test_what_cannot_be_held_open_is_said_and_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(programs, "most_files", lambda: 2_000)
    bench = CheckBench(tmp_path, Options(runs=1, scale=0.01))
    assert [one.name.split()[-1] for one in bench._memory()] == ["HTTP", "HTTPS"]
    assert "5000 HTTP held open (no more than 1900 files may be)" in bench.described["left out"]


def test_who_asks_it_to_stop_does_not_wait_for_the_rest(tmp_path: Path) -> None:
    stop = Stop()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if text.startswith("cost: run 0"):
            stop.ask()

    bench = CheckBench(tmp_path, Options(runs=50, scale=0.01, say=say), stop=stop)
    with pytest.raises(Interrupted):
        bench.run()
    assert [text for text in said if text.startswith("cost")] == ["cost: run 0 of 50"]


@pytest.mark.timeout(120)
def test_a_signal_ends_it_and_the_produce_that_it_started() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")}
    command = [*COMMAND, "--part", "scale", "--scheduled", "4", "--scheduled-interval", "3600"]
    bench = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=env)
    try:
        while not (started := _produces(bench.pid)):
            assert bench.poll() is None
        bench.send_signal(signal.SIGTERM)
        assert bench.wait(100) == 128 + signal.SIGTERM
        assert not any(Path(f"/proc/{pid}").exists() for pid in started)
    finally:
        bench.kill()
        bench.wait()


def _produces(bench: int) -> list[int]:
    """The processes that run `produce` for this one."""
    found = []
    for pid in Path(f"/proc/{bench}/task/{bench}/children").read_text().split():
        with contextlib.suppress(OSError):  # it has just ended
            if b"apistatus\0produce" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
    return found
