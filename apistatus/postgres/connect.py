"""One connection to PostgreSQL, which notices within seconds when the server is gone."""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg.pq import Conninfo

from apistatus.errors import AccessRefused
from apistatus.postgres import refusals
from apistatus.postgres.refusals import APP, RoleVariables
from apistatus.postgres.statements import statement
from apistatus.settings.schema import PostgresSettings

Connection = psycopg.Connection[tuple[Any, ...]]

_UNLESS_SET: Final = {
    # With the pause between two tries (consume.patience) below 5 s once the server is back.
    "connect_timeout": "5",
    "application_name": "apistatus",
    # A server that is gone without a word is noticed within 25 s when we wait for its answer, and
    # within 15 s when it does not acknowledge what we sent.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    # Never a standby, nor a former primary that was made read-only.
    "target_session_attrs": "read-write",
}
"""What libpq is told where none of its own variables says otherwise."""
_LIBPQ_DEFAULTS: Final = frozenset({None, "", "any"})


def connect(
    settings: PostgresSettings, *, variables: RoleVariables = APP, database: str | None = None,
    writes: bool = True,
) -> Connection:  # fmt: skip
    """A connection in autocommit mode; the caller begins and commits.

    `database` replaces the one of the settings; without `writes` a standby will do. Raises
    PostgresUnavailable when it may work later, DatabaseMissing or another AccessRefused with what to
    change when it will not.
    """
    wanted: dict[str, Any] = {
        "host": settings.host, "port": settings.port, "user": settings.user,
        "dbname": database or settings.database, "client_encoding": "utf8",
    }  # fmt: skip
    if settings.password is not None:
        wanted["password"] = str.__str__(settings.password)
    if settings.sslmode is not None:
        wanted["sslmode"] = settings.sslmode
    if database is not None:
        settings = PostgresSettings(
            settings.host, settings.port, settings.sslmode, settings.user, settings.password, database
        )
    try:
        connection = psycopg.connect(autocommit=True, **{**_unless_set(writes=writes), **wanted})
        try:
            return _in_iso(connection)
        except psycopg.Error:
            connection.close()
            raise
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise refusals.explain(error, settings, variables) from error
    except UnicodeError:
        # `from None`: the error's text quotes the password.
        raise AccessRefused(f"{variables.user} or {variables.password} is no valid UTF-8 text") from None


def _in_iso(connection: Connection) -> Connection:
    """psycopg reads instants in ISO form only; PGDATESTYLE, the role or the server may say otherwise."""
    if not (connection.info.parameter_status("DateStyle") or "").startswith("ISO"):
        connection.execute("set datestyle to iso")
    return connection


def where(settings: PostgresSettings) -> str:
    """Host and port, for error texts."""
    return f"{settings.host}:{settings.port}"


def place(connection: Connection) -> tuple[object, ...] | None:
    """Which database of which running server it is: equal for two connections to the same one only."""
    return connection.execute(statement("place")).fetchone()


def is_behind_pooler(connection: Connection) -> bool:
    """Whether something between us and the server hands out sessions of its own, as PgBouncer does."""
    answer = connection.execute("select pg_backend_pid()").fetchone()
    return answer is not None and answer[0] != connection.info.backend_pid


def _unless_set(*, writes: bool) -> dict[str, str]:
    """Our own defaults for what neither libpq's variables nor its service file say (it reads them itself)."""
    said = {
        option.keyword.decode(): option.val.decode() if option.val else None
        for option in Conninfo.get_defaults()
    }
    ours = {name: value for name, value in _UNLESS_SET.items() if writes or name != "target_session_attrs"}
    return {name: value for name, value in ours.items() if said.get(name) in _LIBPQ_DEFAULTS}
