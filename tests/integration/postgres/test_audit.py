"""`apistatus audit` on stored data, whole and deliberately broken: what is broken is found and named."""

from __future__ import annotations

from typing import Any

import pytest

from apistatus.ports import DeadLetter
from tests.integration.postgres.auditing import MINUTE_US, Audited, instant
from tests.integration.postgres.feeding import Feed, at
from tests.services.postgres_fixtures import TestDatabase


@pytest.fixture
def audited(migrated: TestDatabase, feed: Feed) -> Audited:
    return Audited(migrated, feed)


def kinds(said: dict[str, Any]) -> list[tuple[str, str | None, int]]:
    return [(finding["kind"], finding["check"], finding["count"]) for finding in said["unexplained"]]


def test_whole_data_is_all_explained(audited: Audited) -> None:
    statuses = ("up", "degraded", "down", "missed", "inconclusive")
    audited.fill("home", lambda n: statuses[n % 5])
    audited.fill("shop")
    exit_code, said = audited.run()
    assert (exit_code, said["explained"], said["unexplained"]) == (0, True, [])
    sums = said["totals"]
    assert (sums["checks"], sums["definitions"], sums["expected"]) == (2, 2, 120)
    assert (sums["verdicts"], sums["missed"], sums["inconclusive"]) == (96, 12, 12)
    assert (sums["no_row"], sums["duplicates"], sums["off_tick"]) == (0, 0, 0)
    assert said["states"] == {"held_against_rows": 2, "different": []}


def test_a_row_that_was_deleted_is_a_hole_at_its_tick(audited: Audited) -> None:
    audited.fill("home")
    audited.fill("shop")
    ticks = audited.ticks("shop")
    audited.delete(*ticks[20:23], ticks[40])
    exit_code, said = audited.run()
    assert exit_code == 1
    assert kinds(said) == [("no row", "shop", 4)]
    holes = {check["check"]: check["holes"] for check in said["checks"]}
    assert holes["home"] == []
    assert [(hole["first"], hole["last"], hole["ticks"]) for hole in holes["shop"]] == [
        (instant(ticks[20]), instant(ticks[22]), 3),
        (instant(ticks[40]), instant(ticks[40]), 1),
    ]


def test_the_first_and_the_last_tick_are_expected_too(audited: Audited) -> None:
    audited.fill()
    ticks = audited.ticks()
    audited.delete(ticks[0], ticks[-1])
    _, said = audited.run()
    (check,) = said["checks"]
    assert [hole["first"] for hole in check["holes"]] == [instant(ticks[0]), instant(ticks[-1])]


def test_a_check_without_any_row_is_one_hole(audited: Audited) -> None:
    audited.fill("home")
    audited.feed.store(definitions=[audited.defined("shop")])
    exit_code, said = audited.run()
    assert exit_code == 1
    assert kinds(said) == [("no row", "shop", 60)]


def test_a_recorded_gap_explains_its_ticks_and_no_others(audited: Audited) -> None:
    audited.fill()
    ticks = audited.ticks()
    audited.delete(*ticks[10:20])
    audited.add_gap(ticks[10], ticks[20])
    exit_code, said = audited.run()
    assert (exit_code, said["totals"]["in_gaps"]) == (0, 10)
    audited.delete(ticks[20])
    exit_code, said = audited.run()
    assert exit_code == 1
    holes = [(hole["ticks"], hole["explained_by"], hole["detail"]) for hole in said["checks"][0]["holes"]]
    assert holes == [(10, "gap", "power cut"), (1, None, None)]


def test_a_dead_letter_explains_the_tick_it_tells_of(audited: Audited) -> None:
    audited.fill()
    tick = audited.ticks()[30]
    audited.delete(tick)
    value = b'{"v":1,"check":"home","location":"local","scheduled_at_us":%d}' % tick
    audited.feed.store(
        dead_letters=[DeadLetter(0, 5, "bounds", "too large", b"home", value, (), None),
                      DeadLetter(0, 6, "json", "no JSON", b"home", b"\xff", (), None)]
    )  # fmt: skip
    exit_code, said = audited.run()
    assert (exit_code, said["totals"]["in_dead_letters"]) == (0, 1)
    assert {letter["reason"]: letter["stored"] for letter in said["dead_letters"]} == {"bounds": 1, "json": 1}


def test_a_row_off_the_ticks_is_found_and_its_instant_named(audited: Audited) -> None:
    audited.fill("home")
    audited.fill("shop")
    off = audited.ticks("shop")[30] + 1
    audited.feed.store(at(off, check="shop"))
    exit_code, said = audited.run()
    assert exit_code == 1
    assert kinds(said) == [("off tick", "shop", 1)]
    assert said["off_tick"] == [
        {"check": "shop", "location": "local", "rows": 1, "first": instant(off), "last": instant(off)}
    ]


def test_a_row_of_check_once_has_no_tick_and_is_counted_apart(audited: Audited) -> None:
    audited.fill()
    audited.feed.store(at(audited.ticks()[30] + 12_345, origin="once"))
    exit_code, said = audited.run()
    assert exit_code == 0
    assert (said["totals"]["once"], said["totals"]["verdicts"]) == (1, 60)


def test_a_row_of_check_once_stands_for_no_tick(audited: Audited) -> None:
    audited.fill()
    tick = audited.ticks()[30]
    audited.delete(tick)
    audited.feed.store(at(tick, origin="once"))
    exit_code, said = audited.run()
    assert (exit_code, kinds(said)) == (1, [("no row", "home", 1)])


def test_a_tick_with_two_rows_is_found_though_the_key_forbids_it(audited: Audited) -> None:
    audited.fill()
    tick = audited.ticks()[30]
    audited.sql("alter table apistatus.results drop constraint results_pkey")
    audited.sql(
        "insert into apistatus.results select * from apistatus.results where scheduled_at = %s", instant(tick)
    )
    audited.delete(audited.ticks()[5])
    exit_code, said = audited.run()
    assert (exit_code, said["totals"]["duplicates"]) == (1, 1)
    assert said["twice"] == [{"check": "home", "location": "local", "scheduled_at": instant(tick), "rows": 2}]
    assert ("no row", "home", 1) in kinds(said)


def test_after_a_change_of_interval_each_part_has_the_ticks_of_its_own(audited: Audited) -> None:
    half = audited.ticks(interval_us=2 * MINUTE_US)[15]
    before = [tick for tick in audited.ticks() if tick < half]
    after = [tick for tick in audited.ticks(interval_us=2 * MINUTE_US) if tick >= half]
    audited.feed.store(
        *[at(tick, check="home") for tick in (*before, *after)],
        definitions=[audited.defined(), audited.defined(from_us=half, interval_us=2 * MINUTE_US)],
    )
    exit_code, said = audited.run()
    assert exit_code == 0, said["unexplained"]
    assert [check["expected"] for check in said["checks"]] == [len(before), len(after)]


def test_a_producer_with_the_definition_of_before_is_an_overlap(audited: Audited) -> None:
    audited.fill()
    half = audited.ticks()[30]
    audited.feed.store(definitions=[audited.removed("home", half)])
    exit_code, said = audited.run()
    assert exit_code == 0
    assert (said["totals"]["expected"], said["totals"]["other_definition"]) == (30, 30)


def test_rows_of_a_check_that_nobody_announced_are_not_judged(audited: Audited) -> None:
    audited.fill("home")
    audited.feed.store(*[at(tick, check="shop") for tick in audited.ticks("shop")[::7]])
    exit_code, said = audited.run()
    assert exit_code == 0
    assert said["totals"]["unannounced"] == 9


def test_one_check_can_be_audited_alone(audited: Audited) -> None:
    audited.fill("home")
    audited.fill("shop")
    audited.delete(audited.ticks("shop")[3])
    assert audited.run("--check", "home")[0] == 0
    exit_code, said = audited.run("--check", "shop")
    assert (exit_code, said["totals"]["checks"]) == (1, 1)
    assert audited.run("--check", "shop", "--check", "home")[1]["totals"]["expected"] == 120


def test_what_retention_took_is_said_and_not_missed(audited: Audited) -> None:
    audited.fill()
    for day_us in (audited.from_us - 24 * 60 * MINUTE_US, audited.from_us, audited.to_us):
        audited.sql(f"drop table if exists apistatus.results_{instant(day_us)[:10].replace('-', '')}")
    exit_code, said = audited.run()
    assert exit_code == 75, said
    assert said["kept_from"] is not None
    assert (said["totals"]["expected"], said["unexplained"]) == (0, [])


def test_messages_that_kafka_deleted_too_early_are_shown_as_consume_recorded_them(audited: Audited) -> None:
    audited.fill()
    audited.sql(
        "insert into apistatus.lost_messages (cluster_id, topic, partition, from_offset, until_offset, found_at)"
        " values ('cluster', 'statuses', 3, 5, 12, now())"
    )
    _, said = audited.run()
    (lost,) = said["lost_messages"]
    assert (lost["partition"], lost["from_offset"], lost["until_offset"]) == (3, 5, 12)


def test_an_empty_database_proves_nothing(audited: Audited) -> None:
    exit_code, said = audited.run()
    assert (exit_code, said["explained"]) == (75, True)
