"""`migrate` on real PostgreSQL: what it makes, who may do what then, and what it refuses."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from apistatus.errors import (
    AccessRefused,
    ApistatusError,
    ConfigurationError,
    IncompatibleSchema,
    PostgresUnavailable,
)
from apistatus.postgres import migration_files
from apistatus.postgres.migration_files import Migration
from apistatus.postgres.migrations import Migrator
from apistatus.postgres.sink import PostgresSink
from apistatus.settings.schema import PostgresSettings, RoleSettings, Secret
from tests.services.postgres_fixtures import TestDatabase

FILES = migration_files.packaged()
OBJECTS = (
    "pg_class c where c.relnamespace = 'apistatus'::regnamespace and c.relkind in ('r', 'p', 'v') "
    "and not c.relispartition"
)


def _check_schema(settings: PostgresSettings) -> None:
    with closing(PostgresSink(settings, group="g")) as sink:
        sink.check_schema()


def added(text: str, version: str = "9999") -> tuple[Migration, ...]:
    return (*FILES, Migration(version, f"{version}_more.sql", text, f"sum of {text}"))


def test_it_makes_database_roles_schema_and_partitions_and_then_finds_nothing_to_do(
    database: TestDatabase,
) -> None:
    migrator = Migrator(database.migrate)
    lines = migrator.apply()
    assert lines[:3] == [
        f"database {database.name}: made",
        f"role {database.app_user}: made",
        f"role {database.read_user}: made",
    ]
    assert [line.split(":")[0] for line in lines[3 : 3 + len(FILES)]] == [each.file for each in FILES]
    assert "partitions: 9 made" in lines[-1]
    _check_schema(database.app)
    assert f"schema: up to date ({FILES[-1].file})" in migrator.apply()
    assert database.query("select count(*) from apistatus.migrations") == [(len(FILES),)]


def test_the_application_role_finds_the_views_without_naming_the_schema(database: TestDatabase) -> None:
    Migrator(database.migrate).apply()
    with closing(database.connect("app")) as connection:
        for view in ("check_results", "check_status", "dead_letters"):
            assert (
                connection.execute(sql.SQL("select * from {}").format(sql.Identifier(view))).fetchall() == []
            )


@pytest.mark.parametrize(
    "statement",
    [
        "create table apistatus.mine (n int)",
        "create table public.mine (n int)",
        "create schema mine",
        "drop table apistatus.results",
        "alter table apistatus.results add column n int",
        "truncate apistatus.results",
        "truncate apistatus.kafka_offsets",
        "delete from apistatus.migrations",
        "create role friend",
    ],
)
def test_the_application_role_changes_rows_only(migrated: TestDatabase, statement: str) -> None:
    with closing(migrated.connect("app")) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


def test_the_application_role_reads_and_writes_rows_and_makes_partitions(migrated: TestDatabase) -> None:
    with closing(migrated.connect("app")) as connection:
        connection.execute("insert into locations (name) values ('here')")
        connection.execute("update locations set name = 'there'")
        connection.execute("delete from locations")
        connection.execute("select make_partitions(array[current_date - 100])")
    assert migrated.query(
        "select count(*) from pg_class where relname like 'results\\_2%%' and relkind = 'r'"
    ) == [(10,)]


@pytest.mark.parametrize("day", ["1999-01-01", "2999-01-01"])
def test_no_partition_is_made_far_from_now(migrated: TestDatabase, day: str) -> None:
    with closing(migrated.connect("app")) as connection, pytest.raises(psycopg.errors.DatetimeFieldOverflow):
        connection.execute("select make_partitions(array[%s]::date[])", (day,))


@pytest.mark.parametrize(
    "statement",
    ["insert into apistatus.locations (name) values ('x')", "select * from apistatus.results",
     "set default_transaction_read_only = off; delete from apistatus.check_state"],
)  # fmt: skip
def test_the_read_only_role_reads_the_views_and_nothing_else(migrated: TestDatabase, statement: str) -> None:
    with closing(migrated.connect("reader")) as connection:
        assert connection.execute("select * from check_results").fetchall() == []
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
            connection.execute(statement.encode())


def test_one_user_for_both_without_rights_to_make_roles_or_databases(database: TestDatabase) -> None:
    """A managed database with a single user: it owns its database and nothing else."""
    user, password = database.app_user, "one for all"
    with closing(psycopg.connect(
        host=database.admin.host, port=database.admin.port, user=database.admin.user, dbname="postgres",
        password=database.server.password, autocommit=True,
    )) as connection:  # fmt: skip
        connection.execute(
            sql.SQL("create role {} login password {}").format(sql.Identifier(user), sql.Literal(password))
        )
        connection.execute(
            sql.SQL("create database {} owner {}").format(sql.Identifier(database.name), sql.Identifier(user))
        )
    single = PostgresSettings(
        database.admin.host, database.admin.port, None, user, Secret(password), database.name
    )
    settings = replace(
        database.migrate, admin=single, app_role=RoleSettings(user, Secret(password)), read_role=None
    )
    Migrator(settings).apply()
    assert Migrator(settings).apply() == [f"schema: up to date ({FILES[-1].file})"]
    _check_schema(single)


def test_who_may_not_make_the_database_is_told_so(database: TestDatabase) -> None:
    Migrator(database.migrate).apply()
    weak = replace(database.app, database="postgres")
    settings = replace(database.migrate, admin=weak, database=f"{database.name}_other", read_role=None)
    with pytest.raises(AccessRefused, match=r"may not create database .*_other \(APPDB\).*CREATEDB"):
        Migrator(settings).apply()


def test_who_may_not_make_the_role_is_told_the_statement_without_the_password(database: TestDatabase) -> None:
    Migrator(database.migrate).apply()
    settings = replace(
        database.migrate, admin=replace(database.app, database="postgres"),
        app_role=RoleSettings("newcomer", Secret("very secret")), read_role=None,
    )  # fmt: skip
    with pytest.raises(AccessRefused, match=r"create role \"newcomer\" login password '\*\*\*'") as caught:
        Migrator(settings).apply()
    assert "very secret" not in str(caught.value)


@pytest.mark.parametrize("password", [None, Secret("postgres")])
def test_no_role_is_made_with_the_default_password_or_without_one(
    database: TestDatabase, password: Secret | None
) -> None:
    settings = replace(database.migrate, app_role=RoleSettings(database.app_user, password))
    with pytest.raises(ConfigurationError, match=r"PGAPPPW: role app_\d+ does not exist"):
        Migrator(settings).apply()
    assert database.query("select count(*) from pg_roles where rolname = %s", database.app_user) == [(0,)]


def test_a_role_that_is_there_keeps_its_password_and_a_wrong_one_is_told(database: TestDatabase) -> None:
    Migrator(database.migrate).apply()
    settings = replace(database.migrate, app_role=RoleSettings(database.app_user, Secret("another")))
    told = Migrator(settings).apply()[-1]
    assert told.startswith(f"role {database.app_user}: is there, but cannot connect")
    assert "check PGAPPUSER and PGAPPPW" in told
    _check_schema(database.app)


def test_passwords_reach_the_server_only_as_hashes(database: TestDatabase) -> None:
    Migrator(database.migrate).apply()
    stored = database.query("select rolpassword from pg_authid where rolname = %s", database.app_user)
    assert str(stored[0][0]).startswith("SCRAM-SHA-256$")


def test_two_at_once_make_everything_once(database: TestDatabase) -> None:
    outcomes: list[list[str] | BaseException] = []

    def work() -> None:
        try:
            outcomes.append(Migrator(database.migrate).apply())
        except ApistatusError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [outcome for outcome in outcomes if not isinstance(outcome, list)] == []
    applied = [
        line for outcome in outcomes if isinstance(outcome, list) for line in outcome if "applied in" in line
    ]
    assert len(applied) == len(FILES)


def test_a_second_one_waits_for_the_first_and_then_says_that_it_may_be_tried_again(
    migrated: TestDatabase,
) -> None:
    from apistatus.postgres import migrations

    with closing(migrated.connect("admin")) as first:
        first.execute("select pg_advisory_lock(%s)", (migrations._LOCK,))
        with pytest.raises(PostgresUnavailable, match="another `apistatus migrate` is at work"):
            Migrator(migrated.migrate).apply()
    Migrator(migrated.migrate).apply()


def test_an_edited_applied_file_is_named_and_refused(migrated: TestDatabase) -> None:
    edited = (replace(FILES[0], sha256="another"), *FILES[1:])
    migrator = Migrator(migrated.migrate, files=edited)
    with pytest.raises(IncompatibleSchema, match=rf"{FILES[0].file}: edited"):
        migrator.apply()
    lines, fits = migrator.verify()
    assert not fits
    assert f"drift: {FILES[0].file}: edited" in lines[0]


def test_a_newer_database_is_refused(migrated: TestDatabase) -> None:
    newer = Migrator(migrated.migrate, files=added("-- migrate:up\nselect 1;"))
    newer.apply()
    with pytest.raises(IncompatibleSchema, match=r"9999_more.sql: applied by a newer version"):
        Migrator(migrated.migrate).apply()
    assert "by a newer version" in Migrator(migrated.migrate).status()[-1]
    with pytest.raises(IncompatibleSchema, match="newer version"):
        _check_schema(migrated.app)


def test_a_file_that_fails_is_rolled_back_whole_and_names_its_place(migrated: TestDatabase) -> None:
    text = "-- migrate:up\ncreate table apistatus.half (n int);\n\n  select oops\n    from apistatus.half;\n"
    with pytest.raises(IncompatibleSchema, match=r"9999_more.sql:4:10: column \"oops\" does not exist"):
        Migrator(migrated.migrate, files=added(text)).apply()
    assert migrated.query("select to_regclass('apistatus.half') is null") == [(True,)]
    assert Migrator(migrated.migrate).verify()[1]


def test_status_and_dry_run_and_verify_change_nothing(database: TestDatabase) -> None:
    migrator = Migrator(database.migrate)
    assert {line.split()[-1] for line in migrator.status()} == {"pending"}
    assert migrator.verify() == (
        [f"database {database.name} has no schema yet; run: apistatus migrate"],
        False,
    )
    printed = "\n".join(migrator.dry_run())
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        database.query("select 1")
    assert "app's own" not in printed
    assert f'create database "{database.name}"' in printed


def test_the_printed_sql_does_what_migrate_does(database: TestDatabase) -> None:
    migrator = Migrator(database.migrate)
    for line in migrator.dry_run()[1:3]:
        assert line.startswith("create role")
    migrator.apply()
    pending = Migrator(
        database.migrate, files=added("-- migrate:up\ncreate view apistatus.more as select 1 as n;")
    )
    with closing(database.connect("admin")) as connection:
        connection.execute("\n".join(pending.dry_run()).encode())
    assert database.query("select n from apistatus.more") == [(1,)]


def test_every_column_of_every_table_and_view_has_a_comment(migrated: TestDatabase) -> None:
    columns = OBJECTS.replace("pg_class c", "pg_class c join pg_attribute a on a.attrelid = c.oid")
    missing = migrated.query(
        f"select c.relname, a.attname from {columns} and a.attnum > 0 and not a.attisdropped "
        "and col_description(c.oid, a.attnum) is null"
    )
    assert missing == []


def test_the_way_down_leaves_nothing(migrated: TestDatabase) -> None:
    with closing(migrated.connect("admin")) as connection:
        for each in reversed(FILES):
            connection.execute(each.text.partition("-- migrate:down")[2].encode())
    left = migrated.query(
        f"select relname from {OBJECTS} "
        "union all select proname from pg_proc where pronamespace = 'apistatus'::regnamespace"
    )
    assert left == [("migrations",)]
