"""Spans without a producer are recorded with the batch, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apistatus.model import wire
from apistatus.model.definition import Gap
from apistatus.ports import Batch, Stored
from tests.integration.postgres.feeding import Feed, at
from tests.services.postgres_fixtures import TestDatabase

MINUTE_US = 60_000_000


def gap(from_us: int, minutes: int, check: str = "home", reason: str = "it was stopped") -> Gap:
    return wire.gap(
        check,
        location="local",
        producer="p",
        from_us=from_us,
        until_us=from_us + minutes * MINUTE_US,
        reason=reason,
    )


def store(feed: Feed, *gaps: Gap) -> Stored:
    stored = feed.sink.store(Batch(gaps=list(gaps), positions={feed.partition: feed.offset + 1}))
    feed.offset += 1
    return stored


def recorded(database: TestDatabase) -> list[tuple[Any, ...]]:
    return database.query(
        "select c.check_id, l.name, (extract(epoch from g.from_at) * 1000000)::bigint,"
        " (extract(epoch from g.until_at - g.from_at) / 60)::int, g.producer, g.reason"
        " from apistatus.gaps g join apistatus.checks c on c.id = g.check_id"
        " join apistatus.locations l on l.id = g.location_id order by g.from_at"
    )


def test_a_gap_is_recorded_once_however_often_it_comes(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us))
    assert store(feed, gap(now_us, 5), gap(now_us, 5)) == Stored(0, 0, 0)
    store(feed, gap(now_us, 5))
    assert recorded(migrated) == [("home", "local", now_us, 5, "p", "it was stopped")]


def test_the_longer_one_of_two_that_begin_together_stays(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(at(now_us))
    store(feed, gap(now_us, 5), gap(now_us, 9, reason="longer"))
    store(feed, gap(now_us, 2))
    store(feed, gap(now_us + MINUTE_US, 1))
    assert recorded(migrated) == [
        ("home", "local", now_us, 9, "p", "longer"),
        ("home", "local", now_us + MINUTE_US, 1, "p", "it was stopped"),
    ]


def test_a_gap_of_a_check_that_nobody_knows_explains_nothing(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    store(feed, gap(now_us, 5, check="unknown"))
    assert recorded(migrated) == []
    assert migrated.query("select count(*) from apistatus.checks") == [(0,)]


def test_a_known_check_is_found_again_by_a_consumer_that_has_not_seen_it(
    new_feed: Callable[..., Feed], migrated: TestDatabase, now_us: int
) -> None:
    new_feed().store(at(now_us))
    store(new_feed(), gap(now_us, 5))
    assert len(recorded(migrated)) == 1
