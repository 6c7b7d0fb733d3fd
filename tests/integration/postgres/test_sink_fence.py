"""Offsets, claims and dead letters in PostgreSQL: who may write, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest

from apistatus.errors import (
    ConfigurationError,
    Fenced,
    IncompatibleSchema,
    PostgresUnavailable,
    RecreatedTopic,
)
from apistatus.ports import Batch, DeadLetter, Stored
from apistatus.postgres.migrations import Migrator
from apistatus.postgres.sink import PostgresSink
from tests.integration.postgres.feeding import TOPIC, Feed, at
from tests.services.postgres_fixtures import TestDatabase


def test_a_fenced_batch_leaves_nothing_behind(
    new_feed: Callable[..., Feed], migrated: TestDatabase, now_us: int
) -> None:
    zombie = new_feed(0, 1)
    zombie.store(at(now_us))
    owner = new_feed(0)
    letter = DeadLetter(0, 9, "r", "m", None, None, (), None)
    with pytest.raises(Fenced) as caught:
        zombie.store(at(now_us + 1), dead_letters=[letter])
    assert caught.value.partitions == {0}
    tables = "select count(*) from apistatus.results union all select count(*) from apistatus.dead_letter"
    assert sorted(migrated.query(tables)) == [(0,), (1,)]
    assert owner.store(at(now_us + 1)) == Stored(1, 0, 0)


def test_all_partitions_that_were_lost_are_named(new_feed: Callable[..., Feed], now_us: int) -> None:
    zombie = new_feed(0, 1, 2)
    new_feed(1, 2)
    with pytest.raises(Fenced) as caught:
        zombie.sink.store(Batch(results=[at(now_us)], positions={0: 1, 1: 1, 2: 1}))
    assert caught.value.partitions == {1, 2}


def test_a_database_that_went_back_in_time_fences(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    feed.store(at(now_us))
    feed.store(at(now_us + 1))
    with closing(migrated.connect("admin")) as connection:
        connection.execute("update apistatus.kafka_offsets set next_offset = 1")
    with pytest.raises(Fenced):
        feed.store(at(now_us + 2))
    feed.reclaim()
    assert feed.offset == 1


def test_a_topic_made_anew_is_refused_with_what_to_do(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us))
    anew = replace(TOPIC, topic_id="topic-2")
    with pytest.raises(RecreatedTopic, match=r"topic-1.*topic-2.*--on-recreated-topic restart"):
        feed.sink.claim(anew, [0])
    assert feed.sink.claim(anew, [0], restart=True) == {0: None}
    assert feed.sink.claim(anew, [0]) == {0: None}


def test_another_cluster_is_refused(feed: Feed) -> None:
    with pytest.raises(
        RecreatedTopic, match=r"cluster cluster, but KAFKA_BOOTSTRAP_SERVERS leads to cluster other"
    ):
        feed.sink.claim(replace(TOPIC, cluster_id="other"), [0])


def test_a_broker_without_topic_ids_is_taken_at_its_word(feed: Feed) -> None:
    assert feed.sink.claim(replace(TOPIC, topic_id=None), [0]) == {0: None}
    assert feed.sink.claim(TOPIC, [0]) == {0: None}


def test_a_second_group_on_one_database_is_refused_with_what_to_do(
    feed: Feed, migrated: TestDatabase
) -> None:
    with closing(PostgresSink(migrated.app, group="second")) as sink:
        with pytest.raises(ConfigurationError, match=r"KAFKA_CONSUMER_GROUP: .*'tests'.*'second'") as caught:
            sink.claim(TOPIC, [0])
        command = str(caught.value).rpartition("in the database: ")[2]
        with closing(migrated.connect("app")) as connection:
            connection.execute(command.encode())
        assert sink.claim(TOPIC, [0]) == {0: None}


def test_a_dead_letter_keeps_every_byte(feed: Feed, migrated: TestDatabase) -> None:
    headers = (("ce_id", b"\x00\xffa"), ("nul\0name", b""), ("ce_id", b"twice"))
    letter = DeadLetter(
        0, 17, "not_json", "bad \0 byte", b"\x00k", b"\xff" * 100_000, headers, 1_700_000_000_123
    )
    assert feed.store(
        dead_letters=[letter, replace(letter, offset=18, key=None, value=None, headers=())]
    ) == Stored(0, 0, 2)
    rows = migrated.query(
        'select partition, "offset", reason, message, key, value from apistatus.dead_letters order by 2'
    )
    assert rows == [
        (0, 17, "not_json", "bad \ufffd byte", b"\x00k", b"\xff" * 100_000),
        (0, 18, "not_json", "bad \ufffd byte", None, None),
    ]
    assert migrated.query("select headers from apistatus.dead_letters order by \"offset\"") == [
        ([["ce_id", "\\000\\377a"], ["nul\ufffdname", ""], ["ce_id", "twice"]],), (None,),
    ]  # fmt: skip
    assert migrated.query("select header_values from apistatus.dead_letter order by id limit 1") == [
        ([b"\x00\xffa", b"", b"twice"],)
    ]


def test_a_header_without_a_value_and_a_timestamp_of_no_calendar_are_no_obstacle(
    feed: Feed, migrated: TestDatabase
) -> None:
    headers = (("null", None), ("some", b"x"))
    letters = [DeadLetter(0, 1, "r", "m", None, None, headers, 2**62)]
    assert feed.store(dead_letters=letters) == Stored(0, 0, 1)
    assert migrated.query("select headers from apistatus.dead_letters") == [
        ([["null", None], ["some", "x"]],)
    ]


def test_a_dead_letter_that_is_read_again_is_kept_once(feed: Feed, migrated: TestDatabase) -> None:
    letter = DeadLetter(0, 1, "r", "m", None, None, (), None)
    feed.store(dead_letters=[letter])
    feed.store(dead_letters=[letter])
    assert migrated.query("select count(*) from apistatus.dead_letters") == [(1,)]


def test_good_rows_are_stored_with_the_dead_letters_of_their_batch(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    letters = [DeadLetter(0, n, "empty", "no value", None, None, (), None) for n in range(200)]
    assert feed.store(at(now_us), dead_letters=letters) == Stored(1, 0, 200)
    assert migrated.query("select count(*) from apistatus.dead_letters") == [(200,)]


def test_a_former_owner_frozen_in_its_transaction_does_not_stop_the_next_one(
    new_feed: Callable[..., Feed], migrated: TestDatabase, now_us: int
) -> None:
    """A consumer stopped in the middle of a batch (SIGSTOP, a cut cable) holds its rows' locks for ever."""
    frozen = new_feed(0)
    frozen.store(at(now_us))
    connection = frozen.connection
    connection.execute("begin")
    connection.execute("set local idle_in_transaction_session_timeout = 0")
    connection.execute(
        "insert into apistatus.results (scheduled_at, check_id, start_delay_us, location_id, status, flags) "
        "select scheduled_at + interval '1 second', check_id, 0, location_id, 0, 0 from apistatus.results"
    )
    owner = new_feed(0)
    with pytest.raises(PostgresUnavailable, match="55P03"):
        owner.store(at(now_us + 1_000_000))
    owner.reclaim()
    assert owner.store(at(now_us + 1_000_000)) == Stored(1, 0, 0)
    with pytest.raises(PostgresUnavailable):
        frozen.store(at(now_us + 2_000_000))


def test_our_own_session_that_broke_is_ended_with_the_next_claim(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    """A cut cable: the server still waits for the old session, which holds its rows' locks."""
    feed.store(at(now_us))
    broken = feed.connection
    broken.execute("begin")
    broken.execute("update apistatus.check_state set total_us = 1")
    feed.sink._session = None
    feed.reclaim()
    assert feed.store(at(now_us + 1)) == Stored(1, 0, 0)
    with pytest.raises(psycopg.OperationalError):
        broken.execute("commit")


def test_a_schema_that_is_missing_or_a_database_that_is_names_the_command(database: TestDatabase) -> None:
    with closing(PostgresSink(database.app, group="g")) as sink:
        Migrator(replace(database.migrate, database=f"{database.name}_x")).apply()
        try:
            with pytest.raises(IncompatibleSchema, match=r"has no database .*apistatus migrate"):
                sink.check_schema()
            with closing(replace(database, name="postgres").connect("admin")) as connection:
                connection.execute(f"create database {database.name}".encode())
            with pytest.raises(IncompatibleSchema, match="has no schema yet; run: apistatus migrate"):
                sink.check_schema()
        finally:
            with closing(replace(database, name="postgres").connect("admin")) as connection:
                connection.execute(f"drop database {database.name}_x with (force)".encode())


def test_an_older_schema_names_the_missing_files(migrated: TestDatabase) -> None:
    with closing(migrated.connect("admin")) as connection:
        newest = connection.execute(
            "delete from apistatus.migrations where version = (select max(version) from apistatus.migrations)"
            " returning file"
        ).fetchone()
    assert newest is not None
    told = rf"missing: {newest[0]}\); run: apistatus migrate"
    with (
        closing(PostgresSink(migrated.app, group="g")) as sink,
        pytest.raises(IncompatibleSchema, match=told),
    ):
        sink.check_schema()
