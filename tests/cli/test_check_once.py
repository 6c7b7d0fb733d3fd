"""`check-once` through the command: what it prints and what its exit code says."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.counting_target import CountingTarget
from tests.services import command


@pytest.fixture
def target() -> Iterator[CountingTarget]:
    with CountingTarget() as running:
        yield running


@pytest.fixture
def env(tmp_path: Path, target: CountingTarget) -> dict[str, str]:
    """A reader file with one check of each verdict."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        refused = free.getsockname()[1]
    (tmp_path / "checks.yml").write_text(
        f"""\
readers:
  - {{name: Good, group: shop, site: '{target.url}', endpoint: /good, json_path: $.check}}
  - {{name: Bad, group: shop, labels: {{team: pay}}, site: '{target.url}', endpoint: /bad/down}}
  - {{name: Gone, site: 'http://127.0.0.1:{refused}', endpoint: /}}
  - {{name: Late, site: '{target.url}', endpoint: /late/slow, sla_ms: 20}}
  - {{name: Off, enabled: false, site: '{target.url}', endpoint: /off}}
"""
    )
    return {"READER_CONF_FILE": str(tmp_path / "checks.yml"), "APISTATUS_STATE_DIR": str(tmp_path)}


def test_prints_a_table_and_says_down_with_its_cause(env: dict[str, str]) -> None:
    answer = command.run("check-once", env=env)
    assert answer.returncode == 1
    lines = {line.split()[1]: line for line in answer.stdout.splitlines() if len(line.split()) > 2}
    assert lines["Good"].startswith("up")
    assert "good" in lines["Good"]
    assert lines["Bad"].startswith("down")
    assert "500" in lines["Bad"]
    assert "refused" in lines["Gone"]
    assert "4 checks at" in answer.stdout
    assert "\x1b[" not in answer.stdout
    assert answer.stderr == ""


def test_json_is_one_object_with_results_and_summary(env: dict[str, str]) -> None:
    answer = command.json_of(command.run("check-once", "--output", "json", env=env))
    results = {result["check"]: result for result in answer["results"]}  # type: ignore[attr-defined]
    assert results["good"]["value"] == "good"
    assert results["good"]["origin"] == "once"
    assert results["bad"]["failure"] == "status"
    assert results["bad"]["status_code"] == 500
    assert results["gone"]["failure"] == "connect_refused"
    assert answer["summary"]["total"] == 4  # type: ignore[index]
    assert answer["summary"]["down"] == 2  # type: ignore[index]


def test_jsonl_is_a_line_a_result(env: dict[str, str]) -> None:
    answer = command.run("check-once", "--output", "jsonl", "good", "bad", env=env)
    assert [json.loads(line)["check"] for line in answer.stdout.splitlines()] == ["good", "bad"]


@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        (("Good",), {"good"}),
        (("--check", "good", "bad"), {"good", "bad"}),
        (("--group", "shop"), {"good", "bad"}),
        (("--label", "team=pay"), {"bad"}),
        (("Off",), {"off"}),
    ],
)
def test_makes_only_the_checks_that_are_asked_for(
    env: dict[str, str], target: CountingTarget, arguments: tuple[str, ...], made: set[str]
) -> None:
    command.run("check-once", *arguments, env=env)
    assert set(target.counts) == made


def test_an_unknown_name_is_exit_2_and_suggests(env: dict[str, str]) -> None:
    answer = command.run("check-once", "God", env=env)
    assert answer.returncode == 2
    assert "did you mean 'Good'?" in answer.stderr


def test_a_url_is_checked_ad_hoc_without_any_reader_file(target: CountingTarget, tmp_path: Path) -> None:
    env = {"READER_CONF_FILE": str(tmp_path / "none"), "APISTATUS_STATE_DIR": str(tmp_path)}
    answer = command.run("check-once", f"{target.url}/adhoc", env=env)
    assert answer.returncode == 0, answer.stderr
    assert target.counts == {"adhoc": 1}


@pytest.mark.parametrize("url", ["http://", "ftp://127.0.0.1/x", "http://user:pw@127.0.0.1/", "http://a b/"])
def test_a_url_that_cannot_be_checked_is_exit_2(tmp_path: Path, url: str) -> None:
    answer = command.run("check-once", url, env={"APISTATUS_STATE_DIR": str(tmp_path)})
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    assert "pw@" not in answer.stderr


def test_degraded_is_bad_only_when_strict(env: dict[str, str]) -> None:
    lenient = command.run("check-once", "Late", env=env)
    assert lenient.returncode == 0
    assert lenient.stdout.splitlines()[1].startswith("degraded")
    assert command.run("check-once", "Late", "--strict", env=env).returncode == 1


def test_quiet_says_nothing_when_all_is_well(env: dict[str, str]) -> None:
    answer = command.run("check-once", "Good", "--quiet", env=env)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_quiet_prints_only_what_is_bad(env: dict[str, str]) -> None:
    answer = command.run("check-once", "--quiet", "Good", "Bad", env=env)
    assert answer.returncode == 1
    assert "Bad" in answer.stdout
    assert "Good" not in answer.stdout


def test_an_unknown_time_zone_is_exit_2(env: dict[str, str]) -> None:
    answer = command.run("check-once", "--tz", "Mars/Olympus", env=env)
    assert answer.returncode == 2
    assert "Mars/Olympus" in answer.stderr


def test_publishing_to_nobody_prints_the_results_and_is_exit_75(env: dict[str, str]) -> None:
    answer = command.run(
        "check-once", "Good", "--publish", "--connect-timeout", "1",
        env={**env, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
    )  # fmt: skip
    assert answer.returncode == 75
    assert "up" in answer.stdout
    assert "127.0.0.1:1" in answer.stderr
    assert "KAFKA_BOOTSTRAP_SERVERS" in answer.stderr


def test_an_interrupted_run_prints_what_is_done_and_misses_the_rest(tmp_path: Path) -> None:
    with socket.socket() as silent, CountingTarget() as target:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        (tmp_path / "checks.yml").write_text(
            f"readers:\n  - {{name: Quick, site: '{target.url}', endpoint: /quick}}\n"
            f"  - {{name: Silent, site: 'http://127.0.0.1:{port}', timeout: 60s, interval: 5m}}\n"
        )
        env = {"READER_CONF_FILE": str(tmp_path / "checks.yml"), "APISTATUS_STATE_DIR": str(tmp_path)}
        with command.Command(["check-once", "--output", "json"], env, tmp_path / "log") as running:
            silent.settimeout(command.PATIENCE_S)
            connection, _ = silent.accept()
            command.wait_until(lambda: target.counts["quick"] == 1, "the quick check")
            assert running.stop(signal.SIGINT) == 130
            connection.close()
        answer = json.loads(running.said)
    statuses = {result["check"]: result["status"] for result in answer["results"]}
    assert statuses["silent"] == "missed"
    assert statuses["quick"] in ("up", "missed")
