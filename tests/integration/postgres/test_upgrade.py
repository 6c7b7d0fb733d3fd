"""From every schema there was to the newest, on real PostgreSQL, while rows keep coming in."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import UTC, datetime

import pytest

from apistatus.errors import IncompatibleSchema, PostgresUnavailable
from apistatus.postgres.migration_files import Migration
from apistatus.postgres.migrations import Migrator
from apistatus.postgres.sink import PostgresSink
from tests.integration.postgres.feeding import Feed, at
from tests.integration.postgres.rolling import (
    assert_views_are_exact,
    changes_by_rows,
    changes_stored,
    maintained,
)
from tests.integration.postgres.upgrading import FILES, RESULTS, Writer, migrate_to, upgraded
from tests.services import command
from tests.services.postgres_fixtures import TestDatabase

ONE_MORE = (
    *FILES,
    Migration(
        "9999", "9999_more.sql", "-- migrate:up\nalter table apistatus.results add column more integer;", "sum"
    ),
)  # fmt: skip


@pytest.fixture
def first_tick(now_us: int) -> datetime:
    return datetime.fromtimestamp(now_us / 1e6, UTC)


def assert_nothing_is_lost(database: TestDatabase, writer: Writer) -> None:
    """Every committed row is there, the views are right, and the consumer of today goes on where the old
    one was."""
    lines, fits = Migrator(database.migrate).verify()
    assert (lines, fits) == ([f"{len(FILES)} applied files, all as they were applied"], True)
    assert writer.rows
    assert writer.letters
    counted = database.query(
        """select
            (select count(*) from apistatus.gaps), (select count(*) from apistatus.check_results),
            (select count(*) from apistatus.dead_letters),
            (select count(*) from apistatus.check_results where status = 'down')"""
    )
    first_row = writer.turns - writer.rows
    downs = sum(number % 20 < 3 for number in range(first_row, writer.turns))
    assert counted == [(writer.turns, writer.rows, writer.letters, downs)]
    assert database.query(
        """select s.scheduled_at = r.scheduled_at, s.status = r.status from apistatus.check_status s
        cross join lateral (select * from apistatus.check_results order by scheduled_at desc limit 1) r"""
    ) == [(True, True)]
    assert_views_are_exact(database)
    maintained(database)
    assert_views_are_exact(database)
    # The hour that is not over yet has no stored changes.
    stored = changes_stored(database)
    assert changes_by_rows(database)[: len(stored)] == stored
    now_us = int(datetime.now(UTC).timestamp()) * 1_000_000
    with closing(PostgresSink(database.app, group="tests")) as sink:
        feed = Feed(sink, (0,))
        assert feed.offset == writer.offset
        assert feed.store(at(now_us, check="new")).rows == 1


def test_the_schema_is_upgraded_file_by_file_while_rows_come_in(
    database: TestDatabase, first_tick: datetime
) -> None:
    migrate_to(database, 1)
    with Writer(database, 1, first_tick) as writer:
        for count in range(2, len(FILES) + 1):
            writer.wait_for_turns()
            migrate_to(database, count)
            writer.wait_for_turns()
            writer.stage = count
        upgraded(Migrator(database.migrate).apply)
        writer.wait_for_turns(50)
    assert_nothing_is_lost(database, writer)


@pytest.mark.parametrize("count", range(1, len(FILES)), ids=[each.file for each in FILES[:-1]])
def test_every_older_schema_is_upgraded_at_once_while_rows_come_in(
    count: int, database: TestDatabase, first_tick: datetime
) -> None:
    migrate_to(database, count)
    with Writer(database, count, first_tick) as writer:
        writer.wait_for_turns(50)
        before = writer.turns
        upgraded(Migrator(database.migrate).apply)
        # It went on with what it knew of the schema, also after the upgrade.
        writer.wait_for_turns()
        assert writer.turns > before
        writer.stage = len(FILES)
        writer.wait_for_turns(50)
    if count >= RESULTS:
        assert writer.rows == writer.turns
    assert_nothing_is_lost(database, writer)


def test_a_file_that_waits_for_a_lock_keeps_no_row_waiting_for_long_and_is_tried_again(
    migrated: TestDatabase, feed: Feed, now_us: int
) -> None:
    migrator = Migrator(migrated.migrate, files=ONE_MORE)
    refused: list[PostgresUnavailable] = []

    def upgrade() -> None:
        try:
            migrator.apply()
        except PostgresUnavailable as error:
            refused.append(error)

    feed.store(at(now_us))
    upgrading = threading.Thread(target=upgrade)
    with closing(migrated.connect("admin")) as reader, reader.transaction():
        reader.execute("select count(*) from apistatus.results")
        upgrading.start()
        stored = 1
        while upgrading.is_alive():
            # Raises when it has to wait for longer than `consume` waits for a lock.
            stored += feed.store(at(now_us + stored * 1_000_000)).rows
        upgrading.join()
    assert len(refused) == 1
    assert "9999_more.sql:2" in str(refused[0])
    migrator.apply()
    assert migrator.verify()[1]
    # And the consumer that was running before is still at it.
    assert feed.store(at(now_us + stored * 1_000_000)).rows == 1
    assert migrated.query("select count(*) from apistatus.check_results") == [(stored + 1,)]


def test_consume_refuses_a_newer_schema_when_it_starts_and_says_what_to_do(
    migrated: TestDatabase, feed: Feed
) -> None:
    Migrator(migrated.migrate, files=ONE_MORE).apply()
    with pytest.raises(IncompatibleSchema):
        feed.sink.check_schema()
    env = {**migrated.environ(), "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    answer = command.run("consume", env=env)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "9999_more.sql: applied by a newer version of apistatus; upgrade this one" in answer.stderr


def test_consume_refuses_an_older_schema_and_names_the_command(
    database: TestDatabase, first_tick: datetime
) -> None:
    migrate_to(database, len(FILES) - 1)
    env = {**database.environ(), "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    answer = command.run("consume", env=env)
    assert answer.returncode == 2
    assert f"(missing: {FILES[-1].file}); run: apistatus migrate" in answer.stderr
    assert command.run("migrate", env=env).returncode == 0
