"""Memory and descriptors of processes while they run, from /proc."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Self

_PERIOD_S = 1.0
_SETTLED_S = 4.0
"""Older samples are of a process that has begun its work."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
GROWTH_MAX_BYTES = 64 * 2**20
"""More between the first third of a run and its end is not flat. A batch of 10,000 rows takes 25 MB."""
DESCRIPTORS_MAX = 12


class Watch:
    """Samples every process that was added, each second."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._samples: dict[int, list[tuple[float, int, int]]] = defaultdict(list)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def add(self, pid: int, name: str) -> None:
        self._names[pid] = name

    def findings(self) -> list[str]:
        """What was not flat, as sentences; processes that ran for a few seconds only say nothing."""
        found = []
        for pid, name in self._names.items():
            samples = list(self._samples[pid])
            settled = [sample for sample in samples if sample[0] - samples[0][0] >= _SETTLED_S]
            if len(settled) < 9:
                continue
            first, last = settled[: len(settled) // 3], settled[-3:]
            more_fds = min(fds for _, fds, _ in last) - max(fds for _, fds, _ in first)
            more_bytes = min(rss for *_, rss in last) - max(rss for *_, rss in first)
            if more_fds > DESCRIPTORS_MAX:
                found.append(f"{name}: {more_fds} descriptors more at the end than in the first third")
            if more_bytes > GROWTH_MAX_BYTES:
                found.append(f"{name}: {more_bytes >> 20} MiB more at the end than in the first third")
        return found

    def figures(self) -> dict[str, dict[str, int]]:
        """By process: most descriptors and most memory."""
        return {
            self._names[pid]: {
                "descriptors": max(fds for _, fds, _ in samples),
                "rss_mib": max(rss for *_, rss in samples) >> 20,
            }
            for pid, samples in self._samples.items()
            if samples
        }

    def _run(self) -> None:
        while not self._over.wait(_PERIOD_S):
            for pid in list(self._names):
                sample = _sample(pid)
                if sample is not None:
                    self._samples[pid].append((time.monotonic(), *sample))


def _sample(pid: int) -> tuple[int, int] | None:
    """Descriptors and resident bytes; None for a process that has ended."""
    try:
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
        fds = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except (OSError, IndexError):
        return None
    return (fds, resident) if resident else None
