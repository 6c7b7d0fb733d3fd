"""The SQL statements, one a file in `sql/`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "sql"
_INCLUDE: Final = re.compile(rb"^ *-- include (\w+)\n", re.MULTILINE)


@cache
def statement(name: str) -> bytes:
    """Text of `sql/<name>.sql`, as psycopg takes it. A line `-- include other` stands for `sql/other.sql`, so
    that what several statements share is written once."""
    text = (_FOLDER / f"{name}.sql").read_bytes()
    return _INCLUDE.sub(lambda line: statement(line[1].decode()), text)
