"""What was to be expected, and what became of it."""

from __future__ import annotations

import pytest

from apistatus.report import plan
from apistatus.report.incidents import Change
from apistatus.report.model import Scope
from apistatus.report.pieces import DAY_US
from tests.unit.report.lines import BEGIN, MINUTE_US, NOW, counts, definition, report, scope


def test_every_tick_of_the_time_is_expected() -> None:
    [line] = report({0: counts(up=1440), 1: counts(up=1430, missed=4)}).lines
    assert line.expected == 3 * 1440
    assert line.no_row == 6 + 1440
    assert line.counts.rows == 2874


def test_ticks_are_expected_only_while_a_definition_holds() -> None:
    planned = plan.spans([definition(from_us=BEGIN + DAY_US, until_us=BEGIN + 2 * DAY_US)], scope())
    assert [(span.ticks, span.in_force) for span in planned] == [(None, False), (1440, True), (None, False)]


def test_a_change_of_the_interval_changes_what_is_expected_and_what_a_tick_stands_for() -> None:
    middle = BEGIN + DAY_US
    before, after = definition(until_us=middle), definition(from_us=middle, interval_us=2 * MINUTE_US)
    [line] = report({0: counts(up=1440), 1: counts(up=710, down=10)}, before, after, of=scope(2)).lines
    assert line.expected == 1440 + 720
    assert line.no_row == 0
    assert line.bad_us == 10 * 2 * MINUTE_US
    assert line.good_us == (1440 + 2 * 710) * MINUTE_US
    by_ticks = line.counts.uptime
    assert by_ticks != line.uptime_by_time


def test_ticks_too_young_to_have_a_result_are_not_missed_yet() -> None:
    open_end = Scope(NOW - 10 * MINUTE_US, NOW, NOW, "hour")
    planned = plan.spans([definition()], open_end)
    assert [(span.to_us - span.from_us, span.ticks) for span in planned] == [
        (8 * MINUTE_US, 8), (2 * MINUTE_US, None)
    ]  # fmt: skip


def test_what_no_producer_has_announced_is_not_expected() -> None:
    [line] = report({0: counts(up=7)}, definition(announced=False)).lines
    assert (line.expected, line.no_row) == (7, 0)


def test_a_check_that_did_not_exist_yet_is_left_out() -> None:
    assert report({}, definition(from_us=BEGIN + 9 * DAY_US)).lines == []


def test_a_time_without_a_verdict_is_neither_up_nor_down() -> None:
    [line] = report({0: counts(missed=1440)}).lines
    assert (line.uptime_by_time, line.counts.uptime, line.good_us, line.bad_us) == (None, None, 0, 0)


def test_the_budget_is_of_the_time_that_is_known() -> None:
    found = report({0: counts(up=998, down=2)}, of=scope(1, objective=99.9))
    budget = found.lines[0].budget(found.scope)
    assert budget is not None
    assert budget.allowed_us == pytest.approx(MINUTE_US)
    assert budget.left_us == pytest.approx(-MINUTE_US)
    assert budget.left_share == pytest.approx(-1)


def test_an_objective_of_100_allows_nothing() -> None:
    found = report({0: counts(up=10)}, of=scope(1, objective=100))
    budget = found.lines[0].budget(found.scope)
    assert budget is not None
    assert (budget.allowed_us, budget.left_share) == (0, None)


def test_means_are_of_incidents_that_ended_and_that_began() -> None:
    before, within = BEGIN - 60 * MINUTE_US, BEGIN + 600 * MINUTE_US
    changes = (
        Change(before, "down"), Change(BEGIN + 60 * MINUTE_US, "up"),
        Change(within, "down"), Change(within + 30 * MINUTE_US, "degraded"),
        Change(within + 900 * MINUTE_US, "down"),
    )  # fmt: skip
    found = report({0: counts(up=1000, down=50)}, changes=changes)
    [line] = found.lines
    assert len(line.incidents) == 3
    assert line.mttr_us(found.scope) == (120 + 30) / 2 * MINUTE_US
    assert line.mtbf_us(found.scope) == line.good_us / 2


def test_the_worst_stands_first_and_groups_add_up() -> None:
    found = report({0: counts(up=90, down=10)}, group="shop")
    [group], [label] = found.groups, found.labels
    assert (group.name, label.name) == ("shop", "team=red")
    assert group.counts == found.lines[0].counts
    assert group.by_time[BEGIN].down == found.total.counts.down == 10
