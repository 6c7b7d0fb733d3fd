"""Stopping in three stages: the first signal asks, the grace finishes what is open, the second kills."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

Action = Callable[[], None]


class Stop:
    """Whether this process was asked to stop. Safe from any thread and from signal handlers."""

    def __init__(self) -> None:
        # No threading.Event: its lock is not reentrant, and a signal handler that interrupts `wait`
        # in the moment it is held would never return. No SimpleQueue: in Python 3.11 its `get` waits for
        # ever when a handler (of SIGHUP, say) outlasts the timeout.
        self._asked = False
        self._closed = threading.Lock()
        self._closed.acquire()
        self._actions: deque[Action] = deque()
        self.signal_number: int | None = None

    def ask(self) -> None:
        """Ask for a stop; wakes every `wait` and runs each action of `on_ask` once."""
        if not self._asked:
            self._asked = True
            self._open()
        self._run_actions()

    def on_ask(self, action: Action) -> None:
        """Run `action` when a stop is asked for (now, if it was already); it must not block."""
        self._actions.append(action)
        if self._asked:
            self._run_actions()

    def _run_actions(self) -> None:
        while True:
            try:
                action = self._actions.popleft()
            except IndexError:
                return
            action()

    @property
    def asked(self) -> bool:
        return self._asked

    def wait(self, seconds: float) -> bool:
        """Wait so long at the most; True as soon as a stop is asked for."""
        if not self._closed.acquire(timeout=max(0.0, seconds)):
            return self._asked
        self._open()  # for whoever else waits
        return True

    def _open(self) -> None:
        with suppress(RuntimeError):  # a handler that came in between has done it
            self._closed.release()


def hold_hangup() -> None:
    """From here on SIGHUP waits for `signals`: a reload asked for during the start must not end the process."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


@contextmanager
def signals(stop: Stop, reload: Action | None = None) -> Iterator[None]:
    """SIGTERM and SIGINT ask for a stop, a second one ends the process at once with 128 + its number;
    SIGHUP calls `reload`. Use in the main thread; the former handlers come back afterwards."""

    def on_stop(number: int, _frame: FrameType | None) -> None:
        if stop.asked:
            os._exit(128 + number)
        stop.signal_number = number
        stop.ask()

    def on_hangup(_number: int, _frame: FrameType | None) -> None:
        if reload is not None:
            reload()

    handlers = {signal.SIGTERM: on_stop, signal.SIGINT: on_stop, signal.SIGHUP: on_hangup}
    former = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
