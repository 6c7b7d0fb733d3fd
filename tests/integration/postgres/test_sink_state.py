"""check_status is the fold of the rows, in whatever order they come; definitions keep their history."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apistatus.model.definition import CheckDefined, CheckRemoved
from apistatus.model.result import Result
from tests.integration.postgres.feeding import Feed, at
from tests.services.postgres_fixtures import TestDatabase

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STATUSES = ("up", "up", "up", "degraded", "down", "missed", "inconclusive")


def when(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def fold(database: TestDatabase) -> dict[object, tuple[object, ...]]:
    """What check_status should say, from the stored rows alone."""
    states: dict[object, tuple[object, ...]] = {}
    for check, tick, status, total_ms in database.query(
        "select check_id, scheduled_at, status, total_ms from apistatus.check_results "
        "order by check_id, scheduled_at"
    ):
        verdict, since, verdict_at, unknown_since, shown_ms = states.get(check, (None,) * 5)
        if status in ("missed", "inconclusive"):
            unknown_since = unknown_since or tick
        else:
            since = since if status == verdict else tick
            verdict, verdict_at, unknown_since, shown_ms = status, tick, None, total_ms
        states[check] = (verdict, since, verdict_at, unknown_since, shown_ms)
    return states


def stored(database: TestDatabase) -> dict[object, tuple[object, ...]]:
    rows = database.query(
        "select check_id, status, since, scheduled_at, unknown_since, total_ms from apistatus.check_status"
    )
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize("seed", range(6))
def test_the_state_is_the_fold_of_the_rows_whatever_the_order(
    feed: Feed, migrated: TestDatabase, now_us: int, seed: int
) -> None:
    chance = random.Random(seed)
    ticks = [
        at(now_us + n * 1_000_000, chance.choice(STATUSES), check=f"c{check}", total_us=n * 1000)
        for n in range(60)
        for check in range(4)
    ]
    # Mostly in order, as live results are, with stretches that come late, and some twice with another status.
    late = [tick for tick in ticks if chance.random() < 0.3]
    live = [tick for tick in ticks if tick not in late]
    chance.shuffle(late)
    while live or late:
        batch = live[: chance.randrange(12)]
        del live[: len(batch)]
        if chance.random() < 0.7:
            count = chance.randrange(6)
            batch += late[:count]
            del late[:count]
        if batch and chance.random() < 0.3:
            again = chance.choice(batch)
            batch.append(at(again.scheduled_at_us, chance.choice(STATUSES), check=again.check, total_us=1))
        if batch:
            feed.store(*batch)
            assert stored(migrated) == fold(migrated)


def test_the_status_shows_the_last_verdict_with_its_facts(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    expires_us = now_us + 30 * 86_400_000_000
    feed.store(
        at(now_us, total_us=5_000, value="v", certificate_expires_at_us=expires_us),
        at(now_us + 1, "down", failure="timeout", error="slow", name="Renamed"),
        at(now_us + 2, "missed", attempts=0),
    )
    assert migrated.query("select * from apistatus.check_status") == [
        ("home", "home", "local", "down", when(now_us + 1), when(now_us + 1), None, None, "timeout", "slow",
         when(expires_us), when(now_us + 2)),
    ]  # fmt: skip


def test_a_check_without_a_verdict_has_a_line_too(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    feed.store(at(now_us, "missed", attempts=0))
    assert stored(migrated) == {"home": (None, None, None, when(now_us), None)}
    feed.store(at(now_us + 1, "up", total_us=7000))
    assert stored(migrated) == {"home": ("up", when(now_us + 1), when(now_us + 1), None, 7.0)}


def test_a_verdict_in_the_place_of_a_missed_tick_counts(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us, "up"), at(now_us + 1, "missed"), at(now_us + 2, "missed"))
    feed.store(at(now_us + 1, "down"))
    assert stored(migrated)["home"][:4] == ("down", when(now_us + 1), when(now_us + 1), when(now_us + 2))


def defined(from_us: int, **fields: Any) -> CheckDefined:
    facts = {
        "v": 1, "kind": "check", "check": "home", "location": "local", "from_us": from_us, "name": "Home",
        "site": "http://x", "endpoint": "/", "interval_ms": 1000, "producer": "p", **fields,
    }  # fmt: skip
    return CheckDefined(**facts)


def removed(from_us: int) -> CheckRemoved:
    return CheckRemoved(
        v=1, kind="check_removed", check="home", location="local", from_us=from_us, producer="p"
    )


def versions(database: TestDatabase) -> list[tuple[object, ...]]:
    return database.query(
        "select from_at, until_at, name, interval_ms, announced from apistatus.check_versions "
        "order by from_at"
    )


def test_a_changed_definition_is_a_new_version_and_renames_the_check(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us), definitions=[defined(now_us, labels={"team": "é"}, group="g")])
    feed.store(definitions=[defined(now_us + 10, labels={"team": "é"}, group="g")])
    feed.store(definitions=[defined(now_us + 20, name="Casa", interval_ms=5000)])
    assert versions(migrated) == [
        (when(now_us), when(now_us + 20), "Home", 1000, True),
        (when(now_us + 20), None, "Casa", 5000, True),
    ]
    assert migrated.query("select check_id, name from apistatus.check_results") == [("home", "Casa")]


def test_a_check_known_from_a_result_alone_is_not_announced(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us))
    assert versions(migrated) == [(when(now_us), None, "home", 1000, False)]
    feed.store(definitions=[defined(now_us + 5)])
    assert versions(migrated) == [
        (when(now_us), when(now_us + 5), "home", 1000, False),
        (when(now_us + 5), None, "Home", 1000, True),
    ]


def test_a_removed_check_leaves_the_status_and_keeps_its_rows(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us), definitions=[defined(now_us)])
    feed.store(definitions=[removed(now_us + 10)])
    assert stored(migrated) == {}
    assert migrated.query("select check_id from apistatus.check_results") == [("home",)]
    feed.store(definitions=[defined(now_us + 50)])
    assert list(stored(migrated)) == ["home"]


def test_a_consumer_that_has_just_started_knows_which_check_is_removed(
    new_feed: Callable[..., Feed], migrated: TestDatabase, now_us: int
) -> None:
    new_feed().store(definitions=[defined(now_us)])
    new_feed().store(definitions=[removed(now_us + 10)])
    assert versions(migrated) == [(when(now_us), when(now_us + 10), "Home", 1000, True)]


def test_removing_a_check_that_nobody_knows_changes_nothing(feed: Feed, migrated: TestDatabase) -> None:
    feed.store(definitions=[removed(5)])
    assert versions(migrated) == []


def test_locations_are_kept_apart(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    feed.store(at(now_us, "up"), at(now_us, "down", location="paris"))
    rows = migrated.query("select location, status from apistatus.check_status order by 1")
    assert rows == [("local", "up"), ("paris", "down")]


def test_many_new_checks_are_learnt_in_one_batch(feed: Feed, migrated: TestDatabase, now_us: int) -> None:
    def one(number: int) -> Result:
        return at(now_us + number, check=f"c{number}")

    assert feed.store(*(one(number) for number in range(3_000))).rows == 3_000
    assert migrated.query("select count(*) from apistatus.check_status") == [(3_000,)]
