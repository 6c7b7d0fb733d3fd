"""A child process: started, asked, started again when it ends, ended with its supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from apistatus.runtime import child as child_module
from apistatus.runtime.child import Child
from tests.services.command import wait_until

WORKER = """
import json, os, sys, time
from apistatus.runtime import child
order = json.loads(sys.stdin.readline())
if "hang" in order:
    time.sleep(600)
if "exit" in order:
    sys.exit(order["exit"])
if "half" in order:
    sys.stdout.write('{"pid": 1')
    sys.exit(0)
child.serve(
    lambda: {"pid": os.getpid(), "order": order}, stop=lambda: os._exit(5), orphaned=lambda: os._exit(7)
)
time.sleep(600)
"""
SUPERVISOR = """
import time
from apistatus.runtime.child import Child
child = Child("one", "worker", {}, ended=lambda answer: None)
while not child.answer:
    child.look_after()
    time.sleep(0.05)
print(child.answer["pid"], flush=True)
time.sleep(600)
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    monkeypatch.setattr(child_module, "_ASK_AGAIN_S", 0.05)
    monkeypatch.setattr(child_module, "_FIRST_WAIT_S", 0.05)


def _looking_after(child: Child, holds: Callable[[], object], what: str) -> None:
    def step() -> object:
        child.look_after()
        return holds()

    wait_until(step, what)


@pytest.mark.usefixtures("worker")
def test_a_child_gets_its_order_and_answers() -> None:
    child = Child("one", "worker", {"share": 3}, ended=lambda _answer: None)
    try:
        _looking_after(child, lambda: child.answer, "an answer")
        assert child.runs
        assert child.answer["order"] == {"share": 3}
        before = child._answered_s
        _looking_after(child, lambda: child._answered_s > before, "another answer")
    finally:
        child.send(signal.SIGKILL)
        assert child.end(time.monotonic() + 60) == 128 + signal.SIGKILL
    assert not child.runs


@pytest.mark.usefixtures("worker")
def test_a_child_imports_nothing_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "somewhere"
    folder.mkdir()
    (folder / "json.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(folder)
    child = Child("one", "worker", {"exit": 3}, ended=lambda _answer: None)
    _looking_after(child, lambda: child.exit_code is not None, "its end")
    assert child.exit_code == 3


@pytest.mark.usefixtures("worker")
def test_a_child_that_ends_is_started_again_and_its_last_answer_is_told() -> None:
    told: list[Mapping[str, Any]] = []
    child = Child("one", "worker", {}, ended=told.append)
    try:
        _looking_after(child, lambda: child.answer, "an answer")
        first = child.answer["pid"]
        os.kill(first, signal.SIGKILL)
        _looking_after(child, lambda: child.answer and child.answer["pid"] != first, "another process")
        assert [answer["pid"] for answer in told] == [first]
        assert child.exit_code == 128 + signal.SIGKILL
    finally:
        child.send(signal.SIGKILL)
        child.end(time.monotonic() + 60)


@pytest.mark.usefixtures("worker")
def test_one_that_keeps_ending_is_started_later_and_later(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    said = SimpleNamespace(error=lambda _event, **fields: waits.append(fields["again_in_s"]))
    monkeypatch.setattr(child_module, "log", said)
    child = Child("one", "worker", {"exit": 3}, ended=lambda _answer: None)
    _looking_after(child, lambda: len(waits) == 3, "three ends")
    assert waits == [0.05, 0.1, 0.2]
    assert child.exit_code == 3
    assert child.end(time.monotonic()) == 3


@pytest.mark.usefixtures("worker")
def test_one_that_stands_still_is_killed_and_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    child = Child("one", "worker", {}, ended=lambda _answer: None)
    try:
        _looking_after(child, lambda: child.answer, "an answer")
        first = child.answer["pid"]
        monkeypatch.setattr(child_module, "_SILENT_S", 1.0)
        child.send(signal.SIGSTOP)
        _looking_after(child, lambda: child.answer and child.answer["pid"] != first, "another process")
    finally:
        child.send(signal.SIGKILL)
        child.end(time.monotonic() + 60)


@pytest.mark.usefixtures("worker")
def test_one_that_never_gets_to_its_first_answer_is_started_again_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child_module, "_STARTING_S", 0.5)
    child = Child("one", "worker", {"hang": True}, ended=lambda _answer: None)
    try:
        _looking_after(child, lambda: child.exit_code == 128 + signal.SIGKILL, "its end")
    finally:
        child.send(signal.SIGKILL)
        child.end(time.monotonic() + 60)


@pytest.mark.usefixtures("worker")
def test_one_that_does_not_end_in_time_is_killed() -> None:
    child = Child("one", "worker", {}, ended=lambda _answer: None)
    _looking_after(child, lambda: child.answer, "an answer")
    assert child.end(time.monotonic() + 0.1) == 128 + signal.SIGKILL


@pytest.mark.usefixtures("worker")
def test_one_that_answers_is_asked_to_end_without_a_signal() -> None:
    child = Child("one", "worker", {}, ended=lambda _answer: None)
    _looking_after(child, lambda: child.answer, "an answer")
    child.ask_to_end()
    assert child.end(time.monotonic() + 60) == 5


@pytest.mark.usefixtures("worker")
def test_one_that_has_not_begun_ends_at_once_and_abandons_nothing() -> None:
    child = Child("one", "worker", {}, ended=lambda _answer: None)
    child.look_after()
    child.ask_to_end()
    assert child.end(time.monotonic() + 60) is None


@pytest.mark.usefixtures("worker")
def test_an_answer_that_breaks_off_is_none() -> None:
    told: list[Mapping[str, Any]] = []
    child = Child("one", "worker", {"half": 1}, ended=told.append)
    _looking_after(child, lambda: told, "its end")
    assert told == [{}]


@pytest.mark.usefixtures("worker")
def test_one_that_fails_to_come_back_is_told_from_one_that_never_was() -> None:
    child = Child("one", "worker", {"exit": 2}, ended=lambda _answer: None)
    _looking_after(child, lambda: child.exit_code == 2, "its end")
    assert not child.did_not_come_back
    order: dict[str, object] = {}
    child = Child("one", "worker", order, ended=lambda _answer: None)
    _looking_after(child, lambda: child.answer, "an answer")
    order["exit"] = 2
    os.kill(child.answer["pid"], signal.SIGKILL)
    _looking_after(child, lambda: child.exit_code == 2, "the end of the second one")
    assert child.did_not_come_back


@pytest.mark.usefixtures("worker")
def test_one_that_cannot_be_started_is_started_later(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        child_module, "log", SimpleNamespace(error=lambda event, **_fields: said.append(event))
    )
    child = Child("one", "worker", {}, ended=lambda _answer: None)
    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "Popen", _no_more_processes)
        child.look_after()
    assert said == ["process.not_started"]
    assert not child.runs
    try:
        _looking_after(child, lambda: child.answer, "an answer")
    finally:
        child.send(signal.SIGKILL)
        child.end(time.monotonic() + 60)


def _no_more_processes(*_args: object, **_keywords: object) -> None:
    raise BlockingIOError(11, "Resource temporarily unavailable")


def test_one_that_never_ran_has_no_exit_code() -> None:
    child = Child("one", "worker", {}, ended=lambda _answer: None)
    child.send(signal.SIGTERM)
    assert child.end(time.monotonic()) is None


@pytest.mark.usefixtures("worker")
def test_a_child_notices_that_its_supervisor_is_gone() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        supervisor.kill()
    wait_until(lambda: not _is_worker(pid), "the end of the child")


def _is_worker(pid: int) -> bool:
    try:
        return b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # it may also end between opening and reading
        return False
