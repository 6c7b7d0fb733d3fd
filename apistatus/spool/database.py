"""One spool file: an SQLite database in WAL mode behind one connection that locks every other out.

`synchronous=NORMAL`: a commit writes to the log and leaves it to the system to bring it to the disk.
So whatever happens to the process (SIGKILL, OOM), nothing committed is lost; after a power cut or a
crash of the system the file is whole, but commits since the last `sync` or checkpoint may be gone.
FULL would wait for the disk in every commit: in the thread that serves Kafka, for a loss that
`sync`, once a second before the schedule's watermark is kept, turns into ticks known as missed.

Locked for itself alone (`locking_mode=EXCLUSIVE`) the log needs no shared memory, a second process
is refused, and the faults of several connections on one log cannot occur.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from apistatus.spool.entries import Row

FORMAT = 1
"""Kept in `user_version`; a file with another one is not read."""

_PAGE_BYTES = 8192
"""Results of 400 to 500 bytes fill such pages to 97 % (4096: 90 %)."""
_CHECKPOINT_PAGES = 1000
_SHRINK_BYTES = 8 * 1024 * 1024
"""An emptied file larger than this is given back to the disk."""
_STEP_ROWS = (256, 16, 1)
"""Rows of one INSERT. Each statement gives the interpreter lock away: few large ones keep the pace
beside a busy thread (13,000 rows a second instead of 2,000)."""
_DROP_STEP = 64

_OLDEST = "SELECT id, spooled_us, created_us FROM entries ORDER BY id LIMIT 1"
_NEWEST = "SELECT id, spooled_us, created_us FROM entries ORDER BY id DESC LIMIT 1"
_RISING = "SELECT * FROM entries WHERE id BETWEEN ? AND ? ORDER BY id"
_FALLING = "SELECT * FROM entries WHERE id BETWEEN ? AND ? ORDER BY id DESC"
_INSERT = "INSERT INTO entries VALUES "
_ROW = "(?,?,?,?,?,?,?,?)"

_TABLES = """
CREATE TABLE IF NOT EXISTS entries (
  id INTEGER PRIMARY KEY, created_us INTEGER NOT NULL, spooled_us INTEGER NOT NULL,
  cost_bytes INTEGER NOT NULL, crc INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, headers BLOB);
CREATE TABLE IF NOT EXISTS totals (
  one INTEGER PRIMARY KEY CHECK (one = 1), entries INTEGER NOT NULL, bytes INTEGER NOT NULL,
  dropped_entries INTEGER NOT NULL, dropped_bytes INTEGER NOT NULL);
INSERT OR IGNORE INTO totals VALUES (1, 0, 0, 0, 0);
"""


class NotASpool(sqlite3.DatabaseError):
    """A file that SQLite can read and that is no spool of this version."""


@dataclass(slots=True)
class Totals:
    """What the file holds and what was ever dropped; kept in the file by every transaction."""

    entries: int = 0
    bytes: int = 0
    dropped_entries: int = 0
    dropped_bytes: int = 0


class Database:
    """The rows of one file. Not thread-safe; every method may raise sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file. Raises NotASpool, and sqlite3.OperationalError with SQLITE_BUSY
        when another process has it."""
        self.path = path
        self._named_on_disk = False
        self._connection = sqlite3.connect(path, timeout=0.5, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
            self.inode = path.stat().st_ino
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        run = self._connection.execute
        run("PRAGMA locking_mode=EXCLUSIVE")
        found = run("PRAGMA user_version").fetchone()[0]
        made_before = run("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
        if made_before and found != FORMAT:
            raise NotASpool(f"its format is {found}, this version reads {FORMAT}")
        if not made_before:
            # Not on a file with tables: there it would be a write, which a full disk refuses.
            run(f"PRAGMA page_size={_PAGE_BYTES}")
            run("PRAGMA auto_vacuum=INCREMENTAL")
        for pragma in (
            "journal_mode=WAL", "synchronous=NORMAL", f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
            f"journal_size_limit={_SHRINK_BYTES}",
        ):  # fmt: skip
            run(f"PRAGMA {pragma}")
        if not made_before:
            self._connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version={FORMAT}; COMMIT")
        row = run("SELECT entries, bytes, dropped_entries, dropped_bytes FROM totals").fetchone()
        if row is None or not all(type(number) is int and number >= 0 for number in row):
            raise NotASpool("its totals are damaged")
        self.totals = Totals(*row)
        first, last = self._row(_OLDEST), self._row(_NEWEST)
        if (first is None) != (self.totals.entries == 0):
            raise NotASpool("its totals do not fit its entries")
        self.last_id: int = last[0] if last else 0
        self.last_spooled_us: int = last[1] if last else 0

    def _row(self, sql: str) -> tuple[int, int, int] | None:
        found: tuple[int, int, int] | None = self._connection.execute(sql).fetchone()
        return found

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing; the totals go with it."""
        before = replace(self.totals)
        run = self._connection.execute
        try:
            run("BEGIN IMMEDIATE")
            yield
            now = self.totals
            run(
                "UPDATE totals SET entries = ?, bytes = ?, dropped_entries = ?, dropped_bytes = ?",
                (now.entries, now.bytes, now.dropped_entries, now.dropped_bytes),
            )
            run("COMMIT")
        except BaseException:
            self.totals = before
            if self._connection.in_transaction:
                run("ROLLBACK")
            raise

    def insert(self, rows: Sequence[Row]) -> None:
        """Inside a transaction: add rows whose ids are new."""
        at = 0
        for size in _STEP_ROWS:
            sql = _INSERT + ",".join([_ROW] * size)
            while len(rows) - at >= size:
                self._connection.execute(sql, [field for row in rows[at : at + size] for field in row])
                at += size
        self.totals.entries += len(rows)
        self.totals.bytes += sum(row.cost_bytes for row in rows)

    def read(self, limit: int, after_id: int) -> list[Row]:
        """The first rows behind an id, oldest first; whether they are whole is the reader's to test."""
        found = self._connection.execute(
            "SELECT * FROM entries WHERE id > ? ORDER BY id LIMIT ?", (after_id, limit)
        )
        return [Row(*row) for row in found.fetchall()]

    def scan(self, span: range, *, falling: bool) -> Iterator[tuple[Any, ...]]:
        """As the function `scan`, on this database."""
        return scan(self._connection, span, falling=falling)

    def delete(self, ids: Iterable[int]) -> tuple[int, int]:
        """Inside a transaction: remove the rows that are there; how many, and their bytes."""
        entries = size_bytes = 0
        for first, last in _runs(ids):
            span = (first, last)
            count, cost = self._connection.execute(
                "SELECT count(*), coalesce(sum(cost_bytes), 0) FROM entries WHERE id BETWEEN ? AND ?", span
            ).fetchone()
            if count:
                self._connection.execute("DELETE FROM entries WHERE id BETWEEN ? AND ?", span)
                entries += count
                size_bytes += cost
        self.totals.entries -= entries
        self.totals.bytes -= size_bytes
        return entries, size_bytes

    def drop_oldest(self, *, excess_bytes: int = 0, spooled_before_us: int = 0) -> tuple[int, int]:
        """Inside a transaction: drop and count the oldest rows, so many bytes of them at least, and all
        that were spooled before that time; how many were dropped, and their bytes."""
        entries = size_bytes = 0
        while True:
            excess = excess_bytes - size_bytes
            last_id = None
            found = self._connection.execute(
                "SELECT id, spooled_us, cost_bytes FROM entries ORDER BY id LIMIT ?", (_DROP_STEP,)
            ).fetchall()
            for entry_id, spooled_us, cost in found:
                if excess <= 0 and spooled_us >= spooled_before_us:
                    break
                excess -= cost
                last_id = entry_id
            if last_id is None:
                return entries, size_bytes
            count, cost = self.delete(range(found[0][0], last_id + 1))
            self.count_dropped(count, cost)
            entries += count
            size_bytes += cost

    def oldest(self) -> tuple[int, int] | None:
        """`created_us` and `spooled_us` of the oldest row."""
        row = self._row(_OLDEST)
        return (row[2], row[1]) if row is not None else None

    def count_dropped(self, entries: int, size_bytes: int) -> None:
        """Inside a transaction: add to what was ever dropped."""
        self.totals.dropped_entries += entries
        self.totals.dropped_bytes += size_bytes

    def sync(self) -> None:
        """Bring every commit so far to the disk. Raises OSError too."""
        # Only the log: closing a descriptor of the database itself would give up SQLite's lock on it.
        with suppress(FileNotFoundError):
            _sync(f"{self.path}-wal")
        if not self._named_on_disk:
            _sync(self.path.parent)
            self._named_on_disk = True

    def shrink(self) -> None:
        """Give an emptied file's room back to the disk, when it is worth the work."""
        if self.totals.entries:
            return
        free = self._connection.execute("PRAGMA freelist_count").fetchone()[0]
        if free * _PAGE_BYTES > _SHRINK_BYTES:
            # A script runs to its end; `execute` would free one page and stop.
            self._connection.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")

    def write_back(self) -> None:
        """Bring the log into the file and empty it, if the disk lets us."""
        with suppress(sqlite3.Error):  # then it stays in the log, where it is as safe
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Write the log into the file and free it."""
        self._connection.close()


def scan(connection: sqlite3.Connection, span: range, *, falling: bool) -> Iterator[tuple[Any, ...]]:
    """Rows of these ids, by rising or falling id, one by one as they are read: of a damaged file they
    come up to the damage, where sqlite3.DatabaseError is raised."""
    yield from connection.execute(_FALLING if falling else _RISING, (span.start, span.stop - 1))


def _sync(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _runs(ids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of each unbroken run: what is sent in order is removed in few statements."""
    if isinstance(ids, range):
        if ids:
            yield ids[0], ids[-1]
        return
    first = last = None
    for number in sorted(set(ids)):
        if first is None or last is None:
            first = last = number
        elif number == last + 1:
            last = number
        else:
            yield first, last
            first = last = number
    if first is not None and last is not None:
        yield first, last
