"""The spool's file as the spool uses it: a fault of disk or file is dealt with, never raised."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

from apistatus.ports import Clock
from apistatus.runtime.logs import Events, OncePerMinute
from apistatus.spool import files
from apistatus.spool.database import Database, Totals
from apistatus.spool.dropping import DropReport
from apistatus.spool.entries import Row, is_whole
from apistatus.spool.reserve import RESERVE_BYTES, Reserve

T = TypeVar("T")
log = Events("spool")

_REMOVED_AT_MOST = 100_000
"""Entries of a file that cannot be written, sent and waiting to be deleted; beyond it is read no more."""


class Disk:
    """One file that may be away, full, read-only or damaged, kept within `max_bytes`. Not thread-safe."""

    def __init__(self, path: Path, clock: Clock, dropped: DropReport, *, max_bytes: int) -> None:
        self._path = path
        self._clock = clock
        self._dropped = dropped
        self._max_bytes = max_bytes
        self._reserve = Reserve(path.with_suffix(".reserve"), min(RESERVE_BYTES, max_bytes))
        self._once = OncePerMinute()
        self._database: Database | None = None
        """What can be read; open even while nothing can be written."""
        self._removed: set[int] = set()
        """Entries that were sent while the file could not be written."""
        self.failure: str | None = None
        """Why the file takes nothing; None: it does."""

    @property
    def is_open(self) -> bool:
        return self._database is not None

    @property
    def totals(self) -> Totals:
        """What the file holds; nothing while it cannot be opened."""
        return self._database.totals if self._database else Totals()

    @property
    def newest(self) -> tuple[int, int]:
        """Id and `spooled_us` of the newest row when the file was opened; zeros without one."""
        return (self._database.last_id, self._database.last_spooled_us) if self._database else (0, 0)

    def open(self) -> None:
        """Opens or makes the file. Raises sqlite3.Error, OSError."""
        self._database = files.open_or_renew(self._path, self._clock.wall_us())
        try:
            self._reserve.hold()
        except OSError as error:
            # What the file holds can be read and sent all the same.
            self.fail(error)

    def insert(self, rows: Sequence[Row]) -> bool:
        """Add rows, and drop the oldest beyond the bound; False: nothing was added."""

        def insert(database: Database) -> bool:
            self._change(database, lambda: database.insert(rows))
            return True

        return self._attempt(insert, otherwise=False)

    def move_in(self, rows: Sequence[Row]) -> bool:
        """As `insert`, after a failure: with what could not be deleted meanwhile. No rows are a test."""

        def change(database: Database) -> None:
            database.delete(self._removed)
            database.insert(rows)

        def move(database: Database) -> bool:
            self._reserve.hold()
            self._change(database, lambda: change(database))
            self._removed.clear()
            return True

        return self._attempt(move, otherwise=False)

    def remove(self, ids: Collection[int]) -> None:
        """Delete rows; they are not read again, even when that fails."""

        def delete(database: Database) -> bool:
            with database.transaction():
                database.delete(self._removed.union(ids))
            self._removed.clear()
            database.shrink()
            return True

        if not self._attempt(delete, otherwise=False):
            self._removed.update(ids)

    def read(self, limit: int, after_id: int) -> list[Row]:
        """The first whole rows behind an id, oldest first; what is damaged is dropped and counted."""
        rows: list[Row] = []
        if len(self._removed) > _REMOVED_AT_MOST:
            return rows
        while len(rows) < limit and (found := self._read_some(limit - len(rows), after_id)):
            after_id = found[-1].id
            damaged = [row.id for row in found if not is_whole(row)]
            if damaged:
                self._drop_damaged(damaged)
            rows += [row for row in found if row.id not in self._removed and row.id not in damaged]
        return rows

    def oldest_created_us(self) -> int | None:
        """`created_us` of the oldest row."""
        oldest = self._attempt(lambda database: database.oldest(), otherwise=None)
        return oldest[0] if oldest else None

    def cap(self, spooled_before_us: int) -> None:
        """Drop what was spooled before that time or is beyond the bound."""

        def cap(database: Database) -> None:
            oldest = database.oldest()
            is_old = oldest is not None and oldest[1] < spooled_before_us
            if is_old or database.totals.bytes > self._max_bytes or self._dropped.unsaved != (0, 0):
                self._change(database, lambda: None, spooled_before_us)

        self._attempt(cap, otherwise=None)

    def sync(self) -> bool:
        """Bring every commit to the disk; whether that worked."""

        def sync(database: Database) -> bool:
            database.sync()
            return True

        return self._attempt(sync, otherwise=False)

    def fail(self, error: Exception) -> None:
        """Remember why the file takes nothing, and make room for deleting what is sent."""
        self.failure = f"{self._path}: {error}"
        self._reserve.release()
        if self._database is not None:
            self._database.write_back()
        if self._once.admits("degraded") is not None:
            log.error("spool.degraded", cause=self.failure, now="new entries are kept in memory only")

    def mend(self) -> None:
        """The file takes entries again."""
        if self.failure is not None and self._once.admits("mended") is not None:
            log.warning("spool.mended", file=str(self._path), was=self.failure)
        self.failure = None

    def follow(self) -> None:
        """Write a file anew that was removed or replaced under us: it would be gone when we end."""
        if self._database is None:
            return
        try:
            if not self._is_in_place(self._database):
                self._database = files.move_back(self._database, self._clock.wall_us())
        except (sqlite3.Error, OSError) as error:
            self.fail(error)

    def close(self) -> None:
        """Free the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _change(self, database: Database, change: Callable[[], object], spooled_before_us: int = 0) -> None:
        """One transaction: a change, the caps, and what was dropped outside the file before."""
        old = full = (0, 0)
        with database.transaction():
            change()
            database.count_dropped(*self._dropped.unsaved)
            if spooled_before_us:
                old = database.drop_oldest(spooled_before_us=spooled_before_us)
            if (excess_bytes := database.totals.bytes - self._max_bytes) > 0:
                full = database.drop_oldest(excess_bytes=excess_bytes)
        self._dropped.saved()
        self._dropped.note("too_old", *old)
        self._dropped.note("full", *full)

    def _read_some(self, limit: int, after_id: int) -> list[Row]:
        return self._attempt(lambda database: database.read(limit, after_id), otherwise=[])

    def _drop_damaged(self, ids: list[int]) -> None:
        def drop(database: Database) -> None:
            with database.transaction():
                entries, size_bytes = database.delete(ids)
                database.count_dropped(entries, size_bytes)
            self._dropped.note("damaged", entries, size_bytes)

        self._attempt(drop, otherwise=None)

    def _attempt(self, work: Callable[[Database], T], *, otherwise: T) -> T:
        """`work` on the file; once more when the file was damaged and is new now; else `otherwise`."""
        for _ in range(2):
            if self._database is None:
                break
            try:
                return work(self._database)
            except (sqlite3.Error, OSError) as error:
                if not files.is_damage(error):
                    self.fail(error)
                    break
                self._renew(self._database, error)
        return otherwise

    def _is_in_place(self, database: Database) -> bool:
        try:
            return self._path.stat().st_ino == database.inode
        except FileNotFoundError:
            return False

    def _renew(self, damaged: Database, error: Exception) -> None:
        self._database = None
        try:
            damaged.close()
            self._database = files.set_aside(self._path, self._clock.wall_us(), error)
        except (sqlite3.Error, OSError) as reason:
            self.fail(reason)
