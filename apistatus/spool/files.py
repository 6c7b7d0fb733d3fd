"""A spool's files in its folder: opened, and set aside when they are damaged.

A damaged file is never written to again. What can be read of it is copied into a new file beside it
(`*.salvaged`), and only the complete copy takes its place, by renaming. Killed at any point, the next
start finds either the old file or the copy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from apistatus.runtime.logs import Events
from apistatus.spool.database import Database, Totals, scan
from apistatus.spool.entries import Row, is_whole

log = Events("spool")

KEPT_ASIDE = 3
"""So many damaged files are kept, the newest, so that a bad disk does not fill itself up."""

_COPY_ROWS = 1000
_PATIENT_STEPS = 64
_LOG = "-wal"

_ELSEWHERE = frozenset(
    {
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_INTERRUPT,
    }
)  # fmt: skip
"""Primary result codes (sqlite.org/rescode.html) that blame the disk, rights or another process."""


def is_damage(error: sqlite3.Error | OSError) -> bool:
    """Whether the file itself is at fault, so that another try would find the same.

    Raises the error again when it is neither: we used SQLite wrongly.
    """
    if isinstance(error, OSError):
        return False
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError):
        raise error
    return primary_code(error) not in _ELSEWHERE


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's result code without its extension; SQLITE_ERROR for an error of our own."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def open_or_renew(path: Path, wall_us: int) -> Database:
    """The database at `path`, made when missing, made anew when what is there is damaged.

    Raises sqlite3.Error or OSError when disk, rights or another process are in the way.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _finish_interrupted(path, wall_us)
    try:
        return Database(path)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        return set_aside(path, wall_us, error)


def set_aside(path: Path, wall_us: int, error: Exception) -> Database:
    """Replace the damaged file at `path` (closed by now) with what can be read of it, and open that."""
    with closing(sqlite3.connect(path, timeout=0.5, isolation_level=None)) as damaged:
        # Without shared memory, which a damaged log could not be trusted to agree with.
        with suppress(sqlite3.DatabaseError):
            damaged.execute("PRAGMA locking_mode=EXCLUSIVE")
        copied, lost = _copy(path, partial(scan, damaged), _totals_of(damaged))
    aside = _swap_in(path, wall_us)
    log.error(
        "spool.damaged", file=str(path), cause=str(error), set_aside=str(aside), salvaged=copied, lost=lost
    )
    _forget_others(path, aside)
    return Database(path)


def move_back(database: Database, wall_us: int) -> Database:
    """A new file for a database whose file was taken from under it, with all of its rows.

    Raises sqlite3.Error or OSError and leaves the database as it is.
    """
    path = database.path
    path.parent.mkdir(parents=True, exist_ok=True)
    copied, lost = _copy(path, database.scan, database.totals)
    _swap_in(path, wall_us)
    # Only now: closing removes the log by its name, which the new file has not taken yet.
    database.close()
    log.error("spool.file_vanished", file=str(path), written_again=copied, lost=lost)
    return Database(path)


class Scan(Protocol):
    """Reads the rows of a span of ids, as `database.scan`."""

    def __call__(self, span: range, *, falling: bool) -> Iterator[tuple[Any, ...]]: ...


def _totals_of(connection: sqlite3.Connection) -> Totals:
    with suppress(sqlite3.DatabaseError):  # damaged too: then nothing is known of them
        found = connection.execute("SELECT entries, bytes, dropped_entries, dropped_bytes FROM totals")
        row = found.fetchone()
        if row and all(type(number) is int and number >= 0 for number in row):
            return Totals(*row)
    return Totals()


def _copy(path: Path, read: Scan, before: Totals) -> tuple[int, int]:
    """Write every whole row into `*.salvaged`, what is missing counted as dropped; rows copied, lost."""
    work = _work_file(path)
    _unlink(work)
    try:
        with closing(Database(work)) as copy:
            rows: list[Row] = []
            for row in _readable(read):
                rows.append(row)
                if len(rows) == _COPY_ROWS:
                    with copy.transaction():
                        copy.insert(rows)
                    rows = []
            with copy.transaction():
                copy.insert(rows)
                copied, lost = copy.totals.entries, max(0, before.entries - copy.totals.entries)
                copy.count_dropped(before.dropped_entries, before.dropped_bytes)
                copy.count_dropped(lost, max(0, before.bytes - copy.totals.bytes))
    except BaseException:
        _unlink(work)
        raise
    return copied, lost


def _readable(read: Scan) -> Iterator[Row]:
    """Every whole row that can be read, each once: from the front up to the damage, from the back down
    to it, and what lies between by trying behind each place that fails."""
    low, high = 0, 2**63 - 1
    try:
        for row in read(range(low, high), falling=False):
            if is_whole(row) and row[0] >= low:
                low = row[0] + 1
                yield Row(*row)
        return
    except sqlite3.DatabaseError:
        pass
    with suppress(sqlite3.DatabaseError):  # the damage, met from behind
        for row in read(range(low, high), falling=True):
            if is_whole(row) and low <= row[0] < high:
                high = row[0]
                yield Row(*row)
    yield from _between(read, low, high)


def _between(read: Scan, low: int, high: int) -> Iterator[Row]:
    step, failed = 1, 0
    while low < high:
        try:
            for row in read(range(low, high), falling=False):
                if is_whole(row) and row[0] >= low:
                    low, step, failed = row[0] + 1, 1, 0
                    yield Row(*row)
            return
        except sqlite3.DatabaseError:
            failed += 1
            low += step
            if failed > _PATIENT_STEPS:
                step *= 2


def _work_file(path: Path) -> Path:
    return path.with_suffix(".salvaged")


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)
    _log_of(path).unlink(missing_ok=True)


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + _LOG)


def _swap_in(path: Path, wall_us: int) -> Path:
    """Rename what is at `path` aside and the finished copy into its place; where it went."""
    while (aside := _aside(path, wall_us)).exists():
        wall_us += 1
    # The log last: a log without its database is known for what it is, a copy beside it too.
    for old, new in ((path, aside), (_log_of(path), _log_of(aside)), (_work_file(path), path)):
        with suppress(FileNotFoundError):  # the database may have vanished, and its log be folded in
            old.rename(new)
    return aside


def _aside(path: Path, wall_us: int) -> Path:
    stamp = datetime.fromtimestamp(wall_us / 1e6, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return path.with_name(f"{path.stem}.corrupt-{stamp}")


def _finish_interrupted(path: Path, wall_us: int) -> None:
    """Put right what a kill in the middle of a renewal left behind."""
    if not _work_file(path).exists():
        return
    if path.exists():
        _unlink(_work_file(path))
    else:
        _swap_in(path, wall_us)


def _forget_others(path: Path, newest: Path) -> None:
    found = sorted(path.parent.glob(f"{path.stem}.corrupt-*"))
    # By name and not by rank, the newest: the wall clock, of which names are made, may be wrong.
    others = [name for name in found if not name.name.endswith(_LOG) and name != newest]
    for old in others[: 1 - KEPT_ASIDE]:
        log.warning("spool.set_aside_removed", file=str(old))
        _unlink(old)
