"""The form in which figures are told: scripts read it."""

from __future__ import annotations

import json

from tests.bench.figures import as_json, as_table, at_least, at_most


def test_json_has_the_promised_form() -> None:
    told = json.loads(as_json([at_least("speed", [2.0], "1/s", 1.0), at_most("cost", [0.5], "s")]))
    assert told.keys() == {"machine", "figures"}
    assert told["figures"] == [
        {"name": "speed", "value": 2.0, "min": 2.0, "max": 2.0, "unit": "1/s", "target": 1.0, "met": True},
        {"name": "cost", "value": 0.5, "min": 0.5, "max": 0.5, "unit": "s", "target": None, "met": None},
    ]
    assert {"processor", "cores", "memory_gib", "python", "taken_at"} <= told["machine"].keys()


def test_the_table_says_what_was_missed() -> None:
    lines = as_table([at_most("cost", [3.0], "s", 2.0), at_most("size", [1.5e6], "B", 2e6)]).splitlines()
    assert lines[0].startswith("processor: ")
    assert " ".join(lines[2].split()) == "cost 3.00 s 3.00 to 3.00 MISSED (at most 2)"
    assert " ".join(lines[3].split()) == "size 1,500,000 B 1,500,000 to 1,500,000 met (at most 2e+06)"
