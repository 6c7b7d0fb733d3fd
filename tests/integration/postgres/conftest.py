"""A sink on a migrated database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from apistatus.postgres.sink import PostgresSink
from tests.integration.postgres.feeding import Feed
from tests.services.postgres_fixtures import TestDatabase


@pytest.fixture
def new_feed(migrated: TestDatabase) -> Iterator[Callable[..., Feed]]:
    """Makes sinks that have claimed partition 0 (or those named), each with its own connection."""
    made: list[Feed] = []

    def make(*partitions: int, database: TestDatabase = migrated) -> Feed:
        made.append(Feed(PostgresSink(database.app, group="tests"), partitions or (0,)))
        return made[-1]

    yield make
    for feed in made:
        feed.sink.close()


@pytest.fixture
def feed(new_feed: Callable[..., Feed]) -> Feed:
    return new_feed()


@pytest.fixture
def now_us() -> int:
    """A whole hour, an hour or two ago, in UTC microseconds since 1970."""
    return int(time.time()) // 3600 * 3_600_000_000 - 3_600_000_000
