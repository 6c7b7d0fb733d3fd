"""Rows as they arrive in PostgreSQL: every field, duplicates, bad rows, partitions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apistatus.errors import BatchRejected, RowRejected
from apistatus.model.result import FAILURE_KINDS, PHASES, STATUSES
from apistatus.ports import Stored
from tests.integration.postgres.feeding import Feed, at
from tests.services.postgres_fixtures import TestDatabase

SECOND_US = 1_000_000
DAY_US = 86_400_000_000


def statuses(database: TestDatabase) -> list[tuple[object, ...]]:
    return database.query(
        "select check_id, status, error from apistatus.check_results order by scheduled_at, check_id"
    )


def test_every_field_of_a_result_is_in_the_view(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    feed.store(
        at(
            now_us + 123_456, "down", name="Home é", failure="assertion", phase="body", error="5 > 3",
            status_code=200, value="€ 5", total_us=1_234_567, resolve_us=1, connect_us=20, tls_us=300,
            processing_us=4_000, transfer_us=50_000, sla_ms=2000, attempts=2, size_bytes=2**31 - 1,
            start_delay_us=1_500,
        )
    )  # fmt: skip
    scheduled_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now_us + 123_456)
    started_at = scheduled_at + timedelta(microseconds=1_500)
    assert migrated.query("select * from apistatus.check_results") == [
        (
            "home", "Home é", "local", scheduled_at, started_at, "down", "assertion", "body", "5 > 3", 200,
            "€ 5", 1234.567, 0.001, 0.02, 0.3, 4.0, 50.0, 2000, False, 2, 2**31 - 1,
        )
    ]  # fmt: skip


def test_what_did_not_happen_is_null(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    feed.store(at(now_us, "missed", attempts=0))
    (row,) = migrated.query(
        "select started_at, failure, phase, error, status_code, value, total_ms, resolve_ms, sla_ms, "
        "sla_met, attempts, size_bytes from apistatus.check_results"
    )
    assert row == (None, None, None, None, None, None, None, None, None, None, 0, None)


@pytest.mark.parametrize(
    ("status", "total_us", "sla_ms", "met"),
    [
        ("up", 500_000, 500, True),
        ("degraded", 500_001, 500, False),
        ("down", 1, 500, False),
        ("up", 1, None, None),
        ("down", 1, None, None),
        ("missed", None, 500, None),
        ("inconclusive", 1, 500, None),
    ],
)
def test_the_sla_is_judged_on_what_the_target_did(
    feed: Feed, migrated: TestDatabase, now_us: int, *, status: str, total_us: int | None, sla_ms: int | None,
    met: bool | None,
) -> None:  # fmt: skip
    feed.store(at(now_us, status, total_us=total_us, sla_ms=sla_ms))
    assert migrated.query("select sla_met from apistatus.check_results") == [(met,)]


def test_the_words_of_the_database_are_those_of_the_program(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(*(at(now_us + n, word, check="s") for n, word in enumerate(STATUSES)))
    feed.store(*(at(now_us + n, "down", check="f", failure=word) for n, word in enumerate(FAILURE_KINDS)))
    feed.store(*(at(now_us + n, "down", check="p", phase=word) for n, word in enumerate(PHASES)))
    query = "select {} from apistatus.check_results where check_id = %s order by scheduled_at"
    for check, column, words in (
        ("s", "status", STATUSES),
        ("f", "failure", FAILURE_KINDS),
        ("p", "phase", PHASES),
    ):
        assert migrated.query(query.format(column), check) == [(word,) for word in words]


def test_the_same_results_again_change_nothing(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    results = [at(now_us + n * SECOND_US, error=f"first {n}") for n in range(5)]
    assert feed.store(*results) == Stored(5, 0, 0)
    again = [at(now_us + n * SECOND_US, "down", error="second") for n in range(7)]
    assert feed.store(*again) == Stored(2, 5, 0)
    assert [row[2] for row in statuses(migrated)] == [
        "first 0",
        "first 1",
        "first 2",
        "first 3",
        "first 4",
        "second",
        "second",
    ]
    assert feed.store(*again) == Stored(0, 7, 0)


def test_a_verdict_replaces_what_is_none_and_nothing_else_does(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    kinds = ("up", "down", "missed", "inconclusive")
    ticks = [(first, second) for first in kinds for second in kinds]
    feed.store(*(at(now_us + n, first, error="first") for n, (first, _) in enumerate(ticks)))
    feed.store(*(at(now_us + n, second, error="second") for n, (_, second) in enumerate(ticks)))
    expected = [
        second if first in ("missed", "inconclusive") and second in ("up", "down") else first
        for first, second in ticks
    ]
    assert [row[1] for row in statuses(migrated)] == expected


def test_duplicates_inside_one_batch_are_one_row(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    stored = feed.store(
        at(now_us, "missed"), at(now_us, "up", error="a"), at(now_us, "down"), at(now_us + 1, "up", error="b")
    )
    assert stored == Stored(2, 2, 0)
    assert statuses(migrated) == [("home", "up", "a"), ("home", "up", "b")]


def test_after_duplicates_batches_go_on_and_come_back_to_the_direct_road(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us))
    for number in range(25):
        assert feed.store(at(now_us), at(now_us + 1 + number)) == Stored(1, 1, 0)
    for number in range(25):
        assert feed.store(at(now_us + 100 + number)) == Stored(1, 0, 0)
    assert migrated.query("select count(*), count(distinct scheduled_at) from apistatus.results") == [
        (51, 51)
    ]


@pytest.mark.parametrize("later_s", [5_000, -5_000])
@pytest.mark.parametrize("staged", [False, True])
def test_a_row_that_postgresql_refuses_is_named_and_nothing_is_stored(
    feed: Feed, migrated: TestDatabase, now_us: int, *, staged: bool, later_s: int
) -> None:
    good = [at(now_us + n * SECOND_US) for n in range(2_000)]
    if staged:
        feed.store(good[0])
        feed.store(good[0])
    before = migrated.query("select count(*) from apistatus.results")
    rejected = [*good[:1_234], at(now_us + later_s * SECOND_US, error="nul \0 here"), *good[1_234:]]
    with pytest.raises(RowRejected) as caught:
        feed.store(*rejected)
    assert caught.value.index == 1_234
    assert "0x00" in caught.value.reason
    assert migrated.query("select count(*) from apistatus.results") == before
    assert feed.store(*good).rows == 2_000 - before[0][0]


@pytest.mark.parametrize("later_us", [1, -1])
@pytest.mark.parametrize("staged", [False, True])
def test_a_row_that_psycopg_cannot_encode_is_named(
    feed: Feed, now_us: int, *, staged: bool, later_us: int
) -> None:
    if staged:
        feed.store(at(now_us))
        feed.store(at(now_us))
    with pytest.raises(RowRejected) as caught:
        feed.store(at(now_us + 2), at(now_us + later_us, error="lone \ud800"))
    assert caught.value.index == 1
    assert feed.store(at(now_us + 2)) == Stored(1, 0, 0)


def test_a_day_without_a_partition_gets_one(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    days = [at(now_us - n * DAY_US) for n in (0, 40, 80)]
    assert feed.store(*days) == Stored(3, 0, 0)
    partitions = "select count(*) from pg_inherits where inhparent = 'apistatus.results'::regclass"
    assert migrated.query(partitions)[0][0] >= 9 + 2


@pytest.mark.parametrize("staged", [False, True])
def test_a_partition_that_somebody_dropped_is_made_again(
    feed: Feed, migrated: TestDatabase, now_us: int, staged: bool
) -> None:
    old_us = now_us - 50 * DAY_US
    feed.store(at(old_us))
    if staged:
        feed.store(at(old_us))
    name = datetime.fromtimestamp(old_us / 1e6, UTC).strftime("results_%Y%m%d")
    migrated.query(f"with x as (select 1) select * from x where exists (select from apistatus.{name})")
    with migrated.connect("admin") as connection:
        connection.execute(f"drop table apistatus.{name}".encode())
    assert feed.store(at(old_us), at(now_us)) == Stored(2, 0, 0)


def test_partitions_reach_a_week_ahead_of_the_newest_row(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us + DAY_US))
    newest = migrated.query(
        "select max(c.relname) from pg_inherits i join pg_class c on c.oid = i.inhrelid "
        "where inhparent = 'apistatus.results'::regclass"
    )
    ahead = datetime.fromtimestamp((now_us + 8 * DAY_US) / 1e6, UTC)
    assert newest == [(ahead.strftime("results_%Y%m%d"),)]


def test_hours_with_new_rows_are_marked_and_others_not(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us), at(now_us + 3_599_999_999), at(now_us - 1))
    hours = migrated.query(
        "select extract(epoch from hour)::bigint * 1000000 from apistatus.dirty_hours order by 1"
    )
    assert hours == [(now_us - 3_600_000_000,), (now_us,)]
    with migrated.connect("admin") as connection:
        connection.execute("delete from apistatus.dirty_hours")
    feed.store(at(now_us))
    assert migrated.query("select * from apistatus.dirty_hours") == []


def test_two_consumers_store_side_by_side(
    new_feed: Callable[..., Feed], migrated: TestDatabase, now_us: int
) -> None:
    one, two = new_feed(0), new_feed(1)
    for number in range(10):
        one.store(at(now_us + number, check="one"))
        two.store(at(now_us + number, check="two"))
    assert migrated.query("select check_id, count(*) from apistatus.check_results group by 1 order by 1") == [
        ("one", 10), ("two", 10),
    ]  # fmt: skip


def test_what_postgresql_refuses_without_naming_a_row_is_told_and_leaves_nothing(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    with closing(migrated.connect("admin")) as connection:
        connection.execute("alter table apistatus.check_state add constraint ours check (total_us <> 666)")
    feed.store(at(now_us, total_us=1))
    with pytest.raises(BatchRejected, match="ours"):
        feed.store(at(now_us + 1, total_us=666), at(now_us + 2, total_us=666))
    assert migrated.query("select count(*) from apistatus.results") == [(1,)]
    assert feed.store(at(now_us + 1, total_us=2)) == Stored(1, 0, 0)


def test_a_check_that_postgresql_refuses_is_told_too(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    with closing(migrated.connect("admin")) as connection:
        connection.execute("alter table apistatus.checks add constraint ours check (name <> 'evil')")
    with pytest.raises(BatchRejected, match="ours"):
        feed.store(at(now_us, check="evil"))
    assert feed.store(at(now_us)) == Stored(1, 0, 0)


def test_many_new_checks_at_once_are_known_with_all_that_their_results_tell(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    facts: list[dict[str, Any]] = [
        {"labels": {"team": "é", "tier": "1"}, "group": "shop", "sla_ms": 500},
        {},
        {"labels": {}, "sla_ms": 70_000, "interval_ms": 2_000_000_000},
    ]
    feed.store(*(at(now_us, check=f"c-{number}", **fact) for number, fact in enumerate(facts)))
    for table in ("checks c", "check_versions v join apistatus.checks c on c.id = v.check_id"):
        source = "v" if "versions" in table else "c"
        found = migrated.query(
            f'select c.check_id, {source}."group", {source}.labels from apistatus.{table} order by 1'
        )
        assert found == [
            ("c-0", "shop", {"team": "é", "tier": "1"}),
            ("c-1", None, None),
            ("c-2", None, None),
        ]
    versions = "select sla_ms, interval_ms, announced from apistatus.check_versions order by check_id"
    assert migrated.query(versions) == [
        (500, 1000, False), (None, 1000, False), (70_000, 2_000_000_000, False)
    ]  # fmt: skip
