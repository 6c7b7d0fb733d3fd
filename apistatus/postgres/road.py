"""The road in: rows by binary COPY, straight into the partitioned table; by a staging table those
among which some are there already."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

import psycopg
from psycopg.copy import LibpqWriter

from apistatus.errors import RowRejected
from apistatus.ports import Batch
from apistatus.postgres import sql_states
from apistatus.postgres.connect import Connection
from apistatus.postgres.rows import TYPES, Expiry, Ids, Row, first_of_each_tick
from apistatus.postgres.sql_states import Meaning
from apistatus.postgres.statements import statement

# `COPY results, line 12, column value`; the word for "line" is in the server's language.
_COPY_LINE: Final = re.compile(r"^COPY \w+, \D*?(\d+)", re.MULTILINE)
_STAGED_TYPES: Final = (*TYPES, "int4")
AT_ONCE: Final = 2_000
"""Rows that go another way together when one of them is there already."""
_FAILURES: Final = 2
"""After so many in a row that are not new the rest is taken for a replay, in which few are."""


class DirectCopy:
    """The results of a batch on their way straight into the table: PostgreSQL works on what it has while
    more are written.

    What it refuses is told by `finish` at the latest: RowRejected, and psycopg's UniqueViolation when
    a row is there already.
    """

    def __init__(self, connection: Connection, batch: Batch) -> None:
        """Open a transaction and the COPY in it."""
        self.batch = batch
        self.rows: list[Row] = []
        self.hours: set[int] = set()
        self.certificates: dict[Ids, Expiry] = {}
        connection.execute("begin")
        self._open = ExitStack()
        cursor = connection.cursor()
        self._copy = self._open.enter_context(
            cursor.copy(statement("results_copy"), writer=_QuietWriter(cursor))
        )
        self._copy.set_types(TYPES)

    def write(self, rows: Sequence[Row]) -> None:
        """Send these behind those that were written before."""
        first = len(self.rows)
        self.rows += rows
        with _naming_the_row(range(len(self.rows))):
            _write(self._copy, rows, range(first, len(self.rows)))

    def finish(self) -> None:
        """Wait until PostgreSQL has taken them all. The transaction stays open."""
        with _naming_the_row(range(len(self.rows))):
            self._open.close()

    def abandon(self) -> None:
        """End it without any of them; the transaction is to be rolled back."""
        # Left by an exception, psycopg's block tells the server that the COPY has failed.
        with suppress(_Abandoned), self._open:
            raise _Abandoned


class _Abandoned(Exception):
    """Leaves a block."""


class _QuietWriter(LibpqWriter):
    """Does not warn of a COPY that cannot be taken back: the rollback that follows tells why."""

    def finish(self, exc: BaseException | None = None) -> None:
        if exc is None:
            super().finish()
            return
        with suppress(psycopg.Error):  # `exc`, which is on its way, says why; this is the answer to it
            super().finish(exc)


def copy_carefully(connection: Connection, rows: Sequence[Row]) -> list[Row]:
    """Write the rows that are new or improve the one that is there; gives these back. Raises RowRejected.

    So many at a time: only those among which one is not new take the longer way.
    """
    chosen = first_of_each_tick(rows)
    staged: list[int] = []
    failures = 0
    for first in range(0, len(chosen), AT_ONCE):
        indexes = chosen[first : first + AT_ONCE]
        if failures < _FAILURES and _copy_new(connection, [rows[index] for index in indexes], indexes):
            failures = 0
        else:
            failures += 1
            staged += indexes
    idle = _copy_staged(connection, rows, staged) if staged else set()
    return [rows[index] for index in chosen if index not in idle]


def _copy_new(connection: Connection, rows: Sequence[Row], indexes: Sequence[int]) -> bool:
    """Write these straight into the table; False, and none of them is written, when one is there already."""
    connection.execute("savepoint before_these")
    try:
        with _naming_the_row(indexes), connection.cursor().copy(statement("results_copy")) as copy:
            copy.set_types(TYPES)
            _write(copy, rows, indexes)
    except psycopg.errors.UniqueViolation:
        connection.execute("rollback to before_these")
        return False
    connection.execute("release before_these")
    return True


def _copy_staged(connection: Connection, rows: Sequence[Row], indexes: Sequence[int]) -> set[int]:
    """Write the rows of these indexes by the staging table; which of them changed nothing."""
    numbered = [(*rows[index], index) for index in indexes]
    with _naming_the_row(indexes), connection.cursor().copy(statement("staging_copy")) as copy:
        copy.set_types(_STAGED_TYPES)
        _write(copy, numbered, indexes)
    return {row[0] for row in connection.execute(statement("staging_merge")).fetchall()}


def _write(copy: psycopg.Copy, rows: Sequence[Row], indexes: Sequence[int]) -> None:
    """Write the rows; `indexes[n]` is the number of the n-th in the batch, for RowRejected."""
    row: Row = ()
    write_row = copy.write_row
    try:
        for row in rows:
            write_row(row)
    except UnicodeEncodeError as error:
        raise RowRejected(indexes[rows.index(row)], f"no valid Unicode: {error.reason}") from error


@contextmanager
def _naming_the_row(indexes: Sequence[int]) -> Iterator[None]:
    """RowRejected in place of psycopg's error where PostgreSQL names the line that it refuses."""
    try:
        yield
    except psycopg.Error as error:
        line = _COPY_LINE.search(error.diag.context or "")
        poison = sql_states.meaning(error) is Meaning.POISON and not sql_states.is_missing_partition(error)
        if poison and line:
            raise RowRejected(indexes[int(line[1]) - 1], sql_states.describe(error)) from error
        raise
