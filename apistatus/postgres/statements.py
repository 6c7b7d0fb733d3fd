"""The SQL statements, one a file in `sql/`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "sql"


@cache
def statement(name: str) -> bytes:
    """Text of `sql/<name>.sql`, as psycopg takes it."""
    return (_FOLDER / f"{name}.sql").read_bytes()
