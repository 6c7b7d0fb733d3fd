"""Stopping in three stages: the first signal asks, the grace finishes what is open, the second kills."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Action = Callable[[], None]


class Stop:
    """Whether this process was asked to stop. Safe from any thread and from signal handlers."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._actions: list[Action] = []
        self.signal_number: int | None = None

    def ask(self) -> None:
        """Ask for a stop; wakes every `wait` and runs each action of `on_ask` once."""
        if self._event.is_set():
            return
        self._event.set()
        for action in self._actions:
            action()

    def on_ask(self, action: Action) -> None:
        """Run `action` when a stop is asked for (now, if it was already); it must not block."""
        if self._event.is_set():
            action()
        else:
            self._actions.append(action)

    @property
    def asked(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait so long at the most; True as soon as a stop is asked for."""
        return self._event.wait(seconds)


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
