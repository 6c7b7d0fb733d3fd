"""`check-once` through the command: what it prints and what its exit code says."""

from __future__ import annotations

import pytest

from tests.e2e.counting_target import CountingTarget
from tests.services import command


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
    results = {result["check"]: result for result in answer["results"]}
    assert results["good"]["value"] == "good"
    assert results["good"]["origin"] == "once"
    assert results["bad"]["failure"] == "status"
    assert results["bad"]["status_code"] == 500
    assert results["gone"]["failure"] == "connect_refused"
    assert answer["summary"]["total"] == 4
    assert answer["summary"]["down"] == 2


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


def test_nothing_to_check_does_not_pass_for_well(env: dict[str, str]) -> None:
    answer = command.run("check-once", "Gone", "--group", "shop", env=env)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "no check is left" in answer.stderr


@pytest.mark.parametrize(
    ("variable", "value", "made"),
    [
        ("CHECK", "Good\nBad\n", {"good", "bad"}),
        ("GROUP", "shop", {"good", "bad"}),
        ("LABEL", "team=pay", {"bad"}),
    ],
)
def test_a_selection_can_come_from_variables(
    env: dict[str, str], target: CountingTarget, variable: str, value: str, made: set[str]
) -> None:
    command.run("check-once", env={**env, f"APISTATUS_CHECK_ONCE_{variable}": value})
    assert set(target.counts) == made


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--label", "team"), "key=value"),
        (("--label", "team=a", "--label", "team=b"), "two values"),
        (("--every", "5"), "--repeat"),
        (("--every", "soon", "--repeat", "2"), "is not a duration"),
        (("--repeat", "0"), "--repeat"),
        (("--sla-ms", "5"), "is only for a URL"),
        (("--repeat", "2", "--output", "prometheus"), "is one answer"),
    ],
)
def test_options_that_make_no_sense_are_exit_2(
    env: dict[str, str], target: CountingTarget, arguments: tuple[str, ...], said: str
) -> None:
    answer = command.run("check-once", *arguments, env=env)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert said in answer.stderr
    assert target.total == 0
