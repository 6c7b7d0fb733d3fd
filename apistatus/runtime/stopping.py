"""Stopping in three stages: the first signal asks, the grace finishes what is open, the second kills."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType

Action = Callable[[], None]


class Stop:
    """Whether this process was asked to stop. Safe from any thread and from signal handlers."""

    def __init__(self) -> None:
        # No threading.Event: its lock is not reentrant, and a signal handler that interrupts `wait`
        # in the moment it is held would never return. SimpleQueue.put is made for that.
        self._asked = False
        self._waker: SimpleQueue[None] = SimpleQueue()
        self._actions: deque[Action] = deque()
        self.signal_number: int | None = None

    def ask(self) -> None:
        """Ask for a stop; wakes every `wait` and runs each action of `on_ask` once."""
        if not self._asked:
            self._asked = True
            self._waker.put(None)
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
        try:
            self._waker.get(timeout=max(0.0, seconds))
        except Empty:
            return self._asked
        self._waker.put(None)  # for whoever else waits
        return True


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
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
