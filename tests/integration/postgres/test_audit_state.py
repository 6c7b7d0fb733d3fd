"""`apistatus audit` folds the rows by itself and names every column of check_state that is not that."""

from __future__ import annotations

import random

import pytest

from tests.integration.postgres.auditing import Audited, instant
from tests.integration.postgres.feeding import Feed, at
from tests.services.postgres_fixtures import TestDatabase

STATUSES = ("up", "up", "up", "degraded", "down", "missed", "inconclusive")


@pytest.fixture
def audited(migrated: TestDatabase, feed: Feed) -> Audited:
    return Audited(migrated, feed)


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("status = 2", "status"),
        ("failure = 9", "failure"),
        ("total_us = 7", "total_us"),
        ("value = 'other'", "value"),
        ("error = 'other'", "error"),
        ("verdict_at = verdict_at - interval '1 minute'", "verdict_at"),
        ("seen_at = seen_at - interval '1 minute'", "seen_at"),
        ("unknown_since_at = seen_at", "unknown_since_at"),
        ("since_at = since_at + interval '1 minute'", "since_at"),
        ("since_at = since_at - interval '1 minute'", "since_at"),
        ("since_at = since_at + interval '1 second'", "since_at"),
    ],
)
def test_a_state_that_was_changed_is_found_and_its_column_named(
    audited: Audited, change: str, column: str
) -> None:
    audited.fill("home", lambda n: "down" if n < 20 else "up")
    audited.fill("shop")
    assert audited.run()[0] == 0
    audited.sql(
        f"update apistatus.check_state set {change}"
        " where check_id = (select id from apistatus.checks where check_id = 'home')"
    )
    exit_code, said = audited.run()
    assert exit_code == 1
    (finding,) = said["unexplained"]
    assert (finding["kind"], finding["check"]) == ("state", "home")
    assert column in {found["column"] for found in said["states"]["different"]}
    assert column in finding["text"]


def test_a_state_that_was_deleted_is_found(audited: Audited) -> None:
    audited.fill()
    audited.sql("delete from apistatus.check_state")
    exit_code, said = audited.run()
    assert exit_code == 1
    assert said["unexplained"][0]["text"] == "check_state is not what the rows give: there is none"


def test_the_newest_row_deleted_is_a_state_without_its_rows(audited: Audited) -> None:
    audited.fill()
    audited.delete(audited.ticks()[-1])
    _, said = audited.run()
    assert [finding["kind"] for finding in said["unexplained"]] == ["no row", "state"]


@pytest.mark.parametrize("seed", range(3))
def test_what_consume_keeps_is_the_fold_of_its_rows(audited: Audited, seed: int) -> None:
    chance = random.Random(seed)
    checks = [f"c{number}" for number in range(8)]
    audited.feed.store(definitions=[audited.defined(check) for check in checks])
    rows = [
        at(tick, chance.choice(STATUSES), check=check) for check in checks for tick in audited.ticks(check)
    ]
    # In crowds that come in any order, as after an outage.
    chance.shuffle(rows)
    while rows:
        audited.feed.store(*rows[:97])
        del rows[:97]
    exit_code, said = audited.run()
    assert said["states"] == {"held_against_rows": 8, "different": []}
    assert exit_code == 0


def test_a_run_that_began_before_the_time_asked_for_is_held_against_its_first_rows(audited: Audited) -> None:
    audited.fill("home", lambda n: "down" if n < 20 else "up")
    limits = ("--from", instant(audited.ticks()[40]))
    assert audited.run(*limits)[0] == 0
    audited.sql("update apistatus.check_state set since_at = since_at - interval '2 minutes'")
    exit_code, said = audited.run(*limits)
    assert exit_code == 1
    assert [found["column"] for found in said["states"]["different"]] == ["since_at"]
