"""How many processors there are for us."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from apistatus.settings.quantities import whole_number

MOST: Final = 256
# cgroup v2: "$QUOTA $PERIOD" in microseconds, or "max $PERIOD"; Documentation/admin-guide/cgroup-v2.rst of Linux.
_LIMIT: Final = Path("/sys/fs/cgroup/cpu.max")


def processes(text: str) -> int:
    """A number of processes, or `auto`. Raises ValueError with half a sentence for people."""
    return available() if text.lower() == "auto" else whole_number(text, 1, MOST)


def available(limit: Path = _LIMIT) -> int:
    """Processors that this process may run on, by affinity and by its container's limit, rounded up."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = limit.read_text().split()
        count = min(count, -(-int(quota) // int(period)))
    except (OSError, ValueError):  # no limit is said here, or none at all
        pass
    return max(1, min(count, MOST))
