"""`connectivity` through the command: what fails while no reference answers is told as `inconclusive`."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from tests.cli.scripted_target import ScriptedTarget
from tests.e2e.counting_target import CountingTarget
from tests.services import command
from tests.targets.ports import closed_port

Write = Callable[..., dict[str, str]]


@pytest.fixture
def closed() -> Iterator[str]:
    """The URL of a port on which nobody listens."""
    with closed_port() as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a port that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.fixture
def write(tmp_path: Path, target: CountingTarget, closed: str) -> Write:
    """Writes a reader file with these references and one check of each kind; the environment for it."""

    def written(*references: str, keys: str = "") -> dict[str, str]:
        head = f"connectivity: [{', '.join(references)}]\n" if references else ""
        (tmp_path / "checks.yml").write_text(
            f"""\
{head}{keys}
readers:
  - {{name: Gone, url: '{closed}'}}
  - {{name: Bad, group: shop, url: '{target.url}/bad/down'}}
  - {{name: Closed port, url: '{closed}', expect: {{failure: [connect_refused, dns]}}}}
  - {{name: Open port, url: '{target.url}/open', expect: {{failure: connect_refused}}}}
  - {{name: Good, url: '{target.url}/good'}}
  - {{name: Late, url: '{target.url}/late/slow', sla_ms: 20}}
"""
        )
        return {"READER_CONF_FILE": str(tmp_path / "checks.yml"), "APISTATUS_STATE_DIR": str(tmp_path)}

    return written


def results(env: dict[str, str], *arguments: str) -> dict[str, dict[str, Any]]:
    answer = command.run("check-once", "--output", "json", *arguments, env=env)
    assert answer.stderr == ""
    return {result["name"]: result for result in json.loads(answer.stdout)["results"]}


def statuses(env: dict[str, str], *arguments: str) -> dict[str, str]:
    return {name: result["status"] for name, result in results(env, *arguments).items()}


VERDICTS = {
    "Gone": "down", "Bad": "down", "Closed port": "up", "Open port": "down", "Good": "up", "Late": "degraded",
}  # fmt: skip
EXCUSED = {**VERDICTS, **dict.fromkeys(("Gone", "Bad", "Closed port", "Open port"), "inconclusive")}


def test_what_fails_while_no_reference_answers_is_no_verdict(write: Write, closed: str) -> None:
    env = write(closed, closed + "other")
    found = results(env)
    assert {name: result["status"] for name, result in found.items()} == EXCUSED
    gone = found["Gone"]
    address = closed.removeprefix("http://").rstrip("/")
    refused = f"{address} refused the connection"
    reason = f"of `connectivity` failed too, so our own network may be away: {refused}; {refused}"
    assert (gone["failure"], gone["phase"]) == ("connect_refused", "connect")
    assert gone["error"] == f"{refused}; all 2 references {reason}"
    assert found["Bad"]["status_code"] == 500
    assert "failure" not in found["Closed port"]
    assert found["Closed port"]["error"].startswith("it failed as expected (connect_refused or dns); all 2 ")


def test_one_reference_that_answers_is_enough(write: Write, target: CountingTarget, closed: str) -> None:
    assert statuses(write(closed, f"{target.url}/reference/down")) == VERDICTS
    assert target.counts["reference"] == 1


def test_without_references_all_is_as_ever(write: Write) -> None:
    assert statuses(write()) == VERDICTS


def test_references_are_not_asked_while_nothing_fails(write: Write, target: CountingTarget) -> None:
    assert statuses(write(f"{target.url}/reference"), "Good", "Late") == {"Good": "up", "Late": "degraded"}
    assert target.counts["reference"] == 0


def test_a_reference_that_does_not_answer_holds_a_result_up_for_two_seconds(
    write: Write, silent: str
) -> None:
    error = results(write(silent), "Gone")["Gone"]["error"]
    assert "so our own network may be away: " in error
    # Which of the two limits is noticed first is up to a machine that is held up for a tenth of a second.
    assert error.endswith(("sent nothing within 1.9 s of the start", "no answer within 2 s"))


def test_a_slow_answer_within_the_two_seconds_counts(write: Write) -> None:
    with ScriptedTarget(503, lasts_s=0.3) as reference:
        assert statuses(write(reference.url), "Gone") == {"Gone": "down"}
        assert [request.path for request in reference.requests] == ["/"]


def test_nothing_but_inconclusive_is_to_be_tried_again(write: Write, closed: str) -> None:
    env = write(closed)
    bad = ("Gone", "Bad", "Closed port")
    answers = {
        form: command.run("check-once", "--output", form, *bad, env=env)
        for form in ("text", "json", "jsonl", "junit", "prometheus", "nagios")
    }
    assert {form: answer.returncode for form, answer in answers.items()} == {
        "text": 75, "json": 75, "jsonl": 75, "junit": 75, "prometheus": 75, "nagios": 3,
    }  # fmt: skip
    text = answers["text"].stdout
    assert "3 inconclusive" in text
    assert "the reference of `connectivity` failed too" in text
    lines = [json.loads(line) for line in answers["jsonl"].stdout.splitlines()]
    assert [line["status"] for line in lines] == ["inconclusive"] * 3
    cases = list(fromstring(answers["junit"].stdout.encode()).iter("testcase"))
    assert [case[0].tag for case in cases] == ["error"] * 3
    statuses_told = [line for line in answers["prometheus"].stdout.splitlines() if line.endswith(" 1")]
    assert sum('status="inconclusive"' in line for line in statuses_told) == 3
    assert answers["nagios"].stdout.startswith("APISTATUS UNKNOWN - 3 checks: 3 inconclusive")


def test_a_check_that_works_beside_them_makes_the_run_well(write: Write, closed: str) -> None:
    answer = command.run("check-once", "--quiet", "Gone", "Good", env=write(closed))
    assert answer.returncode == 0
    assert "inconclusive" in answer.stdout
    assert "Good" not in answer.stdout


def test_all_attempts_are_made_before_references_are_asked(write: Write, target: CountingTarget) -> None:
    env = write(f"{target.url}/reference", keys="defaults: {retries: 2, retry_delay: 10ms}")
    bad = results(env, "Bad")["Bad"]
    assert (bad["status"], bad["attempts"]) == ("down", 3)
    assert (target.counts["bad"], target.counts["reference"]) == (3, 1)


def test_rounds_that_follow_at_once_share_an_asking(write: Write, target: CountingTarget) -> None:
    env = write(f"{target.url}/reference")
    answer = command.run(
        "check-once", "--repeat", "4", "--every", "10ms", "--output", "jsonl", "Gone", "Bad", env=env
    )
    assert len(answer.stdout.splitlines()) == 8
    assert target.counts["bad"] == 4
    # A machine that is slow enough may take more than 5 s for the rounds.
    assert 1 <= target.counts["reference"] < 4


def test_a_url_given_ad_hoc_uses_no_references(write: Write, target: CountingTarget, closed: str) -> None:
    env = write(f"{target.url}/reference", closed)
    bad = f"{target.url}/bad/down"
    assert statuses(env, bad) == {bad: "down"}
    assert target.counts["reference"] == 0
    mixed = statuses(write(closed), "--group", "shop", closed)
    assert mixed == {"Bad": "inconclusive", closed: "down"}


def test_references_that_may_not_be_reached_excuse_nothing(write: Write, target: CountingTarget) -> None:
    env = write("http://127.0.0.2/", "http://127.0.0.3/")
    answer = command.run(
        "check-once", "--output", "json", "Gone", env={**env, "APISTATUS_DENY_NETWORKS": "127.0.0.2/31"}
    )
    [result] = json.loads(answer.stdout)["results"]
    assert result["status"] == "down"
    assert answer.returncode == 1
    assert "connectivity.denied" in answer.stderr
    assert "APISTATUS_DENY_NETWORKS keeps checks away from it" in answer.stderr


def test_a_secret_in_a_reference_is_not_told(write: Write, closed: str) -> None:
    env = {**write(f"'{closed}${{TOKEN}}'"), "TOKEN": "s3cret-token"}
    answer = command.run("check-once", "--output", "json", env=env)
    assert answer.returncode == 0
    assert "s3cret-token" not in answer.stdout + answer.stderr


def test_a_mistake_in_a_reference_is_told_with_its_place(write: Write) -> None:
    env = write("192.0.2.1")
    answer = command.run("check-once", env=env)
    assert answer.returncode == 2
    assert "checks.yml:1:16: connectivity[0]: must begin with http:// or https://" in answer.stderr
    assert command.run("config", "check", env=env).returncode == 2
