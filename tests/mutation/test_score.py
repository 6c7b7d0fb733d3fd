"""How a mutation run is counted, and which survivors are explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.mutation.score import Change, Mutant, change_in, explained_in, killed_percent, mutants_in, table

DIFF = """# apistatus.probing.comparing.x_same__mutmut_1: survived
--- apistatus/probing/comparing.py
+++ apistatus/probing/comparing.py
@@ -1,3 +1,3 @@
 def same(seen, expected):
-    return seen == expected
+    return seen != expected
"""
CHANGE = Change(("return seen == expected",), ("return seen != expected",))


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(0, "survived"), (1, "killed"), (3, "killed"), (33, "untested"), (5, "untested"), (None, "unknown"),
     (2, "unknown"), (-24, "timeout"), (36, "timeout"), (-11, "timeout")],
)  # fmt: skip
def test_the_exit_code_tells_what_became_of_a_mutant(code: int | None, outcome: str, tmp_path: Path) -> None:
    folder = tmp_path / "apistatus" / "probing"
    folder.mkdir(parents=True)
    (folder / "comparing.py.meta").write_text(json.dumps({"exit_code_by_key": {"x_same__mutmut_1": code}}))
    assert mutants_in(tmp_path) == [Mutant("comparing", "x_same__mutmut_1", outcome)]


def test_what_was_not_looked_at_does_not_count() -> None:
    outcomes = ("killed", "timeout", "survived", "untested", "unknown")
    mutants = [Mutant("comparing", outcome, outcome) for outcome in outcomes]
    assert killed_percent(mutants) == 50.0
    assert killed_percent(mutants[-1:]) == 0.0
    last = table([*mutants, Mutant("masking", "one", "killed")]).splitlines()[-1]
    assert last.split() == ["all", "6", "2", "1", "1", "1", "60.0%"]


def test_a_survivor_is_explained_by_the_very_change_it_makes() -> None:
    assert change_in(DIFF) == CHANGE
    page = "Why:\n\n```diff\n- a\n+ b\n\n- return seen == expected\n+ return seen != expected\n```\n\nMore.\n"
    assert CHANGE in explained_in(page)
    assert explained_in(page) == {CHANGE, Change(("a",), ("b",))}
    assert explained_in("no block") == set()
    assert explained_in("```\n- return seen == expected\n+ return seen != expected\n```") == set()
