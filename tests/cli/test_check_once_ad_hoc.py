"""`check-once URL` and its options, through the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.scripted_target import ScriptedTarget
from tests.e2e.counting_target import CountingTarget
from tests.services import command


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """No reader file: a URL needs none."""
    return {"READER_CONF_FILE": str(tmp_path / "none"), "APISTATUS_STATE_DIR": str(tmp_path)}


def test_a_url_is_checked_without_any_reader_file(env: dict[str, str], target: CountingTarget) -> None:
    answer = command.run("check-once", f"{target.url}/adhoc", env=env)
    assert answer.returncode == 0, answer.stderr
    assert target.counts == {"adhoc": 1}


@pytest.mark.parametrize("url", ["http://", "ftp://127.0.0.1/x", "http://user:pw@127.0.0.1/", "http://a b/"])
def test_a_url_that_cannot_be_checked_is_exit_2(env: dict[str, str], url: str) -> None:
    answer = command.run("check-once", url, env=env)
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    assert "pw@" not in answer.stderr


def test_options_say_what_is_sent_and_what_is_expected(env: dict[str, str]) -> None:
    with ScriptedTarget(418) as target:
        answer = command.run(
            "check-once", f"{target.url}/x", "--output", "json", "--expect-status", "200,418",
            "--json-path", "$.depth", "--sla-ms", "60000", "--timeout", "30s", "--method", "POST",
            "--header", "X-Key: hunter2", "--header", "X-Other: b", env=env,
        )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    [result] = json.loads(answer.stdout)["results"]
    assert (result["status"], result["status_code"], result["value"]) == ("up", 418, "42")
    assert result["sla_ms"] == 60_000
    [request] = target.requests
    assert (request.method, request.path) == ("POST", "/x")
    assert (request.headers["X-Key"], request.headers["X-Other"]) == ("hunter2", "b")
    assert "hunter2" not in answer.stdout + answer.stderr


def test_options_can_come_from_variables_several_of_them_one_a_line(env: dict[str, str]) -> None:
    variables = {
        "HEADER": "X-Key: a b\nX-Other: c\n", "EXPECT_STATUS": "404", "REGEX": "depth.: ([0-9]+)",
        "METHOD": "POST", "OUTPUT": "json", "TIMEOUT": "30", "SLA_MS": "60000",
    }  # fmt: skip
    with ScriptedTarget(404) as target:
        answer = command.run(
            "check-once", target.url,
            env={**env, **{f"APISTATUS_CHECK_ONCE_{name}": value for name, value in variables.items()}},
        )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert json.loads(answer.stdout)["results"][0]["value"] == "42"
    assert target.requests[0].method == "POST"
    assert (target.requests[0].headers["X-Key"], target.requests[0].headers["X-Other"]) == ("a b", "c")


def test_what_is_not_as_expected_is_down(env: dict[str, str]) -> None:
    with ScriptedTarget() as target:
        assert command.run("check-once", target.url, "--expect-status", "404", env=env).returncode == 1
        assert command.run("check-once", target.url, "--json-path", "$.none", env=env).returncode == 1


def test_a_target_that_outlasts_the_timeout_is_down(env: dict[str, str]) -> None:
    with ScriptedTarget(lasts_s=5.0) as target:
        answer = command.run("check-once", target.url, "--timeout", "300ms", "--output", "json", env=env)
    [result] = json.loads(answer.stdout)["results"]
    assert (answer.returncode, result["failure"]) == (1, "timeout")


def test_all_mistakes_are_told_at_once_and_without_secrets(env: dict[str, str]) -> None:
    with ScriptedTarget() as target:
        answer = command.run(
            "check-once", target.url, "--expect-status", "9", "--sla-ms", "x", "--json-path", "$[",
            "--timeout", "1us", "--method", "BREW", "--header", "hunter2", "--header", "X-Key: hünter2",
            env=env,
        )  # fmt: skip
    assert (answer.returncode, answer.stdout, target.requests) == (2, "", [])
    for option in ("--expect-status", "--sla-ms", "--json-path", "--timeout", "--method", "--header"):
        assert f"\n{option}: " in answer.stderr
    assert "nter2" not in answer.stderr


def test_names_and_urls_go_together(tmp_path: Path, target: CountingTarget) -> None:
    (tmp_path / "checks.yml").write_text(
        f"readers:\n  - {{name: Good, site: '{target.url}', endpoint: /good}}\n"
        f"  - {{name: Else, site: '{target.url}', endpoint: /else}}\n"
    )
    env = {"READER_CONF_FILE": str(tmp_path / "checks.yml"), "APISTATUS_STATE_DIR": str(tmp_path)}
    assert command.run("check-once", "Good", f"{target.url}/adhoc", env=env).returncode == 0
    assert set(target.counts) == {"good", "adhoc"}
