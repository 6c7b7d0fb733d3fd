"""Batches among whose rows some are there already: the rows end as if they had come one by one."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from apistatus.model.result import Result
from apistatus.ports import Stored
from apistatus.postgres import road
from tests.integration.postgres.feeding import Feed, at
from tests.services.postgres_fixtures import TestDatabase

SECOND_US = 1_000_000
ROWS = (
    "select check_id, (extract(epoch from scheduled_at) * 1000000)::bigint, status, error "
    "from apistatus.check_results order by 1, 2"
)
Rows = dict[tuple[str, int], tuple[str, str | None]]


def merge(rows: Rows, batch: list[Result]) -> None:
    """What a batch does to the rows: the first of a tick stays, but a verdict replaces what is none."""
    for one in batch:
        key = (one.check, one.scheduled_at_us)
        status, _ = rows.setdefault(key, (one.status, one.error))
        if status in ("missed", "inconclusive") and one.status in ("up", "degraded", "down"):
            rows[key] = (one.status, one.error)


def stored_rows(database: TestDatabase) -> Rows:
    return {(str(row[0]), int(str(row[1]))): (str(row[2]), row[3]) for row in database.query(ROWS)}


@pytest.mark.parametrize("seed", range(4))
def test_any_mixture_of_old_and_new_rows_ends_as_if_they_had_come_one_by_one(
    feed: Feed, migrated: TestDatabase, now_us: int, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(road, "AT_ONCE", 5)
    dice, expected, number = random.Random(seed), Rows(), 0
    feed.store(at(now_us, error="0"))
    merge(expected, [at(now_us, error="0")])
    for _ in range(30):
        batch = []
        for _ in range(dice.randrange(1, 40)):
            number += 1
            tick_us = now_us + dice.randrange(60 if dice.random() < 0.3 else 100_000) * SECOND_US
            batch.append(
                at(tick_us, dice.choice(("up", "down", "missed")), dice.choice("ab"), error=str(number))
            )
        before = dict(expected)
        merge(expected, batch)
        stored = feed.store(*batch)
        changed = len(expected.items() - before.items())
        assert stored == Stored(changed, len(batch) - changed, 0)
        assert stored_rows(migrated) == expected
    verdicts = [(at_us, status) for (check, at_us), (status, _) in expected.items() if check == "a"]
    newest = max((at_us, status) for at_us, status in verdicts if status != "missed")
    assert migrated.query("select status from apistatus.check_status where check_id = 'a'") == [(newest[1],)]


def test_only_the_rows_around_a_duplicate_take_the_longer_way(
    feed: Feed, migrated: TestDatabase, now_us: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(road, "AT_ONCE", 10)
    staged: list[int] = []
    copy_staged = road._copy_staged

    def counting(connection: object, rows: object, indexes: list[int]) -> set[int]:
        staged.extend(indexes)
        return copy_staged(connection, rows, indexes)

    monkeypatch.setattr(road, "_copy_staged", counting)
    feed.store(at(now_us))
    feed.store(at(now_us))
    staged.clear()
    rows = (at(now_us + number * SECOND_US) for number in range(1, 1_000))
    assert feed.store(*islice(rows, 15), at(now_us), *islice(rows, 34)) == Stored(49, 1, 0)
    assert staged == list(range(10, 20))
    staged.clear()
    replayed = [at(now_us + number * SECOND_US) for number in range(50)]
    assert feed.store(*replayed) == Stored(0, 50, 0)
    assert staged == list(range(50))
    assert migrated.query("select count(*) from apistatus.results") == [(50,)]
