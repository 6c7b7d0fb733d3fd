"""The SQL statements, one a file in `sql/`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "sql"
_INCLUDE: Final = re.compile(rb"^[ \t]*-- include (\w+)\s*$", re.MULTILINE)


@cache
def statement(name: str) -> bytes:
    """Text of `sql/<name>.sql`, as psycopg takes it. A line `-- include other` stands for `sql/other.sql`, so
    that what several statements share is written once."""
    text = _INCLUDE.sub(lambda line: statement(line[1].decode()), (_FOLDER / f"{name}.sql").read_bytes())
    if b"-- include" in text:
        # For PostgreSQL it would be a comment, and the statement one without its condition.
        raise ValueError(f"{name}.sql has an include that cannot be read")
    return text
