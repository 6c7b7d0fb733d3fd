"""PostgreSQL is killed, restarted or takes no writes: the sink says so, and goes on when it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest

from apistatus.demo.postgres_server import PostgresServer
from apistatus.errors import AccessRefused, IncompatibleSchema, PostgresUnavailable
from apistatus.model.result import Result
from apistatus.ports import Batch, Stored
from apistatus.postgres.connect import connect, is_behind_pooler
from apistatus.postgres.migrations import Migrator
from apistatus.postgres.sink import PostgresSink
from tests.integration.postgres.feeding import TOPIC, Feed, at
from tests.services.postgres_fixtures import TestDatabase


@pytest.fixture
def fragile(
    own_postgres: PostgresServer, database_on: Callable[[PostgresServer], TestDatabase]
) -> TestDatabase:
    """A migrated database on a server that the test may kill."""
    database = database_on(own_postgres)
    Migrator(database.migrate).apply()
    return database


@pytest.fixture
def sink(fragile: TestDatabase) -> Iterator[PostgresSink]:
    with closing(PostgresSink(fragile.app, group="tests")) as made:
        yield made


@pytest.mark.parametrize("end", ["kill", "immediate", "fast"])
def test_a_batch_that_met_an_outage_is_stored_once_afterwards(
    fragile: TestDatabase, sink: PostgresSink, now_us: int, end: str
) -> None:
    feed = Feed(sink, (0,))
    feed.store(at(now_us))
    if end == "kill":
        fragile.server.kill()
    else:
        fragile.server.stop(end)
    for _ in range(2):
        with pytest.raises(PostgresUnavailable):
            feed.store(at(now_us + 1))
    with pytest.raises(PostgresUnavailable):
        sink.claim(TOPIC, [0])
    fragile.server.start()
    feed.reclaim()
    assert feed.offset == 1
    assert feed.store(at(now_us + 1)) == Stored(1, 0, 0)
    assert fragile.query("select count(*), count(distinct scheduled_at) from apistatus.results") == [(2, 2)]


def test_numbers_are_learnt_again_when_the_database_was_made_anew(
    fragile: TestDatabase, sink: PostgresSink, now_us: int
) -> None:
    feed = Feed(sink, (0,))
    feed.store(at(now_us, check="first"), at(now_us, check="second"))
    with closing(psycopg.connect(
        host=fragile.server.host, port=fragile.server.port, user="postgres", dbname="postgres",
        password=fragile.server.password, autocommit=True,
    )) as connection:  # fmt: skip
        connection.execute(f"drop database {fragile.name} with (force)".encode())
    with pytest.raises(PostgresUnavailable):
        feed.store(at(now_us + 1, check="second"))
    with pytest.raises(AccessRefused, match="run `apistatus migrate`"):
        feed.reclaim()
    Migrator(fragile.migrate).apply()
    feed.reclaim()
    feed.store(at(now_us + 1, check="second"), at(now_us + 1, check="third"))
    found = fragile.query("select check_id from apistatus.check_results order by 1")
    assert found == [("second",), ("third",)]


def test_a_session_that_was_ended_is_replaced(fragile: TestDatabase, sink: PostgresSink, now_us: int) -> None:
    feed = Feed(sink, (0,))
    feed.store(at(now_us))
    fragile.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", fragile.app_user
    )
    with pytest.raises(PostgresUnavailable, match="57P01"):
        feed.store(at(now_us + 1))
    feed.reclaim()
    assert feed.store(at(now_us + 1)) == Stored(1, 0, 0)


def test_a_database_that_turned_read_only_is_away_and_comes_back(
    fragile: TestDatabase, sink: PostgresSink, now_us: int
) -> None:
    feed = Feed(sink, (0,))
    connection = feed.connection
    connection.execute("set default_transaction_read_only = on")
    with pytest.raises(PostgresUnavailable, match="25006"):
        feed.store(at(now_us))
    connection.execute("set default_transaction_read_only = off")
    assert feed.store(at(now_us)) == Stored(1, 0, 0)


def test_a_table_that_somebody_dropped_is_told_as_a_schema_that_does_not_fit(
    fragile: TestDatabase, sink: PostgresSink, now_us: int
) -> None:
    feed = Feed(sink, (0,))
    with closing(fragile.connect("admin")) as connection:
        connection.execute("drop table apistatus.dirty_hours cascade")
    with pytest.raises(IncompatibleSchema, match="apistatus migrate --verify"):
        feed.store(at(now_us))
    assert fragile.query("select count(*) from apistatus.results") == [(0,)]


def test_a_right_that_somebody_took_is_told(fragile: TestDatabase, sink: PostgresSink, now_us: int) -> None:
    feed = Feed(sink, (0,))
    with closing(fragile.connect("admin")) as connection:
        connection.execute(f"revoke insert on apistatus.results from {fragile.app_user}".encode())
    with pytest.raises(AccessRefused, match=r"permission denied for table results.*apistatus migrate"):
        feed.store(at(now_us))
    Migrator(fragile.migrate).apply()
    assert feed.store(at(now_us)) == Stored(1, 0, 0)


def test_somebody_elses_lock_is_waited_for_within_a_bound(
    fragile: TestDatabase, sink: PostgresSink, now_us: int
) -> None:
    feed = Feed(sink, (0,))
    feed.store(at(now_us))
    with closing(fragile.connect("admin")) as other:
        other.execute("begin")
        other.execute("lock table apistatus.results in access exclusive mode")
        with pytest.raises(PostgresUnavailable, match="55P03"):
            feed.store(at(now_us + 1))
        other.execute("rollback")
    assert feed.store(at(now_us + 1)) == Stored(1, 0, 0)


class _Interrupted(list[Result]):
    """Results that Ctrl+C comes in between."""

    def __iter__(self) -> Iterator[Result]:
        raise KeyboardInterrupt


def test_an_interrupted_batch_leaves_a_sink_that_works(
    fragile: TestDatabase, sink: PostgresSink, now_us: int
) -> None:
    feed = Feed(sink, (0,))
    with pytest.raises(KeyboardInterrupt):
        sink.store(Batch(results=_Interrupted(), positions={0: 1}))
    feed.reclaim()
    assert feed.store(at(now_us)) == Stored(1, 0, 0)


def test_a_lock_that_keeps_next_weeks_partition_waiting_does_not_stop_todays_rows(
    fragile: TestDatabase, sink: PostgresSink, now_us: int
) -> None:
    feed = Feed(sink, (0,))
    with closing(fragile.connect("admin")) as other:
        other.execute("begin")
        other.execute("lock table apistatus.results in share update exclusive mode")
        assert feed.store(at(now_us + 86_400_000_000)) == Stored(1, 0, 0)
        other.execute("rollback")
    assert feed.store(at(now_us + 2 * 86_400_000_000)) == Stored(1, 0, 0)


def test_a_connection_without_a_pooler_between_is_told_apart(fragile: TestDatabase) -> None:
    with closing(connect(fragile.app)) as connection:
        assert not is_behind_pooler(connection)
