"""The road in: rows by binary COPY, straight into the partitioned table, or by a staging table when
some of them are there already."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import psycopg

from apistatus.errors import RowRejected
from apistatus.postgres import sql_states
from apistatus.postgres.connect import Connection
from apistatus.postgres.rows import TYPES, Row, first_of_each_tick
from apistatus.postgres.sql_states import Meaning
from apistatus.postgres.statements import statement

# `COPY results, line 12, column value`; the word for "line" is in the server's language.
_COPY_LINE: Final = re.compile(r"^COPY \w+, \D*?(\d+)", re.MULTILINE)
_STAGED_TYPES: Final = (*TYPES, "int4")


def copy_direct(connection: Connection, rows: Sequence[Row]) -> None:
    """Write the rows. Raises psycopg's UniqueViolation when one is there already, and RowRejected."""
    _copy(connection, "results_copy", TYPES, rows, range(len(rows)))


def copy_staged(connection: Connection, rows: Sequence[Row]) -> list[Row]:
    """Write the rows that are new or improve the one that is there; gives these back. Raises RowRejected."""
    chosen = first_of_each_tick(rows)
    numbered = [(*rows[index], ordinal) for ordinal, index in enumerate(chosen)]
    _copy(connection, "staging_copy", _STAGED_TYPES, numbered, chosen)
    idle = {row[0] for row in connection.execute(statement("staging_merge")).fetchall()}
    return [rows[index] for ordinal, index in enumerate(chosen) if ordinal not in idle]


def _copy(
    connection: Connection, name: str, types: Sequence[str], rows: Sequence[Row], indexes: Sequence[int]
) -> None:
    """COPY the rows; `indexes[n]` is the number of the n-th in the batch, for RowRejected."""
    row: Row = ()
    try:
        with connection.cursor().copy(statement(name)) as copy:
            copy.set_types(types)
            write_row = copy.write_row
            for row in rows:
                write_row(row)
    except UnicodeEncodeError as error:
        raise RowRejected(indexes[rows.index(row)], f"no valid Unicode: {error.reason}") from error
    except psycopg.Error as error:
        line = _COPY_LINE.search(error.diag.context or "")
        poison = sql_states.meaning(error) is Meaning.POISON and not sql_states.is_missing_partition(error)
        if poison and line:
            raise RowRejected(indexes[int(line[1]) - 1], sql_states.describe(error)) from error
        raise
