"""Stopping: the first signal asks, the second kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from apistatus.runtime.stopping import Stop, signals


def test_a_stop_wakes_everybody_who_waits() -> None:
    stop = Stop()
    woken: list[bool] = []
    threads = [threading.Thread(target=lambda: woken.append(stop.wait(60.0))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert not stop.asked
    stop.ask()
    for thread in threads:
        thread.join(60.0)
    assert woken == [True, True, True]
    assert stop.asked
    assert stop.wait(60.0)


def test_a_wait_ends_by_itself() -> None:
    assert not Stop().wait(0.0)
    assert not Stop().wait(-1.0)


def test_actions_run_once_and_at_once_when_it_was_asked_already() -> None:
    stop, ran = Stop(), []
    stop.on_ask(lambda: ran.append("before"))
    stop.ask()
    stop.ask()
    stop.on_ask(lambda: ran.append("after"))
    assert ran == ["before", "after"]


def test_a_wait_ends_by_itself_when_a_signal_comes_in_its_last_moment() -> None:
    stop, handled = Stop(), threading.Event()

    def outlasts_the_wait() -> None:
        time.sleep(0.3)
        handled.set()

    rescue = threading.Timer(60.0, stop.ask)
    rescue.start()
    with signals(stop, outlasts_the_wait):
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGHUP)).start()
        while not handled.is_set() and not stop.asked:
            assert not stop.wait(0.2), "it waited for ever"
    rescue.cancel()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_and_the_former_handlers_come_back(number: signal.Signals) -> None:
    former = signal.getsignal(number)
    stop = Stop()
    with signals(stop):
        os.kill(os.getpid(), number)
        assert stop.wait(60.0)
    assert stop.signal_number == number
    assert signal.getsignal(number) is former


def test_a_hangup_reloads_and_is_harmless_without_a_reload() -> None:
    stop, reloads = Stop(), []
    with signals(stop, lambda: reloads.append(1)):
        os.kill(os.getpid(), signal.SIGHUP)
        stop.wait(0.0)
    with signals(stop):
        os.kill(os.getpid(), signal.SIGHUP)
        stop.wait(0.0)
    assert reloads == [1]
    assert not stop.asked


def test_the_second_signal_does_not_wait_for_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    with signals(Stop()):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        Stop().wait(0.0)
    assert codes == [128 + signal.SIGINT]


EARLY = """
import os, signal
from apistatus.runtime.stopping import Stop, hold_hangup, signals
hold_hangup()
os.kill(os.getpid(), signal.SIGHUP)
print("still here", flush=True)
with signals(Stop(), lambda: print("reloaded", flush=True)):
    Stop().wait(0.0)
"""


def test_a_hangup_during_the_start_becomes_a_reload() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", EARLY], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "still here\nreloaded\n")


PROGRAM = """
from apistatus.runtime.stopping import Stop, signals
stop = Stop()
with signals(stop):
    print("waiting", flush=True)
    stop.wait(60.0)
    print("asked", flush=True)
    while True:
        Stop().wait(60.0)
"""


def test_the_second_signal_ends_the_process_at_once() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60.0) == 130
