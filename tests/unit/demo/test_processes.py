"""Processes of a demo: read all the time, waited for, and ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apistatus.demo import processes
from apistatus.demo.processes import Child, ChildEnded, Interrupted, TooSlow, bare, python
from apistatus.runtime.stopping import Stop

_PATIENCE_S = 60.0
WAITS = "import signal; signal.pause()"

Start = Callable[..., Child]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    # How long the last words are waited for is not what is tested.
    monkeypatch.setattr(processes, "_DRAIN_S", 60.0)
    children: list[Child] = []

    def start(code: str, environ: dict[str, str] | None = None, *, holding_stdin: bool = False) -> Child:
        child = Child("sample", ["-c", code], environ or {}, group=0, holding_stdin=holding_stdin)
        children.append(child)
        return child

    yield start
    for child in children:
        child.stop(0)


def test_a_record_is_waited_for(start: Start) -> None:
    child = start("""print('noise'); print('{"event": "up", "port": 7}', flush=True);""" + WAITS)
    assert child.wait_for_record("up", Stop(), _PATIENCE_S)["port"] == 7
    assert child.record("down") is None


def test_a_child_that_ends_early_is_told_with_its_last_words(start: Start) -> None:
    child = start("import sys; print('reason', file=sys.stderr); sys.exit(3)")
    with pytest.raises(ChildEnded, match=r"`sample` ended with exit code 3.*\n  reason") as caught:
        child.wait_for_record("up", Stop(), _PATIENCE_S)
    assert caught.value.exit_code == 3


def test_a_child_that_ends_without_being_asked_is_a_failure_even_with_exit_code_0(start: Start) -> None:
    child = start("")
    assert child.wait_for_end(Stop()) == 0
    error = ChildEnded(child)
    assert error.exit_code == 1
    assert "it said nothing" in str(error)


def test_a_child_that_was_killed_is_told_by_its_signal(start: Start) -> None:
    child = start(WAITS)
    os.kill(child.pid, signal.SIGKILL)
    child.wait_for_end(Stop())
    error = ChildEnded(child)
    assert "ended with signal 9" in str(error)
    assert error.exit_code == 1


def test_waiting_has_an_end(start: Start) -> None:
    with pytest.raises(TooSlow, match="`sample` was not up"):
        start(WAITS).wait_for_record("up", Stop(), 0.0)


def test_waiting_ends_when_a_stop_is_asked_for(start: Start) -> None:
    stop = Stop()
    stop.ask()
    with pytest.raises(Interrupted):
        start(WAITS).wait_for_record("up", stop, _PATIENCE_S)
    with pytest.raises(Interrupted):
        start(WAITS).wait_for_end(stop)


def test_log_records_become_text_and_warnings_trouble(start: Start) -> None:
    child = start(
        """print('{"time": "t", "level": "notice", "room": "r", "event": "a.b", "x": 1}');"""
        """print('{"level": "warning", "event": "kafka.away", "cause": "refused"}');"""
        """print('{"broken'); print('[1]')"""
    )
    child.wait_for_end(Stop())
    assert child.last_words() == ["a.b x=1", "kafka.away cause=refused", '{"broken', "[1]"]
    assert child.trouble is not None
    assert child.trouble[1] == "sample: kafka.away cause=refused"


def test_a_child_that_does_not_listen_is_killed(start: Start) -> None:
    child = start("import signal; signal.signal(15, signal.SIG_IGN); print('{}', flush=True);" + WAITS)
    child.wait_for_record("", Stop(), _PATIENCE_S)
    assert child.stop(0.05) == -signal.SIGKILL
    assert child.stop(0.05) == -signal.SIGKILL


def test_stop_closes_the_standard_input_that_is_held(start: Start) -> None:
    child = start("import signal, sys; signal.signal(15, signal.SIG_IGN); print('{}', flush=True);"
                  "sys.stdin.read(); sys.exit(5)", holding_stdin=True)  # fmt: skip
    child.wait_for_record("", Stop(), _PATIENCE_S)
    assert child.stop(_PATIENCE_S) == 5


def test_a_record_that_was_the_last_word_is_found(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Child._read

    def read_late(child: Child) -> None:
        child._process.wait(_PATIENCE_S)
        time.sleep(0.2)
        read(child)

    monkeypatch.setattr(Child, "_read", read_late)
    child = start("""print('{"event": "up", "port": 7}')""")
    assert child.wait_for_record("up", Stop(), _PATIENCE_S)["port"] == 7


def test_a_child_has_exactly_its_environment(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    child = start("import json, os; print(json.dumps(dict(os.environ)))", {"ONE": "1"})
    said = child.wait_for_record("", Stop(), _PATIENCE_S)
    assert said["ONE"] == "1"
    assert "PGHOST" not in said


def test_bare_keeps_what_programs_need_and_no_settings() -> None:
    given = {
        "PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "PYTHONPATH": "p", "PGHOST": "x", "KAFKAHOST": "x",
        "LOG_LEVEL": "DEBUG", "APISTATUS_LOCATION": "x", "HTTPS_PROXY": "x",
    }  # fmt: skip
    assert bare(given) == {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "PYTHONPATH": "p"}


def test_files_where_the_demo_was_started_are_no_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert python()[1:] == ["-P"]
    monkeypatch.chdir(Path(processes.__file__).parents[2])
    assert python()[1:] == []
