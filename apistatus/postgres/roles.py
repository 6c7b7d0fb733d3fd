"""The roles that `migrate` makes and what it grants them; migration files name no role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

from apistatus.errors import AccessRefused, ConfigurationError, Problem
from apistatus.postgres.connect import Connection
from apistatus.postgres.refusals import APP, READ, RoleVariables
from apistatus.postgres.statements import statement
from apistatus.settings.schema import MigrateSettings, RoleSettings

_DEFAULT_PASSWORD: Final = "postgres"  # noqa: S105  (the one that is refused)
VIEWS: Final = ("check_results", "check_status", "check_hours", "check_days", "check_times", "dead_letters")
"""What the read-only role may read: the views that are promised to people."""
FUNCTIONS: Final = (
    "open_rollups(integer, smallint)", "detach_results(date)", "drop_detached()", "pack_day()",
    "summarize_day(date)",
)  # fmt: skip
"""What the application role may call beside `make_partitions`; nobody else may."""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement, what is said once it has run, and what it is shown as (no password)."""

    query: sql.Composed
    shown: sql.Composed
    said: str | None = None
    needed: bool = True
    """False: a comfort that a restricted administrative role may go without."""


def own_roles(settings: MigrateSettings) -> Iterator[tuple[RoleSettings, RoleVariables]]:
    """The roles that are not the administrative one itself, and the variables they come from."""
    if settings.app_role.user != settings.admin.user:
        yield settings.app_role, APP
    if settings.read_role is not None:
        yield settings.read_role, READ


def creation(connection: Connection, settings: MigrateSettings) -> list[Step]:
    """Steps that make the missing roles. Raises ConfigurationError without a password of their own."""
    steps = []
    problems = []
    for role, variables in own_roles(settings):
        if _exists(connection, role.user):
            continue
        if role.password is None or role.password == _DEFAULT_PASSWORD:
            problems.append(
                Problem(
                    variables.password,
                    f"role {role.user} does not exist and is not made without a password of its own; set one",
                )
            )
            continue
        steps.append(_creation(connection, role))
    if problems:
        raise ConfigurationError(problems)
    return steps


def grants(connection: Connection, settings: MigrateSettings) -> list[Step]:
    """Steps that give the roles what they need, whatever they have already. Run after the files."""
    steps: list[Step] = []
    owner = settings.admin.user
    if settings.app_role.user != owner:
        steps += _app_grants(connection, settings)
    steps += _search_path(settings, settings.app_role.user)
    if settings.read_role is not None:
        steps += _read_grants(connection, settings, settings.read_role.user)
        steps += _search_path(settings, settings.read_role.user)
    return steps


def run(connection: Connection, steps: list[Step], settings: MigrateSettings) -> list[str]:
    """Run the steps; lines for people. Raises AccessRefused with what to do."""
    lines = []
    for step in steps:
        try:
            connection.execute(step.query)
        except psycopg.errors.InsufficientPrivilege as error:
            shown = step.shown.as_string(connection)
            if step.needed:
                raise AccessRefused(
                    f"role {settings.admin.user} (PGUSER) may not: {shown}; let an administrator run it "
                    f"once, or give PGUSER the right ({error.diag.message_primary})"
                ) from error
            lines.append(f"not allowed, and not needed: {shown}")
        except psycopg.errors.DuplicateObject:
            # Another migrate made the role of this cluster meanwhile, from another database.
            continue
        else:
            if step.said:
                lines.append(step.said)
    return lines


def _exists(connection: Connection, role: str) -> bool:
    return connection.execute(statement("role_exists"), (role,)).fetchone() is not None


def _creation(connection: Connection, role: RoleSettings) -> Step:
    name = sql.Identifier(role.user)
    template = sql.SQL("create role {} login password {}")
    assert role.password is not None
    # Hashed here, so that the password itself never reaches a server's log.
    hashed = connection.pgconn.encrypt_password(
        str.__str__(role.password).encode(), role.user.encode(), _password_algorithm(connection)
    )
    return Step(
        template.format(name, sql.Literal(hashed.decode())),
        template.format(name, sql.Literal("***")),
        said=f"role {role.user}: made",
    )


def _password_algorithm(connection: Connection) -> bytes:
    answer = connection.execute("show password_encryption").fetchone()
    return answer[0].encode() if answer and answer[0] != "on" else b"md5"


def _app_grants(connection: Connection, settings: MigrateSettings) -> Iterator[Step]:
    role = settings.app_role.user
    yield from _database_grants(connection, settings.database, role, ("connect", "temporary"))
    yield _step("grant usage on schema apistatus to {}", role)
    yield _step("grant select, insert, update, delete on all tables in schema apistatus to {}", role)
    yield _step("revoke insert, update, delete on apistatus.migrations from {}", role)
    for function in FUNCTIONS:
        yield _step(f"grant execute on function apistatus.{function} to {{}}", role)
    yield _step(
        "grant execute on function apistatus.make_partitions(date[]) to {}",
        role,
        said=f"role {role}: granted",
    )


def _read_grants(connection: Connection, settings: MigrateSettings, role: str) -> Iterator[Step]:
    yield from _database_grants(connection, settings.database, role, ("connect",))
    yield _step("grant usage on schema apistatus to {}", role)
    for view in VIEWS:
        yield _step("grant select on apistatus.{} to {}", view, role)
    yield _step("grant execute on function apistatus.open_rollups(integer, smallint) to {}", role)
    yield _step(
        "alter role {} in database {} set default_transaction_read_only = on", role, settings.database,
        said=f"role {role}: granted, read-only", needed=False,
    )  # fmt: skip


def _database_grants(
    connection: Connection, database: str, role: str, rights: tuple[str, ...]
) -> Iterator[Step]:
    """Only what is missing: who does not own the database may grant nothing on it, and PUBLIC has both."""
    for right in rights:
        names = {"right": right, "role": role, "database": database}
        row = connection.execute(statement("database_privilege"), names).fetchone()
        if row is None or not row[0]:
            yield _step(f"grant {right} on database {{}} to {{}}", database, role)


def _search_path(settings: MigrateSettings, role: str) -> Iterator[Step]:
    yield _step(
        "alter role {} in database {} set search_path = apistatus, public",
        role,
        settings.database,
        needed=False,
    )


def _step(template: str, *names: str, said: str | None = None, needed: bool = True) -> Step:
    query = sql.SQL(template).format(*(sql.Identifier(name) for name in names))
    return Step(query, query, said, needed)
