"""Daily partitions of the results: a week ahead, and any other day by need."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

import psycopg

from apistatus.postgres.connect import Connection
from apistatus.postgres.statements import statement

DAYS_AHEAD: Final = 7
DAY_US: Final = 86_400_000_000
_EPOCH: Final = date(1970, 1, 1)


class Partitions:
    """Which days have a partition, as far as this connection knows. Days are counted from 1970 (UTC)."""

    def __init__(self) -> None:
        self._known: set[int] = set()

    def require(self, days: Iterable[int]) -> None:
        """Raises KeyError unless all of these days are known to have one."""
        for day in days:
            if day not in self._known:
                raise KeyError(day)

    def ensure(self, connection: Connection, days: Iterable[int]) -> None:
        """Make what is missing for these days, and for the week after them when nobody is in the way."""
        missing = set(days) - self._known
        if not missing:
            return
        self._make(connection, missing)
        newest = max(missing)
        ahead = {newest + number for number in range(1, DAYS_AHEAD + 1)} - self._known
        try:
            self._make(connection, ahead)
        except psycopg.errors.LockNotAvailable:
            # Time enough: each new day asks again.
            return

    def forget(self) -> None:
        """Somebody dropped a partition: ask for each day again."""
        self._known.clear()

    def _make(self, connection: Connection, days: set[int]) -> None:
        if days:
            wanted = [_EPOCH + timedelta(days=day) for day in sorted(days)]
            connection.execute(statement("make_partitions"), (wanted,))
            self._known |= days
