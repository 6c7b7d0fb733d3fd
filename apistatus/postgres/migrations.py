"""`apistatus migrate`: database, files, roles, grants, partitions; each step leaves a database that works."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import psycopg
from psycopg import sql

from apistatus import __version__
from apistatus.errors import AccessRefused, IncompatibleSchema, PostgresUnavailable
from apistatus.postgres import migration_files, roles, schema_state, sql_states, sql_text
from apistatus.postgres.connect import Connection, connect, where
from apistatus.postgres.migration_files import Migration
from apistatus.postgres.partitions import DAYS_AHEAD
from apistatus.postgres.refusals import ADMIN, ADMIN_OF_RESULTS, DatabaseMissing
from apistatus.postgres.statements import statement
from apistatus.settings.schema import MigrateSettings

_LOCK: Final = 4850170771033300
"""Number of the advisory lock that one `migrate` at a time holds; means nothing else."""


class Migrator:
    """Makes and updates what `settings` name, as the administrative role.

    Every method may raise PostgresUnavailable (try again later) and AccessRefused.
    """

    def __init__(self, settings: MigrateSettings, *, files: Sequence[Migration] | None = None) -> None:
        self._settings = settings
        self._files = tuple(files) if files is not None else migration_files.packaged()
        self._where = where(settings.admin)
        self._results = replace(settings.admin, database=settings.database)

    def apply(self) -> list[str]:
        """Make and update everything; lines for people on what was done. A second one waits for the first,
        for some seconds, then PostgresUnavailable is raised.

        Raises IncompatibleSchema for an edited or unknown applied file and for a file that fails, with
        file, line and column; ConfigurationError for a role that has no password of its own.
        """
        with self._own_errors():
            lines = self._make_database()
            with closing(self._connect()) as lock, closing(self._connect()) as connection:
                self._require_utf8(connection)
                _take_lock(lock)
                lines += roles.run(connection, roles.creation(connection, self._settings), self._settings)
                lines += self._apply_files(connection)
                lines += roles.run(connection, roles.grants(connection, self._settings), self._settings)
                lines += _make_partitions(connection)
        return lines + list(self._refused_roles())

    def status(self) -> list[str]:
        """Each file: applied when, or pending. Changes nothing."""
        with self._own_errors():
            found = self._applied()
        known = {migration.version for migration in self._files}
        rows = [(migration.file, _told(found.get(migration.version))) for migration in self._files]
        rows += [
            (entry.file, f"applied {entry.applied_at} by a newer version of apistatus")
            for version, entry in found.items()
            if version not in known
        ]
        width = max(len(file) for file, _ in rows)
        return [f"{file:<{width}}  {state}" for file, state in rows]

    def verify(self) -> tuple[list[str], bool]:
        """Each applied file held against its checksum, and whether all fit. Changes nothing."""
        with self._own_errors():
            found = self._applied()
        if not found:
            return [f"database {self._settings.database} has no schema yet; run: apistatus migrate"], False
        comparison = migration_files.compare(self._files, found)
        lines = [f"drift: {sentence}" for sentence in comparison.drift]
        lines += [f"pending: {migration.file}" for migration in comparison.pending]
        if not comparison.drift:
            lines.append(f"{len(found)} applied files, all as they were applied")
        return lines, not comparison.drift

    def dry_run(self) -> list[str]:
        """The SQL that `apply` would run, in order, passwords as ***. Changes nothing."""
        database = sql.Identifier(self._settings.database)
        with self._own_errors():
            try:
                with closing(self._connect()) as connection:
                    return self._planned(connection, schema_state.applied(connection) or {})
            except DatabaseMissing:
                with closing(connect(self._settings.admin, variables=ADMIN)) as connection:
                    lines = [f"{_CREATE_DATABASE.format(database).as_string(connection)};"]
                    return lines + self._planned(connection, {})

    def _planned(self, connection: Connection, found: dict[str, migration_files.Applied]) -> list[str]:
        comparison = self._require_no_drift(found)
        steps = roles.creation(connection, self._settings)
        lines = [f"{step.shown.as_string(connection)};" for step in steps]
        for migration in comparison.pending:
            lines += [f"-- {migration.file}", "begin;"]
            lines += [f"{each.text};" for each in sql_text.statements(migration.text, migration.file)]
            lines.append("commit;")
        lines += [f"{step.shown.as_string(connection)};" for step in roles.grants(connection, self._settings)]
        days = ", ".join(f"'{day}'" for day in _partition_days())
        lines.append(f"select apistatus.make_partitions(array[{days}]::date[]);")
        return lines

    def _make_database(self) -> list[str]:
        name = self._settings.database
        try:
            self._connect().close()
        except DatabaseMissing:
            with closing(connect(self._settings.admin, variables=ADMIN)) as connection:
                try:
                    connection.execute(_CREATE_DATABASE.format(sql.Identifier(name)))
                except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    return []  # another migrate was faster
                except psycopg.errors.InsufficientPrivilege as error:
                    raise AccessRefused(
                        f"role {self._settings.admin.user} (PGUSER) may not create database {name} (APPDB); "
                        "let an administrator create it, or give PGUSER the right CREATEDB"
                    ) from error
            with closing(self._connect()) as connection:
                # Until PostgreSQL 14 everybody may make tables in a new database's public schema.
                connection.execute("revoke create on schema public from public")
            return [f"database {name}: made"]
        return []

    def _refused_roles(self) -> Iterator[str]:
        """A line for each role that was there already and does not take the password that is set."""
        for role, variables in roles.own_roles(self._settings):
            if role.password is not None:
                tried = replace(self._results, user=role.user, password=role.password)
                try:
                    connect(tried, variables=variables).close()
                except AccessRefused as error:
                    yield f"role {role.user}: is there, but cannot connect with what is set: {error}"
                except PostgresUnavailable:
                    continue

    def _connect(self) -> Connection:
        return connect(self._results, variables=ADMIN_OF_RESULTS)

    def _require_utf8(self, connection: Connection) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise IncompatibleSchema(
                f"database {self._settings.database} (APPDB) has encoding {encoding}; results need UTF8: "
                "name another database, `migrate` makes it"
            )

    def _applied(self) -> dict[str, migration_files.Applied]:
        try:
            with closing(self._connect()) as connection:
                return schema_state.applied(connection) or {}
        except DatabaseMissing:
            return {}

    def _require_no_drift(self, found: dict[str, migration_files.Applied]) -> migration_files.Comparison:
        comparison = migration_files.compare(self._files, found)
        if comparison.drift:
            raise IncompatibleSchema("\n".join(comparison.drift))
        return comparison

    def _apply_files(self, connection: Connection) -> list[str]:
        if schema_state.applied(connection) is None:
            # Not `if not exists` alone: it asks for the right to create schemas even when ours exists.
            if connection.execute("select to_regnamespace('apistatus') is null").fetchone() == (True,):
                connection.execute("create schema apistatus")
            connection.execute(statement("ledger_create"))
        comparison = self._require_no_drift(schema_state.applied(connection) or {})
        lines = [self._apply_file(connection, migration) for migration in comparison.pending]
        return lines or [f"schema: up to date ({self._files[-1].file})"]

    def _apply_file(self, connection: Connection, migration: Migration) -> str:
        began = time.monotonic()
        with connection.transaction():
            # Less than the 5 s of `consume` (session_limits.sql): who waits for a lock has all others wait.
            connection.execute("set local lock_timeout = '2s'")
            for each in sql_text.statements(migration.text, migration.file):
                try:
                    connection.execute(each.text.encode())
                except psycopg.Error as error:
                    _raise_with_position(error, each, migration.file)
            duration_ms = int((time.monotonic() - began) * 1000)
            entry = (migration.version, migration.file, migration.sha256, duration_ms, __version__)
            connection.execute(statement("ledger_add"), entry)
        return f"{migration.file}: applied in {duration_ms} ms"

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            sql_states.raise_as_ours(error, self._where)


_CREATE_DATABASE: Final = sql.SQL("create database {} encoding 'UTF8' template template0")


def _told(entry: migration_files.Applied | None) -> str:
    return "pending" if entry is None else f"applied {entry.applied_at}"


def _take_lock(connection: Connection) -> None:
    """Hold the lock as long as the connection lives; wait some seconds for another `migrate`.

    Raises PostgresUnavailable after that: the caller tries again, and can be stopped meanwhile.
    """
    try:
        connection.execute("set lock_timeout = '5s'")
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
    except psycopg.errors.LockNotAvailable as error:
        raise PostgresUnavailable("another `apistatus migrate` is at work on this database") from error


def _raise_with_position(error: psycopg.Error, each: sql_text.Statement, file: str) -> None:
    """Raise our own error with file, line and column of the place in the statement."""
    if sql_states.meaning(error) is sql_states.Meaning.TRANSIENT:
        raise PostgresUnavailable(f"{file}:{each.line}: {sql_states.describe(error)}") from error
    line, column = each.position(int(error.diag.statement_position or 1))
    said = f"{file}:{line}:{column}: {sql_states.describe(error)}; nothing of this file was applied"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        raise AccessRefused(f"{said}; PGUSER must own the schema apistatus and what is in it") from error
    raise IncompatibleSchema(said) from error


def _partition_days() -> list[date]:
    today = datetime.now(UTC).date()
    return [today + timedelta(days=number) for number in range(-1, DAYS_AHEAD + 1)]


def _make_partitions(connection: Connection) -> list[str]:
    days = _partition_days()
    answer = connection.execute(statement("make_partitions"), (days,)).fetchone()
    made = answer[0] if answer else 0
    return [f"partitions: {made} made, up to {days[-1]}"] if made else []
