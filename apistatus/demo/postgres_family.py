"""A process and its children, for killing all of them at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path


def children(pid: int) -> Iterator[int]:
    """Process ids of the children; none where there is no Linux /proc (PostgreSQL's end by themselves)."""
    for line in _lines(Path(f"/proc/{pid}/task/{pid}/children")):
        yield from map(int, line.split())


def is_alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    return any(line.startswith("State:") and "Z" not in line for line in _lines(Path(f"/proc/{pid}/status")))


def kill(pid: int) -> None:
    """SIGKILL; nothing when the process is gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return []
