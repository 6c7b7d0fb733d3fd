"""The system's clock. The virtual one that unit tests use is in tests/fakes."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """`ports.Clock` on the machine's own clocks."""

    def wall_us(self) -> int:
        return time.time_ns() // 1000

    def mono_ns(self) -> int:
        return time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
