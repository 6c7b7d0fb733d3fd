"""Reading the database as it is at one instant, however long the reading takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from apistatus.errors import IncompatibleSchema
from apistatus.postgres import connect, schema_state, sql_states
from apistatus.postgres.connect import Connection
from apistatus.postgres.refusals import DatabaseMissing
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
