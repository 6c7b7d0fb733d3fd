"""The forms of `check-once`'s answer through the command, and what becomes of a mistake in each."""

from __future__ import annotations

import json

import pytest

from tests.cli.forms import junit, nagios, prometheus
from tests.e2e.counting_target import CountingTarget
from tests.services import command

FORMS = ("text", "json", "jsonl", "junit", "nagios", "prometheus")


def test_jsonl_is_a_line_a_result(env: dict[str, str]) -> None:
    answer = command.run("check-once", "--output", "jsonl", "good", "bad", env=env)
    results = [json.loads(line) for line in answer.stdout.splitlines()]
    assert {result["check"]: result["status"] for result in results} == {"good": "up", "bad": "down"}
    assert answer.returncode == 1


def test_junit_is_a_report_that_fails_what_is_down(env: dict[str, str]) -> None:
    answer = command.run("check-once", "--output", "junit", env=env)
    assert answer.returncode == 1
    assert junit.verdicts(junit.read(answer.stdout)) == {
        "Good": "system-out", "Late": "system-out", "Bad": "failure", "Gone": "failure",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "state", "code"),
    [
        (("Good",), "OK", 0),
        (("Good", "Late"), "WARNING", 1),
        (("Good", "Late", "--strict"), "CRITICAL", 2),
        (("Good", "Bad"), "CRITICAL", 2),
    ],
)
def test_nagios_is_one_line_and_its_own_exit_codes(
    env: dict[str, str], arguments: tuple[str, ...], state: str, code: int
) -> None:
    answer = command.run("check-once", "--output", "nagios", *arguments, env=env)
    assert answer.returncode == code
    line = nagios.read(answer.stdout)
    assert (line.state, nagios.STATES[line.state]) == (state, code)
    assert line.data["good"].unit == "s"
    assert 0 < float(line.data["good"].value or 0) < float(line.data["good"].crit or 0)
    assert line.data["good size"].unit == "B"


@pytest.mark.parametrize(
    ("arguments", "extra", "said"),
    [
        (("God",), {}, "did you mean 'Good'?"),
        (("--nonsense",), {}, "--nonsense"),
        (("--repeat", "none"), {}, "none"),
        (("--tz", "Mars/Olympus"), {}, "Mars/Olympus"),
        ((), {"READER_CONF_FILE": "/nowhere"}, "/nowhere"),
        ((), {"LOG_LEVEL": "x", "APISTATUS_LOCATION": "ä"}, "APISTATUS_LOCATION"),
        (("--repeat", "2"), {}, "one answer"),
    ],
)
def test_a_mistake_of_ours_is_unknown_for_nagios_on_standard_output(
    env: dict[str, str], arguments: tuple[str, ...], extra: dict[str, str], said: str
) -> None:
    for how in (("--output", "nagios"), ("--output=nagios",), ()):
        variable = {} if how else {"APISTATUS_CHECK_ONCE_OUTPUT": "nagios"}
        answer = command.run("check-once", *how, *arguments, env={**env, **extra, **variable})
        assert answer.returncode == 3
        line = nagios.read(answer.stdout)
        assert line.state == "UNKNOWN"
        assert said in line.text


def test_results_that_do_not_reach_kafka_are_unknown_for_nagios(env: dict[str, str]) -> None:
    answer = command.run(
        "check-once", "Good", "--publish", "--connect-timeout", "1", "--output", "nagios",
        env={**env, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
    )  # fmt: skip
    assert answer.returncode == 3
    line = nagios.read(answer.stdout)
    assert line.text.startswith("APISTATUS UNKNOWN - 1 check: 1 up; not published: ")


def test_prometheus_is_its_text_format(env: dict[str, str]) -> None:
    answer = command.run("check-once", "--output", "prometheus", env=env)
    samples = prometheus.read(answer.stdout)
    up = {sample.labels["check"]: sample.value for sample in samples if sample.name == "apistatus_check_up"}
    assert up == {"good": 1, "late": 1, "bad": 0, "gone": 0}
    assert answer.returncode == 1


@pytest.mark.parametrize("form", ["text", "jsonl", "prometheus"])
def test_quiet_is_silent_when_all_is_well(env: dict[str, str], form: str) -> None:
    answer = command.run("check-once", "Good", "--quiet", "--output", form, env=env)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_quiet_leaves_documents_complete(env: dict[str, str]) -> None:
    told = command.run("check-once", "Good", "--quiet", "--output", "json", env=env)
    assert json.loads(told.stdout)["results"] == []
    report = command.run("check-once", "Good", "--quiet", "--output", "junit", env=env)
    assert junit.read(report.stdout).attrib["tests"] == "0"


@pytest.mark.parametrize("form", FORMS)
def test_the_machine_s_encoding_breaks_no_form(target: CountingTarget, form: str, tmp_path: object) -> None:
    answer = command.run(
        "check-once", f"{target.url}/ü", "--output", form,
        env={"APISTATUS_STATE_DIR": str(tmp_path), "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout
