"""Incidents out of changes of the verdict."""

from __future__ import annotations

from apistatus.model.evidence import Gap
from apistatus.report.history import HALF_HOUR_US, Bin, entries, first_bin_us, sparkline
from apistatus.report.incidents import Change, distinct, incidents


def test_an_incident_runs_from_the_first_down_to_the_first_that_works() -> None:
    changes = [
        Change(10, "up"), Change(20, "down", "timeout", error="slow"), Change(30, "down", "dns"),
        Change(40, "degraded"), Change(50, "up"),
    ]  # fmt: skip
    [incident] = incidents(changes, 0, 100)
    assert (incident.from_us, incident.until_us, incident.failure, incident.error) == (
        20,
        40,
        "timeout",
        "slow",
    )
    assert incident.duration_us(100) == 20


def test_one_that_reaches_into_the_time_counts_whole_and_others_do_not() -> None:
    changes = [
        Change(1, "down"), Change(3, "up"), Change(5, "down"), Change(15, "up"), Change(18, "down"),
        Change(25, "up"), Change(28, "down"),
    ]  # fmt: skip
    assert [(each.from_us, each.until_us) for each in incidents(changes, 10, 20)] == [(5, 15), (18, None)]


def test_one_that_ended_as_the_time_began_is_not_in_it() -> None:
    assert incidents([Change(1, "down"), Change(10, "up")], 10, 20) == []


def test_a_check_taken_out_while_down_ends_its_incident() -> None:
    [incident] = incidents([Change(5, "down")], 0, 100, removed_us=40)
    assert incident.until_us == 40
    [later] = incidents([Change(5, "down")], 0, 100, removed_us=400)
    assert later.until_us is None


def test_verdicts_that_are_equal_are_no_change() -> None:
    found = distinct(
        [Change(30, "up"), Change(10, "up"), Change(20, "up"), Change(40, "down"), Change(50, "down")]
    )
    assert [change.at_us for change in found] == [10, 40]


def test_a_history_tells_how_long_each_held_and_the_gaps_between() -> None:
    changes = [
        Change(10, "up"),
        Change(20, "down", "status", 503, error="Service Unavailable"),
        Change(60, "up"),
    ]
    found = entries(changes, [Gap((1, 1), 30, 40, "stopped")], None)
    assert [(entry.from_us, entry.until_us, entry.status, entry.cause) for entry in found] == [
        (60, None, "up", ""), (30, 40, "no producer", "stopped"),
        (20, 60, "down", "status 503: Service Unavailable"), (10, 20, "up", ""),
    ]  # fmt: skip


def test_what_a_target_said_cannot_steer_a_terminal() -> None:
    [entry] = entries([Change(1, "down", "protocol", error="\x1b[2J\nboo")], [], None)
    assert entry.cause == "protocol:  [2J boo"


def test_the_last_day_shows_what_was_down_and_what_is_not_known() -> None:
    now = 1000 * HALF_HOUR_US + 5
    first = first_bin_us(now)
    bins: dict[int, Bin] = {
        first: (30, 0, 50_000.0),
        first + HALF_HOUR_US: (30, 0, 100_000.0),
        first + 2 * HALF_HOUR_US: (20, 10, 60_000.0),
        first + 47 * HALF_HOUR_US: (0, 0, None),
    }
    line = sparkline(bins, now)
    assert len(line) == 48
    assert line[:4] == "▁█✗·"
    assert line[-1] == "·"


def test_times_that_hardly_differ_are_drawn_flat() -> None:
    now = 1000 * HALF_HOUR_US
    bins: dict[int, Bin] = {
        first_bin_us(now) + number * HALF_HOUR_US: (1, 0, 100_000.0 + number) for number in range(48)
    }
    assert set(sparkline(bins, now)) == {"▁"}
