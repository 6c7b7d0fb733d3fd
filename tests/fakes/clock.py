"""Time that moves only when somebody waits for it."""

from __future__ import annotations

import asyncio
import heapq
import itertools

NOW_US = 1_800_000_000_000_000
"""Where every virtual clock starts: 15 January 2027, 08:00 UTC."""


class VirtualClock:
    """`ports.Clock`: when every task waits, time jumps to where the first of them wants to be woken.

    `now_ns` may be moved by hand too, for code that does not wait on a loop. Needs asyncio's own
    event loop: that nothing else is ready to run is seen in its queue. One at a time in a loop.
    """

    def __init__(self) -> None:
        self.now_ns = 0
        self.wall_step_us = 0
        """How far somebody has set the wall clock."""
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._number = itertools.count()
        self._watching = False

    def wall_us(self) -> int:
        return NOW_US + self.now_ns // 1000 + self.wall_step_us

    def mono_ns(self) -> int:
        return self.now_ns

    async def sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        until_ns = self.now_ns + max(0, round(seconds * 1e9))
        heapq.heappush(self._sleepers, (until_ns, next(self._number), woken))
        if not self._watching:
            self._watching = True
            loop.call_soon(self._advance, loop)
        await woken

    def _advance(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        if not self._sleepers:
            self._watching = False
            return
        if not loop._ready:  # nobody else can run: time may pass
            until_ns, _number, woken = heapq.heappop(self._sleepers)
            self.now_ns = max(self.now_ns, until_ns)
            woken.set_result(None)
        loop.call_soon(self._advance, loop)
