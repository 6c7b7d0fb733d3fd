"""Deadlines that an event loop which was held up does not turn against the target.

What came in time lies in the kernel; the loop looks at its timers first. So a timer that is late gives all
sockets one more look.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from types import TracebackType
from typing import Final, Self

LATE_S: Final = 0.005
"""A deadline's timer that is later than this shows that the loop was held up."""
LAST_LOOK_S: Final = 0.002


class Within:
    """`async with Within(deadline_s) as limit` raises TimeoutError past it (`time.monotonic`), a little later
    after the loop was held up."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._limit = asyncio.timeout(None)
        self._loop = asyncio.get_running_loop()

    @property
    def has_passed(self) -> bool:
        """Whether a TimeoutError that came out of the block was of this deadline."""
        return self._limit.expired()

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        self._set()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.cancel()
        await self._limit.__aexit__(kind, error, trace)

    def _set(self) -> None:
        self._handle = self._loop.call_later(max(0.0, self._deadline_s - monotonic()), self._expire)

    def _expire(self) -> None:
        late_s = monotonic() - self._deadline_s
        if late_s < 0.0:
            # uvloop counts in milliseconds, and is early as often as late.
            self._set()
        else:
            self._limit.reschedule(self._loop.time() + (LAST_LOOK_S if late_s > LATE_S else 0.0))
