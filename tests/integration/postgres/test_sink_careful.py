"""Batches among whose rows some are there already: the rows end as if they had come one by one."""

from __future__ import annotations

import random
from contextlib import closing
from itertools import islice

import pytest

from apistatus.model.result import Result
from apistatus.ports import Stored
from apistatus.postgres import road, session, state
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
    monkeypatch.setattr(session, "ENCODED_AT_ONCE", 5)
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


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Numbers of the rows that went by the staging table, batch by batch."""
    noted: list[list[int]] = []
    stage = road._stage

    def noting(connection: object, rows: list[tuple[int, object]]) -> list[object]:
        noted.append([number for number, _ in rows])
        return stage(connection, rows)

    monkeypatch.setattr(road, "_stage", noting)
    monkeypatch.setattr(session, "ENCODED_AT_ONCE", 10)
    return noted


def test_only_what_is_not_newer_than_the_check_takes_the_longer_way(
    feed: Feed, migrated: TestDatabase, now_us: int, staged: list[list[int]]
) -> None:
    feed.store(at(now_us))
    feed.store(at(now_us))
    rows = (at(now_us + number * SECOND_US) for number in range(1, 1_000))
    assert feed.store(*islice(rows, 15), at(now_us), *islice(rows, 34)) == Stored(49, 1, 0)
    assert feed.store(at(now_us - SECOND_US), at(now_us, check="another")) == Stored(2, 0, 0)
    replayed = [at(now_us + number * SECOND_US) for number in range(50)]
    assert feed.store(*replayed) == Stored(0, 50, 0)
    assert staged == [[0], [15], [0], list(range(50))]
    assert migrated.query("select count(*) from apistatus.results") == [(52,)]


def test_where_it_is_not_known_what_a_check_has_all_rows_take_the_longer_way(
    feed: Feed, migrated: TestDatabase, now_us: int, staged: list[list[int]]
) -> None:
    feed.store(at(now_us), at(now_us + SECOND_US))
    with closing(migrated.connect("admin")) as connection:
        connection.execute("truncate apistatus.check_state")
    # Out of their order, so that one is set aside before it shows that another is there.
    rows = [at(now_us + number * SECOND_US) for number in (0, 1, 3, 2, *range(4, 25))]
    assert feed.store(*rows) == Stored(23, 2, 0)
    assert staged == [list(range(25))]
    assert migrated.query("select count(*) from apistatus.results") == [(25,)]


def test_only_late_checks_are_looked_at_again(
    feed: Feed, now_us: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []
    floor = state.floor

    def noting(stored: state.State, ticks: list[tuple[int, int]]) -> int | None:
        looked_at.append(stored.seen_at)
        return floor(stored, ticks)

    both = [at(now_us, check=check) for check in "ab"]
    feed.store(*both)
    feed.store(*both)
    monkeypatch.setattr(state, "floor", noting)
    late = at(now_us - SECOND_US, check="a")
    assert feed.store(late, at(now_us + SECOND_US, check="b")) == Stored(2, 0, 0)
    assert len(looked_at) == 1


def test_batches_without_a_duplicate_end_the_care(
    feed: Feed, now_us: int, staged: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_CAREFUL_BATCHES", 3)
    written_twice: list[object] = []
    roll_back = session.Session.roll_back

    def noting(of: session.Session) -> None:
        written_twice.append(of)
        roll_back(of)

    monkeypatch.setattr(session.Session, "roll_back", noting)
    ticks = (at(now_us + number * SECOND_US) for number in range(1_000))
    first = next(ticks)
    feed.store(first)
    for _ in range(5):
        # A duplicate keeps it up.
        assert feed.store(first, next(ticks)) == Stored(1, 1, 0)
    assert len(written_twice) == 1
    for _ in range(4):
        assert feed.store(next(ticks)) == Stored(1, 0, 0)
    late = at(now_us - SECOND_US)
    staged.clear()
    assert feed.store(late) == Stored(1, 0, 0)
    assert not staged
