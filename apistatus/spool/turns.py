"""The thread in which a spool is written, emptied and sent from, turn by turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from apistatus.runtime.logs import Events, OncePerMinute

log = Events("spool")

TURN_S: Final = 0.2
"""From one turn to the next, when nobody asks for one."""
_GROUP_S: Final = 0.01
"""How long messages are collected for one commit."""


class Turns:
    """Calls `step` in a thread of its own, at a word or after a while, from `start` to `end`."""

    def __init__(self, step: Callable[[], None]) -> None:
        self._step = step
        self._wake, self._over = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._once = OncePerMinute()

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """There is something to do: make the next turn soon."""
        self._wake.set()

    def end(self, within_s: float) -> None:
        """No turn begins any more; wait for the one that is under way, but not longer than this."""
        self._over.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(within_s)

    @property
    def are_over(self) -> bool:
        """Whether `end` was called."""
        return self._over.is_set()

    @property
    def have_begun(self) -> bool:
        """Whether `start` was called."""
        return self._thread is not None

    @property
    def hang(self) -> bool:
        """Whether the thread still runs, which after `end` means a turn that took too long."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        while not self._over.is_set():
            if self._wake.wait(TURN_S):
                self._wake.clear()
                time.sleep(_GROUP_S)
            try:
                self._step()
            except Exception as error:  # noqa: BLE001 - a defect must not end the keeping of all that follows
                if self._once.admits(type(error).__name__) is not None:
                    log.error("spool.defect", cause=f"{type(error).__name__}: {error}")
