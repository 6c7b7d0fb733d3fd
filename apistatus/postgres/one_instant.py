"""Reading the database as it is at one instant, however long the reading takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from apistatus.errors import IncompatibleSchema
from apistatus.model.evidence import Gap, InForce
from apistatus.postgres import connect, schema_state, sql_states
from apistatus.postgres.connect import Connection
from apistatus.postgres.refusals import DatabaseMissing
from apistatus.postgres.rows import instant_of_unix, unix_us, unix_us_or_none
from apistatus.postgres.statements import statement
from apistatus.settings.schema import PostgresSettings


@contextmanager
def at_one_instant(settings: PostgresSettings) -> Iterator[Connection]:
    """A connection within one read-only, repeatable-read transaction, until the end of the block.

    Raises PostgresUnavailable, AccessRefused, IncompatibleSchema, also from within the block.
    """
    try:
        connection = connect.connect(settings, writes=False)
    except DatabaseMissing as error:
        raise IncompatibleSchema(str(error)) from error
    try:
        schema_state.require_fit(connection, settings.database)
        connection.execute("begin isolation level repeatable read, read only")
        yield connection
    except psycopg.Error as error:
        sql_states.raise_as_ours(error, connect.where(settings))
    finally:
        connection.close()


class Instant:
    """The database at one instant, `now_us`. Instants are UTC microseconds since 1970."""

    def __init__(self, connection: Connection, begin: str) -> None:
        """`begin` names the statement that sets the transaction up and ends in its `now()`."""
        self._connection = connection
        self.now_us = unix_us(self._rows(begin)[0][-1])

    def definitions(self) -> list[InForce]:
        """Every definition of every check, by check, location and time."""
        return [
            InForce((check_id, location_id), check, location, unix_us(from_at), unix_us_or_none(until_at),
                    interval_ms * 1000, announced)
            for check_id, location_id, check, location, from_at, until_at, interval_ms, announced
            in self._rows("audit_definitions")
        ]  # fmt: skip

    def gaps(self, from_us: int, to_us: int) -> list[Gap]:
        """The recorded times without a producer that reach into this one."""
        limits = {"from_at": instant_of_unix(from_us), "to_at": instant_of_unix(to_us)}
        return [
            Gap((check_id, location_id), unix_us(from_at), unix_us(until_at), reason)
            for check_id, location_id, from_at, until_at, reason in self._rows("audit_gaps", limits)
        ]

    def _rows(self, name: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement(name), parameters).fetchall()
