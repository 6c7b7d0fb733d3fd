"""Closed hours and days added up from their rows, as often as rows come late: the sum is made anew, never
corrected, so that doing it twice or half changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import psycopg

from apistatus.postgres.connect import Connection
from apistatus.postgres.rows import Ids
from apistatus.postgres.statements import statement

_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ClosedHour:
    """An hour that is over and has rows newer than its rollup."""

    hour: datetime
    writers: list[int]
    versions: list[str]
    """The mark of each writer as it was read: a mark made since then stays."""
    has_rows: bool
    """False: its rows have been dropped, and the rollup it has is final."""


def closed_hours(connection: Connection) -> list[ClosedHour]:
    """The hours to add up, in the order of time, which `add_up_hour` relies on."""
    return [ClosedHour(*row) for row in connection.execute(statement("rollup_closed")).fetchall()]


def add_up_hour(connection: Connection, closed: ClosedHour) -> None:
    """Make the rollup of one hour and its status changes, in one transaction."""
    limits = {"hour": closed.hour, "end": closed.hour + _HOUR}
    if closed.has_rows:
        _summarize(connection, closed.hour)
    marks = {"hour": closed.hour, "writers": closed.writers, "versions": closed.versions}
    with connection.transaction():
        if closed.has_rows:
            connection.execute(statement("rollup_by_time"))
            connection.execute(statement("rollup_hour"), limits)
            _find_changes(connection, limits)
            connection.execute(statement("rollup_mark_day"), limits)
        # Last, because a consumer that marks this hour meanwhile waits for us from here on.
        connection.execute(statement("rollup_unmark"), marks)


def closed_days(connection: Connection) -> list[date]:
    """The days to add up."""
    return [day for (day,) in connection.execute(statement("rollup_closed_days")).fetchall()]


def add_up_day(connection: Connection, day: date) -> None:
    """Make the rollup of one day from its hours, in one transaction."""
    with connection.transaction():
        connection.execute(statement("rollup_day"), {"day": day})
        connection.execute(statement("rollup_unmark_day"), (day,))


def _summarize(connection: Connection, hour: datetime) -> None:
    try:
        connection.execute(statement("rollup_summarize"), (hour,))
    except psycopg.errors.LockNotAvailable:
        return  # autovacuum is at it; without, the whole day is read for the hour


def _find_changes(connection: Connection, limits: dict[str, datetime]) -> None:
    forgotten = connection.execute(statement("changes_forget"), limits).fetchall()
    found = connection.execute(statement("changes_find"), limits).fetchall()
    touched: Iterable[Ids] = sorted({(check, location) for check, location in (*forgotten, *found)})
    if touched:
        pairs = {"check_ids": [ids[0] for ids in touched], "location_ids": [ids[1] for ids in touched]}
        connection.execute(statement("changes_follow"), {**limits, **pairs})
