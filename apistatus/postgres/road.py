"""The road in: rows by binary COPY, straight into the partitioned table; by a staging table those
that are there already."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, islice
from typing import ClassVar, Final

import psycopg
from psycopg.copy import LibpqWriter

from apistatus.errors import RowRejected
from apistatus.ports import Batch
from apistatus.postgres import sql_states
from apistatus.postgres.connect import Connection
from apistatus.postgres.rows import (
    CHECK,
    LOCATION,
    TICK,
    TYPES,
    Ids,
    Row,
    first_of_each_tick,
    tick_of_check,
)
from apistatus.postgres.sql_states import Meaning
from apistatus.postgres.state import Folds
from apistatus.postgres.statements import statement

_Numbered = tuple[int, Row]
"""A row behind its number in the batch."""

# `COPY results, line 12, column value`; the word for "line" is in the server's language.
_COPY_LINE: Final = re.compile(r"^COPY \w+, \D*?(\d+)", re.MULTILINE)
_STAGED_TYPES: Final = (*TYPES, "int4")
_NEVER: Final = -(2**63)


class _Copy:
    """A binary COPY that more rows can be written into: PostgreSQL works on what it has meanwhile."""

    def __init__(self, copy: psycopg.Copy) -> None:
        self._write_row = copy.write_row
        self.indexes: list[Sequence[int]] = []
        """The numbers in the batch of the rows that were written, in their order."""

    def write(self, rows: Sequence[Row], indexes: Sequence[int]) -> None:
        """Send these behind those that were written before; `indexes[n]` is the n-th's number in the batch."""
        self.indexes.append(indexes)
        row: Row = ()
        write_row = self._write_row
        try:
            for row in rows:
                write_row(row)
        except UnicodeEncodeError as error:
            raise RowRejected(indexes[rows.index(row)], f"no valid Unicode: {error.reason}") from error


@contextmanager
def _copying(connection: Connection, into: str, types: Sequence[str] = TYPES) -> Iterator[_Copy]:
    """Until its end, which waits until PostgreSQL has taken all rows; left by an exception, the COPY has failed.

    Raises RowRejected where PostgreSQL names the row that it refuses, and psycopg's UniqueViolation.
    """
    cursor = connection.cursor()
    written = None
    try:
        with cursor.copy(statement(into), writer=_QuietWriter(cursor)) as copy:
            copy.set_types(types)
            yield (written := _Copy(copy))
    except psycopg.Error as error:
        poison = sql_states.meaning(error) is Meaning.POISON and not sql_states.is_missing_partition(error)
        line = _line(error) if poison else None
        if line is None or written is None:
            raise
        index = next(islice(chain(*written.indexes), line, None))
        raise RowRejected(index, sql_states.describe(error)) from error


def _line(error: psycopg.Error) -> int | None:
    """Which row of a COPY PostgreSQL names, counted from zero; None when it names none."""
    line = _COPY_LINE.search(error.diag.context or "")
    return None if line is None else int(line[1]) - 1


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


class DirectCopy:
    """The results of a batch on their way straight into the table.

    What PostgreSQL refuses is told by `finish` at the latest, as `_copying` does.
    """

    _BEGIN: ClassVar[bytes] = b"begin"

    def __init__(self, connection: Connection, batch: Batch) -> None:
        """Open a transaction and the COPY in it."""
        self.batch = batch
        self.count = 0
        """So many rows were given."""
        self.folds = Folds()
        """What those that were sent come to; kept by whoever gives them."""
        connection.execute(self._BEGIN)
        self._open = ExitStack()
        self._copy = self._open.enter_context(_copying(connection, "results_copy"))

    def write(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Send these behind those that were written before; gives back which were sent."""
        self._copy.write(rows, range(self.count, self.count + len(rows)))
        self.count += len(rows)
        return rows

    def finish(self) -> Sequence[Row] | None:
        """Wait until PostgreSQL has taken them all. The transaction stays open. Gives back the rows that count
        instead of those that were sent, if it is not these."""
        self._open.close()
        return None

    def abandon(self) -> None:
        """End it without any of them; the transaction is to be rolled back."""
        # Left by an exception, psycopg's block tells the server that the COPY has failed.
        with suppress(_Abandoned), self._open:
            raise _Abandoned


class CarefulCopy(DirectCopy):
    """The same where some may be there already.

    What is newer than the tick last seen of its check is taken for new and goes straight into the table. The rest
    goes by the staging table at the end, and so does all of it when one was not new. What counts are rows that are
    new or improve the one that was there.
    """

    _BEGIN: ClassVar[bytes] = b"begin; savepoint before_these"

    def __init__(self, connection: Connection, batch: Batch, seen: dict[Ids, int]) -> None:
        """`seen` moves on with the rows."""
        super().__init__(connection, batch)
        self._connection, self._seen = connection, seen
        self._sent: list[_Numbered] = []
        self._aside: list[_Numbered] = []

    def write(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Send those that are new behind those that were written before; gives back which were sent."""
        seen, sent = self._seen, []
        numbers: list[int] = []
        for number, row in enumerate(rows, self.count):
            of = row[CHECK], row[LOCATION]
            if row[TICK] > seen.get(of, _NEVER):
                seen[of] = row[TICK]
                sent.append(row)
                numbers.append(number)
            else:
                self._aside.append((number, row))
        self.count += len(rows)
        self._sent += zip(numbers, sent, strict=True)
        self._copy.write(sent, numbers)
        return sent

    def finish(self) -> Sequence[Row] | None:
        """Wait until PostgreSQL has taken them; gives back which count, if not those that were sent."""
        is_new = True
        try:
            super().finish()
        except psycopg.errors.UniqueViolation:
            is_new = False
            self._connection.execute("rollback to before_these")
        # What follows is to be written by the transaction itself, whose rows are told apart by its number.
        self._connection.execute("release before_these")
        if not is_new:
            return _stage(self._connection, sorted([*self._sent, *self._aside]))
        better = _stage(self._connection, self._aside) if self._aside else []
        if not better:
            return None
        # What one of them has replaced may have been written by this very batch.
        ticks = set(map(tick_of_check, better))
        return [row for _, row in self._sent if tick_of_check(row) not in ticks] + better


def _stage(connection: Connection, rows: Sequence[_Numbered]) -> list[Row]:
    """Write these by the staging table; gives back those that have changed something."""
    chosen = [rows[number] for number in first_of_each_tick([row for _, row in rows])]
    with _copying(connection, "staging_copy", _STAGED_TYPES) as copy:
        copy.write([(*row, number) for number, row in chosen], [number for number, _ in chosen])
    idle = {row[0] for row in connection.execute(statement("staging_merge")).fetchall()}
    return [row for number, row in chosen if number not in idle]
