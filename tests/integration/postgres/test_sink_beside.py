"""New checks get their numbers by a second connection. Where none is to be had, nothing is lost without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from psycopg import sql

from apistatus.errors import PostgresUnavailable
from apistatus.ports import Batch, Stored
from apistatus.postgres import connect
from apistatus.postgres.connect import Connection
from apistatus.postgres.sink import PostgresSink
from tests.integration.postgres.feeding import Feed, at
from tests.services.postgres_fixtures import TestDatabase

SECOND_US = 1_000_000
BY_CHECK = "select check_id, count(*) from apistatus.check_results group by 1 order by 1"
SESSIONS = "select count(*) from pg_stat_activity where usename = %s and datname = %s"


@pytest.fixture
def begun(new_feed: Callable[..., Feed], now_us: int) -> Feed:
    """It has stored something: without that nothing is written ahead."""
    feed = new_feed()
    feed.store(at(now_us - SECOND_US))
    return feed


def store_with_a_new_check(feed: Feed, now_us: int, check: str) -> Stored:
    """A hundred rows that are on their way when the first result of `check` comes."""
    batch = Batch(
        results=[at(now_us + (feed.offset * 1_000 + number) * SECOND_US) for number in range(100)],
        positions={feed.partition: feed.offset + 1},
    )
    feed.sink.write_ahead(batch)
    assert feed.sink._session is not None
    assert feed.sink._session.ahead_of is batch
    batch.results.append(at(now_us, check=check))
    feed.sink.write_ahead(batch)
    stored = feed.sink.store(batch)
    feed.offset += 1
    return stored


def sessions(database: TestDatabase) -> int:
    [(count,)] = database.query(SESSIONS, database.app_user, database.name)
    assert isinstance(count, int)
    return count


@pytest.fixture
def other(migrated: TestDatabase) -> Iterator[TestDatabase]:
    """A second database with the schema, on the same server and with the same roles."""
    second = replace(migrated, name=f"{migrated.name}_other")
    with closing(migrated.connect("admin")) as connection:
        create = sql.SQL("create database {} template template_of_tests")
        drop = sql.SQL("drop database {} with (force)")
        connection.execute(create.format(sql.Identifier(second.name)))
        yield second
        connection.execute(drop.format(sql.Identifier(second.name)))


def test_numbers_of_another_database_are_not_taken(
    begun: Feed, other: TestDatabase, migrated: TestDatabase, now_us: int
) -> None:
    """The name of the server may lead elsewhere by the time that a new check comes."""
    with closing(PostgresSink(other.app, group="apistatus")) as elsewhere:
        moved = Feed(elsewhere, (0,))
        moved.store(*(at(now_us, check=name) for name in ("a", "b", "new")))
        assert begun.sink._session is not None
        begun.sink._session._another = elsewhere._connect
        assert store_with_a_new_check(begun, now_us, "new") == Stored(101, 0, 0)
    assert migrated.query(BY_CHECK) == [("home", 101), ("new", 1)]
    assert other.query(BY_CHECK) == [("a", 1), ("b", 1), ("new", 1)]


def test_without_a_second_connection_the_first_does_it_alone(
    begun: Feed, migrated: TestDatabase, now_us: int
) -> None:
    tries: list[None] = []

    def none_left() -> Connection:
        tries.append(None)
        raise PostgresUnavailable("too many connections")

    assert begun.sink._session is not None
    begun.sink._session._another = none_left
    for number in range(3):
        assert store_with_a_new_check(begun, now_us, f"new-{number}") == Stored(101, 0, 0)
    assert len(tries) == 1
    assert migrated.query(BY_CHECK) == [("home", 301), *((f"new-{number}", 1) for number in range(3))]


def test_a_second_connection_that_has_ended_is_no_outage(
    begun: Feed, migrated: TestDatabase, now_us: int
) -> None:
    assert store_with_a_new_check(begun, now_us, "one") == Stored(101, 0, 0)
    assert sessions(migrated) == 2
    migrated.query(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
        " where usename = %s and datname = %s and pid <> %s",
        migrated.app_user, migrated.name, begun.connection.info.backend_pid,
    )  # fmt: skip
    assert store_with_a_new_check(begun, now_us, "two") == Stored(101, 0, 0)
    assert migrated.query(BY_CHECK) == [("home", 201), ("one", 1), ("two", 1)]


def test_behind_a_pooler_there_is_no_second_one_that_could_wait_for_the_first(
    new_feed: Callable[..., Feed], migrated: TestDatabase, now_us: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "is_behind_pooler", lambda _connection: True)
    feed = new_feed()
    feed.store(at(now_us - SECOND_US))
    assert store_with_a_new_check(feed, now_us, "new") == Stored(101, 0, 0)
    assert sessions(migrated) == 1
    assert migrated.query(BY_CHECK) == [("home", 101), ("new", 1)]


def test_whatever_isolation_is_usual_here_the_numbers_of_the_second_are_seen(
    new_feed: Callable[..., Feed], migrated: TestDatabase, now_us: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", r"-c default_transaction_isolation=repeatable\ read")
    feed = new_feed()
    feed.store(at(now_us - SECOND_US))
    assert store_with_a_new_check(feed, now_us, "new") == Stored(101, 0, 0)
    assert migrated.query(BY_CHECK) == [("home", 101), ("new", 1)]
