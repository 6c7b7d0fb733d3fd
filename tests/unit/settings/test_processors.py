"""`APISTATUS_PROCESSES`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from apistatus.settings.processors import MOST, available, processes

OURS = min(len(os.sched_getaffinity(0)), MOST) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("4", 4), ("256", 256)])
def test_a_number_is_taken_as_it_is(text: str, number: int) -> None:
    assert processes(text) == number


@pytest.mark.parametrize("text", ["0", "-1", "257", "two", "1.5", ""])
def test_what_is_no_such_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        processes(text)


def test_auto_is_the_number_of_processors_that_we_may_use() -> None:
    assert processes("auto") == processes("AUTO") == available()
    assert 1 <= available() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("limit", "number"),
    [("max 100000", OURS), ("50000 100000", 1), ("100000 100000", 1), ("99900000 100000", OURS), ("rubbish", OURS)],
)  # fmt: skip
def test_a_containers_limit_counts(tmp_path: Path, limit: str, number: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{limit}\n")
    assert available(tmp_path / "cpu.max") == number


def test_without_such_a_limit_the_processors_count(tmp_path: Path) -> None:
    assert available(tmp_path / "missing") == OURS
