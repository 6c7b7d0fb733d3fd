"""How late an event loop comes to what is due: its lag."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")
_EVERY_S: Final = 0.1


class LoopLag:
    """A timer in the loop that notes how late it was called, and begins anew.

    A standstill longer than the time between two calls is seen in full, shorter ones by chance.
    """

    def __init__(self, observe: Callable[[float], object], loop: asyncio.AbstractEventLoop) -> None:
        """`observe` gets each lag in seconds."""
        self._observe = observe
        self._loop = loop
        self._due_s = 0.0
        self._timer = self._wait()

    def close(self) -> None:
        self._timer.cancel()

    def _wait(self) -> asyncio.TimerHandle:
        self._due_s = self._loop.time() + _EVERY_S
        return self._loop.call_at(self._due_s, self._look)

    def _look(self) -> None:
        # uvloop counts in milliseconds and may be early.
        self._observe(max(0.0, self._loop.time() - self._due_s))
        self._timer = self._wait()


async def watched(work: Coroutine[Any, Any, T], observe: Callable[[float], object]) -> T:
    """The result of `work`; meanwhile the lag of its loop is observed."""
    lag = LoopLag(observe, asyncio.get_running_loop())
    try:
        return await work
    finally:
        lag.close()
