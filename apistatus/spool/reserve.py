"""Room kept free beside the spool, so that a full disk can still be emptied.

Deleting needs room too: SQLite writes the change to its log first. A spool that had filled its volume
could never be drained again. So a file holds the room that a log needs to be written back; it is given
up when the disk is full, and new entries wait in memory until it can be taken again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

RESERVE_BYTES = 16 * 1024 * 1024
"""The log of one checkpoint (8 MiB, see `database`) and one large batch."""

_BLOCK_BYTES = 1024 * 1024


class Reserve:
    """A file of `size_bytes` that really takes its room."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def hold(self) -> None:
        """Take the room, if it is not taken already. Raises OSError when it is not there."""
        with suppress(FileNotFoundError):  # it is not taken yet
            if self._path.stat().st_size == self._size_bytes:
                return
        try:
            with self._path.open("wb") as file:
                _fill(file.fileno(), self._size_bytes)
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Give the room up, as far as the disk lets us."""
        with suppress(OSError):  # it stays taken: that costs room and no message
            self._path.unlink(missing_ok=True)


def _fill(descriptor: int, size_bytes: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size_bytes)
        return
    left = size_bytes
    while left > 0:
        left -= os.write(descriptor, bytes(min(left, _BLOCK_BYTES)))
