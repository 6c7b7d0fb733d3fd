"""A spool on a virtual clock, and ways to break the disk under it that SQLite itself reports."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from apistatus.spool.entries import Entry
from apistatus.spool.store import Spool
from tests.fakes.clock import NOW_US, VirtualClock

START_US = NOW_US
MIB = 1024 * 1024


class Bench:
    """One folder, one clock, and the spool that is open on them."""

    def __init__(
        self, folder: Path, *, max_bytes: int = 64 * MIB, max_age_s: float = 86_400,
        memory_bytes: int = MIB, wall_step_s: float = 0,
    ) -> None:  # fmt: skip
        self.folder, self.clock = folder, VirtualClock()
        self._caps = {"max_bytes": max_bytes, "max_age_s": max_age_s, "memory_bytes": memory_bytes}
        self.set_wall(wall_step_s)
        self._opened: list[Spool] = []
        self.spool = self.open()

    def open(self) -> Spool:
        self._opened.append(Spool(self.folder, clock=self.clock, **self._caps))
        return self._opened[-1]

    def close(self) -> None:
        for spool in self._opened:
            spool.close()

    def pass_s(self, seconds: float) -> None:
        self.clock.now_ns += int(seconds * 1e9)

    def set_wall(self, step_s: float) -> None:
        self.clock.wall_step_us += int(step_s * 1e6)

    def restart(self) -> None:
        self.spool.close()
        self.spool = self.open()

    def add(self, *numbers: int) -> list[int]:
        return self.spool.append([entry(number) for number in numbers])

    def numbers(self) -> list[int]:
        """Of everything that waits, in the order in which it would be sent."""
        return [int(each.key) for _, each in self.spool.oldest(1_000_000)]

    def pragma(self, text: str) -> None:
        pragma(self.spool, text)


MakeBench = Callable[..., Bench]


def pragma(spool: Spool, text: str) -> None:
    """Change how SQLite treats the open file: `query_only=1` refuses writes with SQLITE_READONLY,
    `max_page_count=1` with SQLITE_FULL."""
    database = spool._disk._database
    assert database is not None
    database._connection.execute(f"PRAGMA {text}").fetchall()


def entry(number: int, size_bytes: int = 400) -> Entry:
    return Entry(b"%d" % number, b"v" * size_bytes, (), START_US + number)


def messages(caplog: object, event: str) -> list[dict[str, object]]:
    """Fields of every line of the log with this event."""
    records: list[logging.LogRecord] = caplog.records
    return [record.fields for record in records if record.getMessage() == event]
