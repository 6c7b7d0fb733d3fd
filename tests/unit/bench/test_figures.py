"""Medians, ratios and how they are shown."""

from __future__ import annotations

import json

from apistatus.bench.figures import at_least, document, figure, machine, quantile, ratio, table


def test_a_figure_is_the_median_with_its_range_and_met_up_to_its_target() -> None:
    one = figure("cost", [3.0, 1.0, 2.0], "us", 2.0)
    assert (one.value, one.min, one.max, one.met) == (2.0, 1.0, 3.0, True)
    assert figure("cost", [3.0], "us", 2.0).met is False
    assert figure("cost", [3.0], "us").met is None


def test_a_figure_that_should_be_large_is_met_down_to_its_target() -> None:
    assert [at_least("rate", [2.0], "x", target).met for target in (1.9, 2.0, 2.1)] == [True, True, False]


def test_a_ratio_compares_runs_of_the_same_round() -> None:
    one = ratio("a / b", [10.0, 30.0, 20.0], [10.0, 10.0, 10.0], 1.5)
    assert (one.value, one.min, one.max, one.unit, one.met) == (2.0, 1.0, 3.0, "x", False)


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [quantile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1.0, 51.0, 100.0, 100.0]
    assert quantile([7.0], 0.99) == 7.0


def test_the_table_says_what_was_missed_and_the_document_is_json() -> None:
    figures = [
        figure("short", [1.0], "us", 2.0), figure("much longer", [3.0], "us", 2.0),
        at_least("fast", [120_000.0], "rows/s", 1e5), at_least("slow", [0.2], "x", 0.4),
    ]  # fmt: skip
    lines = table(figures, {"cores": 2}).splitlines()
    assert lines[0] == "cores: 2"
    assert lines[2].endswith("met (at most 2)")
    assert lines[3].endswith("MISSED (at most 2)")
    assert lines[4].endswith("120,000 rows/s 120,000 to 120,000  met (at least 100000)")
    assert lines[5].endswith("MISSED (at least 0.4)")
    found = json.loads(json.dumps(document(figures, machine())))
    assert found["figures"][1] == {
        "name": "much longer", "value": 3.0, "min": 3.0, "max": 3.0, "unit": "us", "target": 2.0, "met": False,
    }  # fmt: skip
    assert found["machine"]["cores"] >= 1
