"""What the view shows of the checks, read where a user would read it: the views of the database."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from apistatus.demo.snapshot import HISTORY, PHASES, CheckNow, CheckSummary, Watched
from apistatus.settings.schema import PostgresSettings

_TIMEOUT_S: Final = 3

_STATUS = """
    SELECT s.check_id, s.status, s.value, s.failure, s.error, s.total_ms,
           extract(epoch FROM clock_timestamp() - s.since) AS since_s,
           r.resolve_ms AS resolve, r.connect_ms AS connect, r.tls_ms AS tls,
           r.processing_ms AS processing, r.transfer_ms AS transfer
      FROM check_status s
      LEFT JOIN check_results r
        ON r.check_id = s.check_id AND r.location = s.location AND r.scheduled_at = s.scheduled_at
     WHERE s.location = %(location)s AND s.check_id = ANY(%(checks)s)"""

_HISTORY = """
    SELECT w.check_id, array(
               SELECT r.status::text FROM check_results r
                WHERE r.check_id = w.check_id AND r.location = %(location)s AND r.scheduled_at >= %(since)s
                ORDER BY r.scheduled_at DESC LIMIT %(limit)s) AS statuses
      FROM unnest(%(checks)s::text[]) AS w(check_id)"""

_SUMMARY = """
    SELECT check_id, count(*) AS ticks,
           count(*) FILTER (WHERE status::text = 'up') AS up,
           count(*) FILTER (WHERE status::text = 'degraded') AS degraded,
           count(*) FILTER (WHERE status::text = 'down') AS down,
           count(*) FILTER (WHERE status::text = 'missed') AS missed,
           count(*) FILTER (WHERE status::text = 'inconclusive') AS inconclusive,
           avg(total_ms)::float8 AS avg_ms,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY total_ms)::float8 AS p95_ms
      FROM check_results
     WHERE location = %(location)s AND scheduled_at >= %(since)s AND check_id = ANY(%(checks)s)
     GROUP BY check_id"""


class Database:
    """The views of the database, as the application role sees them. Connects when asked, and again when lost.

    Every method raises psycopg.Error when the database does not answer in time.
    """

    def __init__(
        self, settings: PostgresSettings, watched: Sequence[Watched], location: str, since: datetime
    ) -> None:
        self._settings, self._watched = settings, watched
        self._given = {
            "location": location, "since": since, "limit": HISTORY,
            "checks": [check.check_id for check in watched],
        }  # fmt: skip
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def checks(self) -> list[CheckNow]:
        """All watched checks, in the order of the reader file."""
        status = {row["check_id"]: row for row in self._rows(_STATUS)}
        history = {row["check_id"]: row["statuses"][::-1] for row in self._rows(_HISTORY)}
        return [
            _check_now(check, status.get(check.check_id), history.get(check.check_id, ()))
            for check in self._watched
        ]

    def summary(self, within_s: float) -> list[CheckSummary]:
        """What was stored since the start, in the order of the reader file. Asked again within so many seconds when
        it takes longer than it may."""
        until = time.monotonic() + within_s
        while True:
            try:
                found = {row.pop("check_id"): row for row in self._rows(_SUMMARY)}
                return [CheckSummary(check.name, **found.get(check.check_id, {})) for check in self._watched]
            except psycopg.errors.QueryCanceled:
                if time.monotonic() > until:
                    raise

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _rows(self, query: str) -> list[dict[str, Any]]:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        return self._connection.execute(query, self._given).fetchall()

    def _connect(self) -> psycopg.Connection[dict[str, Any]]:
        given: dict[str, Any] = {
            "host": self._settings.host, "port": self._settings.port, "dbname": self._settings.database,
            "user": self._settings.user, "connect_timeout": _TIMEOUT_S,
            "application_name": "apistatus demo", "options": f"-c statement_timeout={_TIMEOUT_S}s",
        }  # fmt: skip
        if self._settings.password is not None:
            given["password"] = str.__str__(self._settings.password)
        if self._settings.sslmode is not None:
            given["sslmode"] = self._settings.sslmode
        return psycopg.connect(autocommit=True, row_factory=dict_row, **given)


def _check_now(check: Watched, row: Mapping[str, Any] | None, history: Sequence[str]) -> CheckNow:
    if row is None:
        return CheckNow(check.check_id, check.name, history=history)
    return CheckNow(
        check.check_id, check.name, status=row["status"], value=row["value"], failure=row["failure"],
        error=row["error"], since_s=_number(row["since_s"]), total_ms=_number(row["total_ms"]),
        phases_ms={name: float(row[name]) for name in PHASES if row[name] is not None}, history=history,
    )  # fmt: skip


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
