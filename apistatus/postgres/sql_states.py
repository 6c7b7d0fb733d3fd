"""What PostgreSQL's error codes mean to us: one table, longest prefix first.

Codes: PostgreSQL documentation, appendix A, "PostgreSQL Error Codes".
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NoReturn

import psycopg

from apistatus.errors import AccessRefused, ApistatusError, IncompatibleSchema, PostgresUnavailable


class Meaning(Enum):
    """What is to be done about an error."""

    TRANSIENT = "the same statement may work later"
    REFUSED = "a person has to change rights or settings"
    SCHEMA = "the database's schema does not fit"
    POISON = "this row can never be stored"
    DUPLICATE = "the row is there already"
    FENCED = "another consumer owns the partition"
    DEFECT = "our own fault, or nothing we know"


TABLE: Final[dict[str, Meaning]] = {
    "03": Meaning.DEFECT,  # statement not yet complete
    "08": Meaning.TRANSIENT,  # connection exceptions
    "09": Meaning.POISON,  # a trigger of the user's own failed
    "0A": Meaning.DEFECT,  # not supported
    "0A000": Meaning.TRANSIENT,  # also: a prepared plan no longer fits the table, and is forgotten with the rollback
    "0B": Meaning.DEFECT,  # invalid start of a transaction
    "0F": Meaning.DEFECT,  # locators
    "0L": Meaning.REFUSED,  # grantor may not grant
    "0P": Meaning.REFUSED,  # no such role
    "0Z": Meaning.DEFECT,  # diagnostics
    "10": Meaning.DEFECT,  # XQuery
    "20": Meaning.DEFECT,  # CASE without a branch, in a function of ours
    "21": Meaning.DEFECT,  # cardinality, in a statement of ours
    "22": Meaning.POISON,  # data: out of range, not in the encoding
    "23": Meaning.POISON,  # constraints
    "23505": Meaning.DUPLICATE,
    "24": Meaning.DEFECT,  # cursors
    "25": Meaning.TRANSIENT,  # transaction state: read-only after a failover, idle too long, aborted
    "26": Meaning.TRANSIENT,  # no such prepared statement: a pooler gave us another session
    "27": Meaning.POISON,  # a trigger changed what it may not
    "28": Meaning.REFUSED,  # authentication
    "2B": Meaning.DEFECT,  # dependent privileges
    "2D": Meaning.DEFECT,  # invalid end of a transaction
    "2F": Meaning.DEFECT,  # SQL routines
    "34": Meaning.DEFECT,  # no such cursor
    "38": Meaning.DEFECT,  # external routines
    "39": Meaning.DEFECT,  # how they are called
    "3B": Meaning.DEFECT,  # savepoints
    "3D": Meaning.REFUSED,  # no such database
    "3F": Meaning.SCHEMA,  # no such schema
    "40": Meaning.TRANSIENT,  # rolled back: serialization, deadlock
    "42": Meaning.SCHEMA,  # no such table, column, function
    "42501": Meaning.REFUSED,  # insufficient privilege
    "42P05": Meaning.TRANSIENT,  # a prepared statement is there already: a pooler gave us another session
    "44": Meaning.POISON,  # a view's check option
    "53": Meaning.TRANSIENT,  # out of disk, memory or connections
    "54": Meaning.POISON,  # program limits, such as a row too large
    "55": Meaning.TRANSIENT,  # lock not available, object in use
    "57": Meaning.TRANSIENT,  # shut down, crash, timeout, cancelled
    "58": Meaning.TRANSIENT,  # the server's own input/output
    "72": Meaning.TRANSIENT,  # snapshot too old
    "F0": Meaning.TRANSIENT,  # the server's configuration file
    "HV": Meaning.DEFECT,  # foreign data wrappers
    "P0": Meaning.DEFECT,  # PL/pgSQL: no data, assertions, in a function of ours
    "P0001": Meaning.POISON,  # raised by a trigger of the user's own
    "XX": Meaning.TRANSIENT,  # internal or corrupted: for its administrator, and our data can wait
    "AS001": Meaning.FENCED,  # raised by apistatus.advance_offsets
}
"""Every class of the appendix that is an error, and those codes whose meaning is not that of their class."""


def meaning(error: psycopg.Error) -> Meaning:
    """What the error means; without a code it is the connection that broke."""
    code = error.sqlstate
    if code is None:
        broken = isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
        return Meaning.TRANSIENT if broken else Meaning.POISON if _is_data(error) else Meaning.DEFECT
    for length in (5, 2):
        if code[:length] in TABLE:
            return TABLE[code[:length]]
    return Meaning.DEFECT


def is_missing_partition(error: psycopg.Error) -> bool:
    """Whether no partition takes the row: a check violation that names no constraint."""
    return error.sqlstate == "23514" and error.diag.constraint_name is None


def raise_as_ours(error: psycopg.Error, where: str) -> NoReturn:
    """Raise what the error means to the caller, with `where` (host and port) and PostgreSQL's own words."""
    said = describe(error)
    found = meaning(error)
    if found is Meaning.TRANSIENT or is_missing_partition(error):
        raise PostgresUnavailable(f"PostgreSQL at {where}: {said}") from error
    if found is Meaning.REFUSED:
        raise AccessRefused(
            f"PostgreSQL at {where} refuses: {said}; run `apistatus migrate`, which grants what is needed, "
            "or ask the database's administrator"
        ) from error
    if found is Meaning.SCHEMA:
        raise IncompatibleSchema(
            f"the schema in PostgreSQL at {where} does not fit this version: {said}; "
            "run `apistatus migrate --verify`, then `apistatus migrate`"
        ) from error
    raise ApistatusError(f"PostgreSQL at {where}: {said}") from error


def describe(error: psycopg.Error) -> str:
    """PostgreSQL's own words on one line, with the code where there is one."""
    said = error.diag.message_primary or str(error)
    line = " ".join(said.split()) or type(error).__name__
    return f"{line} ({error.sqlstate})" if error.sqlstate else line


def _is_data(error: psycopg.Error) -> bool:
    return isinstance(error, psycopg.DataError)
