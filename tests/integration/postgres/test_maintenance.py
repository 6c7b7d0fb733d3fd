"""Maintenance: one at a time, safe to repeat, days dropped without losing what was added up."""

from __future__ import annotations

import random
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest

from apistatus.errors import IncompatibleSchema, PostgresUnavailable
from apistatus.postgres.maintenance import Maintenance
from apistatus.settings.schema import StorageSettings
from apistatus.wiring import maintain
from tests.integration.postgres.feeding import Feed, at
from tests.integration.postgres.rolling import (
    DAY_US,
    HOUR_US,
    assert_views_are_exact,
    changes_by_rows,
    changes_stored,
    maintained,
    some_results,
    store_all,
)
from tests.services import command
from tests.services.postgres_fixtures import TestDatabase

DAYS = "select day, up, degraded, down, p95_ms from apistatus.check_days order by day"


def partitions(database: TestDatabase) -> list[str]:
    found = database.query(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
        "where i.inhparent = 'apistatus.results'::regclass order by 1"
    )
    return [str(name) for (name,) in found]


def partition(days_ago: int) -> str:
    return f"results_{datetime.now(UTC).date() - timedelta(days=days_ago):%Y%m%d}"


def day_of(instant_us: int) -> date:
    """Not always as many days ago as it seems: `now_us` lies in yesterday while today is young."""
    return datetime.fromtimestamp(instant_us / 1e6, UTC).date()


def days_ago(instant_us: int) -> int:
    return (datetime.now(UTC).date() - day_of(instant_us)).days


def test_partitions_are_made_a_week_ahead(migrated: TestDatabase) -> None:
    with closing(migrated.connect("admin")) as connection:
        connection.execute(f"drop table apistatus.{partition(-7)}".encode())
    assert maintained(migrated).partitions == 1
    assert partition(-7) in partitions(migrated)


def test_every_partition_has_the_index_by_time(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    feed.store(at(now_us - 30 * DAY_US))
    [(indexes,)] = migrated.query(
        "select count(*) from pg_inherits where inhparent = 'apistatus.results_by_time'::regclass"
    )
    assert indexes == len(partitions(migrated))


def test_days_past_their_keep_are_dropped_and_their_rollups_stay(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    store_all(feed, some_results(1, now_us - 6 * DAY_US, 6 * 48, step_us=HOUR_US // 2))
    maintained(migrated)
    before = migrated.query(DAYS)
    done = maintained(migrated, keep_days=2)
    assert [f"results_{day:%Y%m%d}" for day in done.dropped] == [
        partition(days) for days in range(days_ago(now_us - 6 * DAY_US), 2, -1)
    ]
    assert min(partitions(migrated)) == partition(2)
    assert migrated.query(DAYS) == before
    assert migrated.query("select count(*) from pg_class where relname like 'dropped%%'") == [(0,)]
    assert maintained(migrated, keep_days=2).dropped == []


def test_a_day_is_not_dropped_before_it_is_added_up(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    feed.store(at(now_us - 6 * DAY_US))
    with closing(migrated.connect()) as connection:
        row = connection.execute("select apistatus.detach_results(current_date - 2)").fetchone()
    assert row != (day_of(now_us - 6 * DAY_US),)
    assert partition(days_ago(now_us - 6 * DAY_US)) in partitions(migrated)


def test_a_row_of_a_dropped_day_changes_nothing_that_was_added_up(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    store_all(feed, some_results(2, now_us - 6 * DAY_US, 96, step_us=HOUR_US // 2))
    maintained(migrated)
    maintained(migrated, keep_days=2)
    before = migrated.query(DAYS)
    feed.store(at(now_us - 5 * DAY_US, "down"))
    assert migrated.query(DAYS) == before
    done = maintained(migrated, keep_days=2)
    assert done.hours == 0
    assert f"{done.dropped[0]:%Y%m%d}" == partition(days_ago(now_us - 5 * DAY_US))[-8:]
    assert migrated.query(DAYS) == before
    assert migrated.query("select count(*) from apistatus.dirty_hours") == [(0,)]


def test_what_a_killed_step_took_off_is_dropped_by_the_next(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us - 6 * DAY_US))
    maintained(migrated)
    with closing(migrated.connect()) as connection:
        row = connection.execute("select apistatus.detach_results(current_date - 5)").fetchone()
        assert row == (day_of(now_us - 6 * DAY_US),)
    feed.store(at(now_us - 6 * DAY_US))  # and the day is made anew meanwhile
    keep_days = days_ago(now_us - 6 * DAY_US) - 1
    assert len(maintained(migrated, keep_days=keep_days).dropped) == 1
    assert migrated.query("select count(*) from pg_class where relname like 'dropped%%'") == [(0,)]


def test_less_than_a_day_is_never_dropped(migrated: TestDatabase) -> None:
    with (
        closing(migrated.connect()) as connection,
        pytest.raises(psycopg.errors.DatetimeFieldOverflow, match="less than a day"),
    ):
        connection.execute("select apistatus.detach_results(current_date)")


def test_retention_does_not_wait_for_a_reader_but_comes_again(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us - 6 * DAY_US))
    maintained(migrated)
    with closing(migrated.connect()) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from apistatus.results")
        done = maintained(migrated, keep_days=2)
        assert done.postponed
        assert done.dropped == []
    dropped = maintained(migrated, keep_days=2).dropped
    assert f"{dropped[0]:%Y%m%d}" == partition(days_ago(now_us - 6 * DAY_US))[-8:]


def test_a_closed_day_is_packed_once(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    store_all(feed, some_results(4, now_us - 3 * DAY_US, 200))
    packed = [maintained(migrated).packed for _ in range(6)]
    days = [day for day in packed if day is not None]
    assert len(set(days)) == len(days)
    assert packed[-1] is None
    assert datetime.now(UTC).date() - timedelta(days=3) in days
    full = migrated.query(
        "select i.relname from pg_class i join pg_index x on x.indexrelid = i.oid and x.indisprimary "
        "where i.relname ~ '^results_[0-9]' and i.reloptions @> array['fillfactor=100'] order by 1"
    )
    assert [name for (name,) in full] == sorted(f"results_{day:%Y%m%d}_pkey" for day in days)


def test_only_one_process_does_it(migrated: TestDatabase) -> None:
    with closing(migrated.connect()) as other:
        other.execute("select pg_advisory_lock(4850170771033302)")
        done = maintained(migrated)
        assert done.elsewhere
        answer = command.run("maintain", "--once", env=migrated.environ())
        assert (answer.returncode, answer.stdout.strip()) == (0, done.lines[0])
    assert not maintained(migrated).elsewhere


def test_two_at_once_do_the_work_once(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    store_all(feed, some_results(6, now_us - DAY_US, 288))
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(maintained(migrated).hours)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = sum(found) + maintained(migrated).hours
    assert total == migrated.query("select count(distinct hour) from apistatus.rollup_hours")[0][0]


def test_a_step_killed_anywhere_leaves_what_the_next_one_finishes(
    feed: Feed, migrated: TestDatabase, now_us: int, tmp_path: Path
) -> None:
    def ended_or_added_up(running: command.Command, hours: int) -> bool:
        (found,) = migrated.query("select count(*) from apistatus.rollup_hours")[0]
        return running.process.poll() is not None or int(str(found)) >= hours

    rows = some_results(8, now_us - 3 * DAY_US, 3 * 288)
    random.Random(8).shuffle(rows)
    for number in range(6):
        store_all(feed, rows[number::6])
        with command.Command(["maintain", "--once"], migrated.environ(), tmp_path / "log") as running:
            command.wait_until(partial(ended_or_added_up, running, 5 * number), "some hours")
            running.kill()
        assert_views_are_exact(migrated)
    command.wait_until(lambda: not maintained(migrated).elsewhere, "the lock of a killed process to go")
    assert_views_are_exact(migrated)
    assert changes_stored(migrated) == changes_by_rows(migrated)


def test_rows_that_come_in_meanwhile_are_never_left_out(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    over = threading.Event()
    failed: list[BaseException] = []

    def keep_on() -> None:
        try:
            while not over.is_set():
                maintained(migrated, keep_days=30)
        except Exception as error:  # noqa: BLE001 - told to the test, whatever it is
            failed.append(error)

    thread = threading.Thread(target=keep_on)
    thread.start()
    rows = some_results(9, now_us - DAY_US, 280)
    random.Random(9).shuffle(rows)
    for begin in range(0, len(rows), 4):
        feed.store(*rows[begin : begin + 4])
    over.set()
    thread.join()
    assert failed == []
    maintained(migrated)
    assert_views_are_exact(migrated)
    assert changes_stored(migrated) == changes_by_rows(migrated)


def test_beside_a_command_it_works_until_the_command_ends(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us - DAY_US))
    with maintain.beside(migrated.app, StorageSettings()):
        done = "select count(*) > 0 from apistatus.rollup_hours"
        command.wait_until(lambda: migrated.query(done) == [(True,)], "a rollup")
    assert not any(thread.name == "maintenance" for thread in threading.enumerate())


def test_beside_a_command_it_never_ends_the_command(
    migrated: TestDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    with maintain.beside(replace(migrated.app, port=1), StorageSettings()):
        command.wait_until(lambda: "maintenance.failed" in caplog.text, "a line in the log")
    assert caplog.text.count("maintenance.failed") == 1


def test_a_connection_that_broke_is_made_anew(migrated: TestDatabase) -> None:
    maintenance = Maintenance(migrated.app, 90)
    with closing(maintenance):
        maintenance.step()
        migrated.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()",
            migrated.name,
        )
        with pytest.raises(PostgresUnavailable):
            maintenance.step()
        maintenance.step()


def test_an_older_schema_is_refused_with_the_command_to_run(migrated: TestDatabase) -> None:
    with closing(migrated.connect("admin")) as connection:
        connection.execute("delete from apistatus.migrations where version >= '0006'")
    with pytest.raises(IncompatibleSchema, match=r"older than this version.*apistatus migrate"):
        maintained(migrated)


def test_maintain_says_what_it_did(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    feed.store(at(now_us - 4 * DAY_US))
    env = {**migrated.environ(), "APISTATUS_RETENTION_DAYS": "2"}
    answer = command.run("maintain", "--once", env=env)
    assert answer.returncode == 0, answer.stderr
    assert "rollups: 1 hours added up" in answer.stdout
    assert "dropped" in answer.stdout
    assert command.run("maintain", env=env).returncode == 2
