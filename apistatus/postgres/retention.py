"""Days past their keep are taken off and dropped; closed days are packed. Both lock for a moment only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final, TypeVar

import psycopg

from apistatus.postgres.connect import Connection
from apistatus.postgres.statements import statement

T = TypeVar("T")

_TRIES: Final = 4
_PAUSE_S: Final = 0.5


def drop_old_days(
    connection: Connection, keep_days: int, pause: Callable[[float], None]
) -> tuple[list[date], bool]:
    """Drop the days that are older than so many, oldest first, and what a former try has left behind.

    Returns the days, and whether somebody was in the way, so that the rest is for the next time.
    """
    days: list[date] = []
    try:
        patiently(lambda: _one(connection, "retention_drop"), pause)
        while (day := patiently(lambda: _detach(connection, keep_days), pause)) is not None:
            days.append(day)
            patiently(lambda: _one(connection, "retention_drop"), pause)
    except psycopg.errors.LockNotAvailable:
        return days, True
    return days, False


def pack_closed_day(connection: Connection) -> date | None:
    """Build the index of one closed day anew; None: there is none, or somebody is in the way."""
    try:
        day: date | None = _one(connection, "retention_pack")
    except psycopg.errors.LockNotAvailable:
        return None
    return day


def _detach(connection: Connection, keep_days: int) -> date | None:
    row = connection.execute(statement("retention_detach"), (keep_days,)).fetchone()
    return row[0] if row else None


def _one(connection: Connection, name: str) -> Any:
    row = connection.execute(statement(name)).fetchone()
    return row[0] if row else None


def patiently(call: Callable[[], T], pause: Callable[[float], None]) -> T:
    """Try a few times, each a short wait for the lock, with room for others between. Raises LockNotAvailable."""
    for _ in range(_TRIES - 1):
        try:
            return call()
        except psycopg.errors.LockNotAvailable:
            pause(_PAUSE_S)
    return call()
