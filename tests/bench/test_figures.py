"""The form in which figures are told: scripts read it."""

from __future__ import annotations

import json

import pytest

from tests.bench.figures import Figure, as_json, as_table, at_least, at_most


def test_a_figure_is_the_median_with_its_range() -> None:
    assert at_most("cost", [3.0, 1.0, 2.0], "s") == Figure("cost", 2.0, 1.0, 3.0, "s", None, None)


@pytest.mark.parametrize(("target", "met"), [(2.0, True), (1.9, False)])
def test_a_cost_meets_its_target_when_it_is_not_above_it(target: float, met: bool) -> None:
    assert at_most("cost", [2.0], "s", target).met is met


@pytest.mark.parametrize(("target", "met"), [(2.0, True), (2.1, False)])
def test_a_speed_meets_its_target_when_it_is_not_below_it(target: float, met: bool) -> None:
    assert at_least("speed", [2.0], "1/s", target).met is met


def test_json_has_the_promised_form() -> None:
    told = json.loads(as_json([at_least("speed", [2.0], "1/s", 1.0), at_most("cost", [0.5], "s")]))
    assert told.keys() == {"machine", "figures"}
    assert told["figures"] == [
        {"name": "speed", "value": 2.0, "min": 2.0, "max": 2.0, "unit": "1/s", "target": 1.0, "met": True},
        {"name": "cost", "value": 0.5, "min": 0.5, "max": 0.5, "unit": "s", "target": None, "met": None},
    ]
    assert {"processor", "cores", "memory_gib", "python", "taken_at"} <= told["machine"].keys()


def test_the_table_says_what_was_missed() -> None:
    table = as_table([at_most("cost", [3.0], "s", 2.0), at_most("size", [1_500_000.0], "B", 2e6)])
    lines = table.splitlines()
    assert lines[2].split() == ["cost", "3", "3", "3", "s", "2", "MISSED"]
    assert lines[3].split() == ["size", "1,500,000", "1,500,000", "1,500,000", "B", "2e+06", "met"]
