"""What keeps the database fast and small: partitions ahead, rollups, retention, packed indexes.

One at a time does it, held together by an advisory lock of its session. Every part is a transaction of
its own and is found out from the database itself, so that it may be killed anywhere and run twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

import psycopg

from apistatus.errors import IncompatibleSchema
from apistatus.postgres import connect, retention, rollups, schema_state, sql_states
from apistatus.postgres.connect import Connection
from apistatus.postgres.partitions import DAYS_AHEAD
from apistatus.postgres.refusals import DatabaseMissing
from apistatus.postgres.statements import statement
from apistatus.settings.schema import PostgresSettings

_LOCK: Final = 4850170771033302
"""Number of the advisory lock of whoever does the maintenance; means nothing else."""


@dataclass(slots=True)
class Done:
    """What one step did."""

    elsewhere: bool = False
    """Another process does the maintenance: nothing was done here."""
    partitions: int = 0
    hours: int = 0
    days: int = 0
    dropped: list[date] = field(default_factory=list)
    postponed: bool = False
    """Old days are left for the next step, because somebody held the results locked."""
    packed: date | None = None

    @property
    def lines(self) -> list[str]:
        """For people, a line for each part that had something to do."""
        if self.elsewhere:
            return ["another process does the maintenance now; nothing was done"]
        said = [
            (self.partitions, f"partitions: {self.partitions} made, a week ahead"),
            (self.hours, f"rollups: {self.hours} hours added up"),
            (self.days, f"rollups: {self.days} days added up"),
            (self.dropped, f"retention: {_days(self.dropped)} dropped"),
            (self.postponed, "retention: postponed, because others have the results locked"),
            (self.packed, f"index of {self.packed}: packed"),
        ]
        return [line for does, line in said if does] or ["nothing to do"]


class Maintenance:
    """The maintenance of one database, by a connection that is made when needed and again after it broke."""

    def __init__(
        self, settings: PostgresSettings, keep_days: int, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings, self._keep_days, self._pause = settings, keep_days, pause
        self._connection: Connection | None = None

    def step(self, stopped: Callable[[], bool] = lambda: False) -> Done:
        """Do all there is to do now; between two parts, `stopped` ends it early.

        Raises PostgresUnavailable, AccessRefused, IncompatibleSchema.
        """
        done = Done()
        try:
            connection = self._open()
            row = connection.execute(statement("maintenance_lock"), (_LOCK,)).fetchone()
            if row != (True,):
                self.close()
                return Done(elsewhere=True)
            self._work(connection, done, stopped)
            connection.execute("select pg_advisory_unlock(%s)", (_LOCK,))
        except psycopg.Error as error:
            self.close()
            sql_states.raise_as_ours(error, connect.where(self._settings))
        except BaseException:
            self.close()
            raise
        return done

    def close(self) -> None:
        """Close the connection, and so give the lock back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _work(self, connection: Connection, done: Done, stopped: Callable[[], bool]) -> None:
        done.partitions = _make_partitions(connection)
        for closed in rollups.closed_hours(connection):
            if stopped():
                return
            rollups.add_up_hour(connection, closed)
            done.hours += closed.has_rows
        for day in rollups.closed_days(connection):
            if stopped():
                return
            rollups.add_up_day(connection, day)
            done.days += 1
        if stopped():
            return
        done.dropped, done.postponed = retention.drop_old_days(connection, self._keep_days, self._pause)
        if not stopped():
            done.packed = retention.pack_closed_day(connection)

    def _open(self) -> Connection:
        if self._connection is not None and not self._connection.closed and not self._connection.broken:
            return self._connection
        try:
            connection = connect.connect(self._settings)
        except DatabaseMissing as error:
            raise IncompatibleSchema(str(error)) from error
        self._connection = connection
        schema_state.require_fit(connection, self._settings.database)
        connection.execute(statement("maintenance_limits"))
        return connection


def _make_partitions(connection: Connection) -> int:
    today = datetime.now(UTC).date()
    days = [today + timedelta(days=number) for number in range(DAYS_AHEAD + 1)]
    try:
        row = connection.execute(statement("make_partitions"), (days,)).fetchone()
    except psycopg.errors.LockNotAvailable:
        return 0  # the consumer makes what it needs, and the next step tries again
    return row[0] if row else 0


def _days(days: list[date]) -> str:
    return f"{days[0]}" if len(days) == 1 else f"{len(days)} days up to {days[-1]}" if days else ""
