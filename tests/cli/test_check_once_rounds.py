"""`check-once` over time: rounds, limits, and answers that are complete however it ends."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.forms import junit, nagios, prometheus
from tests.cli.scripted_target import ScriptedTarget
from tests.services import command

Silent = tuple[socket.socket, dict[str, str]]


def documents(text: str) -> list[dict[str, object]]:
    """JSON objects that stand one after the other."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text.rstrip()):
        document, end = decoder.raw_decode(text, at)
        found.append(document)
        at = end + 1
    return found


def many(url: str, number: int, path: Path) -> dict[str, str]:
    """An environment with so many checks of a target."""
    lines = [f"  - {{name: Check {n}, site: '{url}', endpoint: /{n}, timeout: 20s}}\n" for n in range(number)]
    (path / "many.yml").write_text("readers:\n" + "".join(lines))
    return {"READER_CONF_FILE": str(path / "many.yml"), "APISTATUS_STATE_DIR": str(path)}


def test_every_round_is_a_complete_answer_and_the_worst_decides(tmp_path: Path) -> None:
    with ScriptedTarget(200, 500, 200) as target:
        answer = command.run(
            "check-once", target.url, "--repeat", "3", "--every", "100ms", "--output", "json",
            env={"APISTATUS_STATE_DIR": str(tmp_path)},
        )  # fmt: skip
    assert answer.returncode == 1
    rounds = documents(answer.stdout)
    assert [told["results"][0]["status"] for told in rounds] == ["up", "down", "up"]


def test_rounds_of_junit_are_one_document(env: dict[str, str]) -> None:
    answer = command.run("check-once", "Good", "Bad", "--repeat", "2", "--output", "junit", env=env)
    root = junit.read(answer.stdout)
    assert (root.attrib["tests"], root.attrib["failures"], len(root)) == ("4", "2", 2)


def test_rounds_of_text_are_apart(env: dict[str, str]) -> None:
    answer = command.run("check-once", "Good", "--repeat", "2", env=env)
    assert answer.stdout.count("STATUS") == 2
    assert "\n\nSTATUS" in answer.stdout


def all_statuses(form: str, text: str) -> dict[str, str]:
    """Check -> status, read out of a complete answer of this form."""
    if form == "json":
        return {told["check"]: told["status"] for told in json.loads(text)["results"]}
    if form == "jsonl":
        return {told["check"]: told["status"] for told in map(json.loads, text.splitlines())}
    if form == "junit":
        tags = {"system-out": "up", "skipped": "missed"}
        return {name.lower(): tags[tag] for name, tag in junit.verdicts(junit.read(text)).items()}
    if form == "prometheus":
        samples = [entry for entry in prometheus.read(text) if entry.name == "apistatus_check_status"]
        return {entry.labels["check"]: entry.labels["status"] for entry in samples if entry.value == 1}
    if form == "nagios":
        line = nagios.read(text)
        assert line.text.startswith("APISTATUS UNKNOWN - 2 checks: 1 up, 1 missed; Silent missed ")
        return {check: "missed" if line.data[check].value is None else "up" for check in ("quick", "silent")}
    lines = [line.split() for line in text.splitlines()[1:3]]
    return {words[1].lower(): words[0] for words in lines}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("form", ["text", "json", "jsonl", "junit", "nagios", "prometheus"])
def test_an_interrupted_run_gives_a_complete_answer_with_the_rest_missed(
    silent: Silent, tmp_path: Path, form: str, number: int
) -> None:
    listener, env = silent
    with command.Command(["check-once", "--output", form], env, tmp_path / "log") as running:
        connection, _ = listener.accept()
        with connection:
            assert running.stop(number) == (3 if form == "nagios" else 128 + number)
        assert all_statuses(form, running.said) == {"quick": "up", "silent": "missed"}


def test_an_interruption_between_rounds_keeps_what_was_said(env: dict[str, str], tmp_path: Path) -> None:
    arguments = ["check-once", "Good", "--repeat", "2", "--every", "1h", "--output", "json"]
    with command.Command(arguments, env, tmp_path / "log") as running:
        running.wait_for_line('"summary"')
        assert running.stop(signal.SIGINT) == 130
        [told] = documents(running.said)
    assert told["summary"]["up"] == 1


def test_lines_of_json_come_as_soon_as_there_is_a_result(silent: Silent, tmp_path: Path) -> None:
    _, env = silent
    with command.Command(["check-once", "--output", "jsonl"], env, tmp_path / "log") as running:
        running.wait_for_line('"quick"')
        assert running.process.poll() is None
        assert running.stop(signal.SIGTERM) == 143
        assert all_statuses("jsonl", running.said) == {"quick": "up", "silent": "missed"}


def started(arguments: list[str], env: dict[str, str], **streams: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "apistatus", "check-once", *arguments], env=command.environment(env), **streams
    )


def test_a_reader_that_goes_away_ends_the_run_without_a_word(silent: Silent) -> None:
    _, env = silent
    reads, writes = os.pipe()
    os.close(reads)
    running = started(["--output", "jsonl"], env, stdout=writes, stderr=subprocess.PIPE)
    os.close(writes)
    _, said = running.communicate(timeout=command.PATIENCE_S)
    assert (running.returncode, said) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_an_answer_that_cannot_be_written_is_told(env: dict[str, str], form: str) -> None:
    with Path("/dev/full").open("wb") as full:
        running = started(["Good", "--output", form], env, stdout=full.fileno(), stderr=subprocess.PIPE)
        _, said = running.communicate(timeout=command.PATIENCE_S)
    assert running.returncode == 1
    assert said == b"apistatus: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_change_nothing_but_what_is_seen(env: dict[str, str], closed: str) -> None:
    line = f'exec "{sys.executable}" -m apistatus check-once Good Bad {closed}'
    answer = subprocess.run(
        ["/bin/sh", "-c", line], env=command.environment(env), capture_output=True, text=True, check=False,
        timeout=command.PATIENCE_S,
    )  # fmt: skip
    assert (answer.returncode, answer.stderr) == (1, "")
    assert ("2 checks" in answer.stdout) == (">&-" not in closed.replace("2>&-", ""))


def read_until(master: int, holds: Callable[[str], bool]) -> str:
    """What is drawn on a terminal, until it holds."""
    text, until = "", time.monotonic() + command.PATIENCE_S
    while not holds(text):
        assert time.monotonic() < until, text
        if select.select([master], [], [], 0.1)[0]:
            text += os.read(master, 4096).decode()
    return text


def test_progress_is_drawn_on_a_terminal_and_gone_at_the_end(silent: Silent) -> None:
    listener, env = silent
    master, terminal = os.openpty()
    running = started(["--output", "json"], env, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    drawn = read_until(master, lambda text: "1 of 2 checks done, " in text)
    connection, _ = listener.accept()
    with connection:
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        answer, _ = running.communicate(timeout=command.PATIENCE_S)
    drawn += os.read(master, 4096).decode()
    os.close(master)
    assert drawn.endswith(" \r")
    assert "\n" not in drawn
    assert json.loads(answer)["summary"]["up"] == 2
    assert running.returncode == 0


def test_no_more_checks_are_open_at_once_than_allowed(tmp_path: Path) -> None:
    with ScriptedTarget(lasts_s=0.02) as target:
        env = {**many(target.url, 200, tmp_path), "APISTATUS_MAX_IN_FLIGHT": "20"}
        answer = command.run("check-once", "--output", "json", env=env)
    assert json.loads(answer.stdout)["summary"]["up"] == 200
    assert 2 <= target.most_open <= 20


def test_a_thousand_checks_are_made_in_one_call_within_the_limit_of_open_files(tmp_path: Path) -> None:
    with ScriptedTarget() as target:
        env = many(target.url, 1_000, tmp_path)
        line = f'ulimit -n 256 && exec "{sys.executable}" -m apistatus check-once --output json'
        answer = subprocess.run(
            ["/bin/sh", "-c", line], env=command.environment(env), capture_output=True, text=True,
            check=False, timeout=command.PATIENCE_S,
        )  # fmt: skip
    assert answer.stderr == ""
    assert json.loads(answer.stdout)["summary"]["up"] == 1_000
    # 256 files, of which some are ours, and two for each check.
    assert target.most_open <= 128
