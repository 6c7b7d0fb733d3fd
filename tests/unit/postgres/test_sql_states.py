"""What each of PostgreSQL's error codes means, a row of the table each."""

from __future__ import annotations

from types import SimpleNamespace

import psycopg
import pytest

from apistatus.errors import AccessRefused, ApistatusError, IncompatibleSchema, PostgresUnavailable
from apistatus.postgres import sql_states
from apistatus.postgres.sql_states import Meaning


def _known(code: str) -> type[psycopg.Error]:
    try:
        return psycopg.errors.lookup(code)
    except KeyError:
        return psycopg.Error


def error(code: str, constraint: str | None = None) -> psycopg.Error:
    """An error as psycopg raises it for a code."""

    class Answered(_known(code)):
        diag = SimpleNamespace(message_primary=f"said {code}", constraint_name=constraint)

    found: psycopg.Error = Answered()
    found.sqlstate = code
    return found


TRANSIENT = [
    "08000", "08003", "08006", "08P01", "25006", "25P02", "25P03", "40001", "40P01", "53000", "53100",
    "53200", "53300", "55P03", "55006", "57000", "57014", "57P01", "57P02", "57P03", "57P04", "57P05",
    "58000", "58030", "58P01", "XX000", "XX001", "XX002", "0A000", "26000", "42P05", "72000", "F0000",
]  # fmt: skip
REFUSED = ["28000", "28P01", "3D000", "42501", "0L000", "0LP01", "0P000"]
SCHEMA = ["3F000", "42P01", "42703", "42883", "42804", "42601"]
POISON = ["22003", "22001", "22021", "22P05", "22007", "22P02", "23502", "23514", "23503", "54000",
          "09000", "27000", "44000", "P0001"]  # fmt: skip
DEFECT = ["03000", "0B000", "0F001", "0Z002", "10608", "20000", "21000", "24000", "2B000", "2D000", "2F002",
          "34000", "38000", "39000", "3B000", "HV000", "P0002", "P0004"]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        *((code, Meaning.TRANSIENT) for code in TRANSIENT),
        *((code, Meaning.REFUSED) for code in REFUSED),
        *((code, Meaning.SCHEMA) for code in SCHEMA),
        *((code, Meaning.POISON) for code in POISON),
        ("23505", Meaning.DUPLICATE),
        ("AS001", Meaning.FENCED),
        *((code, Meaning.DEFECT) for code in DEFECT),
        ("0A123", Meaning.DEFECT),
        ("ZZ999", Meaning.DEFECT),
    ],
)
def test_a_code_has_one_meaning(code: str, meaning: Meaning) -> None:
    assert sql_states.meaning(error(code)) is meaning


def test_every_row_of_the_table_is_tested_here() -> None:
    tested = [*TRANSIENT, *REFUSED, *SCHEMA, *POISON, *DEFECT, "23505", "AS001", "0A123"]
    assert [row for row in sql_states.TABLE if not any(code.startswith(row) for code in tested)] == []


def test_every_class_of_errors_that_postgresql_has_is_in_the_table() -> None:
    """psycopg knows every code of the appendix; 00, 01 and 02 are no errors."""
    codes = {
        found.sqlstate
        for found in vars(psycopg.errors).values()
        if isinstance(found, type) and issubclass(found, psycopg.Error) and isinstance(found.sqlstate, str)
    }
    assert len(codes) > 200
    assert {code[:2] for code in codes} - {"01", "02"} <= sql_states.TABLE.keys()


@pytest.mark.parametrize(
    ("raised", "meaning"),
    [
        (psycopg.OperationalError("server closed the connection unexpectedly"), Meaning.TRANSIENT),
        (psycopg.InterfaceError("the connection is lost"), Meaning.TRANSIENT),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL"), Meaning.POISON),
        (psycopg.ProgrammingError("no parameters"), Meaning.DEFECT),
    ],
)
def test_without_a_code_the_class_decides(raised: psycopg.Error, meaning: Meaning) -> None:
    assert sql_states.meaning(raised) is meaning


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("57P01", PostgresUnavailable),
        ("42501", AccessRefused),
        ("42P01", IncompatibleSchema),
        ("22003", ApistatusError),
        ("23514", PostgresUnavailable),
    ],
)
def test_the_caller_gets_the_exception_of_that_meaning(code: str, ours: type[Exception]) -> None:
    with pytest.raises(ours, match=f"db:5432.*said {code}") as caught:
        sql_states.raise_as_ours(error(code), "db:5432")
    assert type(caught.value) is ours


def test_a_check_violation_without_a_constraint_is_a_missing_partition() -> None:
    assert sql_states.is_missing_partition(error("23514"))
    assert not sql_states.is_missing_partition(error("23514", constraint="positive"))
    assert not sql_states.is_missing_partition(error("23505"))


def test_an_error_is_told_on_one_line() -> None:
    assert sql_states.describe(psycopg.OperationalError("one\n  two\n")) == "one two"
    assert sql_states.describe(psycopg.OperationalError("")) == "OperationalError"
    assert sql_states.describe(error("57P01")) == "said 57P01 (57P01)"
