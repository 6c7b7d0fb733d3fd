"""Messages that wait for the spool itself, in memory and bounded."""

from __future__ import annotations

from collections import deque
from typing import Final

from apistatus.spool.kept import Kept

WAITING_MAX_BYTES: Final = 32 * 2**20
"""More than a moment's worth wait only when the disk hangs."""


class Waiting:
    """Two queues under one limit. Not for two threads at once: its owner has a lock."""

    def __init__(self) -> None:
        self._bytes = 0
        self.fresh: deque[Kept] = deque()
        """To be written first, and sent then."""
        self.returned: deque[Kept] = deque()
        """Sent before, and given up by whom they were sent to."""

    def __len__(self) -> int:
        return len(self.fresh) + len(self.returned)

    def admits(self, kept: Kept, queue: deque[Kept]) -> bool:
        """Queue it, if there is room."""
        if self._bytes + kept.size_bytes > WAITING_MAX_BYTES:
            return False
        self._bytes += kept.size_bytes
        queue.append(kept)
        return True

    def taken(self) -> list[Kept]:
        """All of them, the fresh ones first; none is left."""
        all_of_them = [*self.fresh, *self.returned]
        self.fresh.clear()
        self.returned.clear()
        self._bytes = 0
        return all_of_them
