"""Hours and days added up: exact at every moment, whatever comes late and wherever the work is cut off."""

from __future__ import annotations

import random
from contextlib import closing

import pytest

from apistatus.errors import ApistatusError
from apistatus.postgres import rollups
from apistatus.postgres.connect import connect
from tests.integration.postgres.feeding import Feed, at
from tests.integration.postgres.rolling import (
    DAY_US,
    EXACT_PERCENTILES,
    HOUR_US,
    MINUTE_US,
    TIMES,
    assert_views_are_exact,
    changes_by_rows,
    changes_stored,
    maintained,
    some_results,
    store_all,
)
from tests.services.postgres_fixtures import TestDatabase


def test_the_views_have_the_columns_that_are_promised(migrated: TestDatabase) -> None:
    counts = ["made", "up", "degraded", "down", "missed", "inconclusive", "uptime"]
    times = ["avg_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms"]
    for view, begin in (("check_hours", "hour"), ("check_days", "day")):
        found = migrated.query(
            "select column_name from information_schema.columns where table_schema = 'apistatus' "
            "and table_name = %s order by ordinal_position", view,
        )  # fmt: skip
        assert [name for (name,) in found] == ["check_id", "name", "location", begin, *counts, *times]


def test_hours_and_days_are_exact_before_and_after_they_are_added_up(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    for seed, check in enumerate(("home", "shop")):
        store_all(feed, some_results(seed, now_us - 3 * DAY_US, 3 * 288 + 20, check))
    assert_views_are_exact(migrated)
    done = maintained(migrated)
    assert done.hours > 70
    assert done.days >= 2
    assert_views_are_exact(migrated)
    assert maintained(migrated).lines != []
    assert maintained(migrated).hours == maintained(migrated).days == 0


def test_a_late_row_is_seen_at_once_and_added_up_by_the_next_step(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    first = now_us - 2 * DAY_US
    store_all(feed, some_results(1, first, 200))
    maintained(migrated)
    feed.store(at(first + MINUTE_US, "down", total_us=1000), at(first + 3 * HOUR_US + MINUTE_US, "degraded"))
    assert_views_are_exact(migrated)
    assert maintained(migrated).hours == 2
    assert_views_are_exact(migrated)
    assert migrated.query("select count(*) from apistatus.open_hours") == [(0,)]


def test_a_verdict_that_replaces_a_missed_row_is_counted_once(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us - DAY_US, "missed"), at(now_us - DAY_US + MINUTE_US))
    maintained(migrated)
    feed.store(at(now_us - DAY_US, "up", total_us=5))
    maintained(migrated)
    assert_views_are_exact(migrated)


@pytest.mark.parametrize("added_up", [False, True])
def test_percentiles_are_within_3_percent_of_the_exact_ones(
    feed: Feed, migrated: TestDatabase, now_us: int, *, added_up: bool
) -> None:
    dice = random.Random(7)
    first = now_us // DAY_US * DAY_US - 2 * DAY_US
    rows = []
    for number in range(2 * 1440):
        total_us = int(dice.lognormvariate(11.5, 0.8)) if number % 50 else int(10 ** dice.uniform(2, 9.3))
        rows.append(at(first + number * MINUTE_US, total_us=total_us))
    # Hours with hardly any row are where a percentile lies between two that are far apart.
    rows += [
        at(first + number * 20 * MINUTE_US, check="rare", total_us=10 ** (number % 9)) for number in range(90)
    ]
    store_all(feed, rows, 1000)
    if added_up:
        maintained(migrated)
    compared = 0
    for name, (unit, time) in TIMES.items():
        for percentile, fraction in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)):
            query = EXACT_PERCENTILES.format(
                view=f"check_{name}", unit=unit, time=time, percentile=percentile, fraction=fraction
            )
            for told, exact in migrated.query(query):
                compared += 1
                assert told == pytest.approx(exact, rel=0.03, abs=0.01)
    assert compared > 150


def test_histograms_of_hours_and_checks_add_up_in_plain_sql(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    dice = random.Random(3)
    store_all(feed, [
        at(now_us - DAY_US + number * MINUTE_US, check=check, total_us=int(dice.lognormvariate(10, 1)))
        for check in ("home", "shop") for number in range(600)
    ])  # fmt: skip
    maintained(migrated)
    [(told,)] = migrated.query(
        "select apistatus.percentile(apistatus.histogram_sum(histogram), 0.95) from apistatus.check_times"
    )
    [(exact,)] = migrated.query(
        "select percentile_cont(0.95) within group (order by total_ms) from apistatus.check_results"
    )
    assert told == pytest.approx(exact, rel=0.03)


def test_an_empty_hour_has_no_percentile_and_no_uptime(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us - DAY_US, "missed"))
    expected = [(0, None, None, None, None)]
    query = "select made, uptime, avg_ms, p95_ms, max_ms from apistatus.check_hours"
    assert migrated.query(query) == expected
    maintained(migrated)
    assert migrated.query(query) == expected


def test_a_mark_made_while_its_hour_is_added_up_stays(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us - DAY_US))
    with closing(connect(migrated.app)) as connection:
        [closed] = rollups.closed_hours(connection)
        feed.store(at(now_us - DAY_US + MINUTE_US, "down"))
        rollups.add_up_hour(connection, closed)
        assert len(rollups.closed_hours(connection)) == 1
    assert_views_are_exact(migrated)


def test_an_hour_is_read_without_the_rest_of_its_day_before_there_are_statistics(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    store_all(feed, some_results(8, now_us - DAY_US, 200))
    with closing(connect(migrated.app)) as connection:
        first, second, *_ = rollups.closed_hours(connection)
        rollups.add_up_hour(connection, first)  # and the index by time knows the rows
        with connection.transaction():
            rollups.add_up_hour(connection, second)
            scans = connection.execute(
                "select sum(seq_scan), sum(idx_scan) > 0 from pg_stat_xact_user_tables where relname ~ '^results_'"
            ).fetchall()
    assert scans == [(0, True)]


def test_adding_up_that_is_cut_off_leaves_nothing_half_done(
    feed: Feed, migrated: TestDatabase, now_us: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_all(feed, some_results(5, now_us - DAY_US, 100))
    real, calls = rollups.statement, 0

    def fails_in_the_end(name: str) -> bytes:
        nonlocal calls
        calls += name == "rollup_unmark"
        return b"select 1 / 0" if name == "rollup_unmark" and calls == 3 else real(name)

    monkeypatch.setattr(rollups, "statement", fails_in_the_end)
    with pytest.raises(ApistatusError, match="division by zero"):
        maintained(migrated)
    assert_views_are_exact(migrated)
    monkeypatch.undo()
    maintained(migrated)
    assert_views_are_exact(migrated)
    assert changes_stored(migrated) == changes_by_rows(migrated)


@pytest.mark.parametrize("seed", range(10))
def test_status_changes_are_those_of_the_rows_in_whatever_order_they_come(
    feed: Feed, migrated: TestDatabase, now_us: int, seed: int
) -> None:
    rows = some_results(seed, now_us - DAY_US, 250, step_us=5 * MINUTE_US)
    rows = [row for row in rows if random.Random(row.scheduled_at_us).random() < 0.6]
    dice = random.Random(seed)
    dice.shuffle(rows)
    for begin in range(0, len(rows), 40):
        feed.store(*rows[begin : begin + 40])
        maintained(migrated)
        assert_views_are_exact(migrated)
        closed = migrated.query("select date_trunc('hour', now())")[0][0]
        expected = [row for row in changes_by_rows(migrated) if row[2] < closed]
        assert [row for row in changes_stored(migrated) if row[2] < closed] == expected
