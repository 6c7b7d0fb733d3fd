"""What is said at the end: counted at both ends of the line."""

from __future__ import annotations

import dataclasses
import io

from rich.console import Console

from apistatus.demo.snapshot import CheckSummary
from apistatus.demo.summary import Summary, render, verdict

CLOCK = CheckSummary("World Clock", ticks=10, up=9, degraded=0, down=1, missed=0, avg_ms=2.25, p95_ms=4.0)
WELL = Summary([CLOCK], ran_s=62.0, produced=10, unsent=0, missed=0, duplicates=0, dead_letters=0)


def test_all_stored_is_well() -> None:
    assert (WELL.stored, WELL.lost, WELL.exit_code) == (10, 0, 0)
    assert verdict(WELL).startswith("produced 10, stored 10, duplicates 0, missed 0, dead letters 0.")
    assert verdict(WELL).endswith("exactly once.")


def test_a_result_that_is_nowhere_is_said_loudly_and_is_the_exit_code() -> None:
    short = dataclasses.replace(WELL, produced=12)
    assert (short.lost, short.exit_code) == (2, 1)
    assert "2 LOST" in verdict(short)


def test_a_duplicate_is_not_lost() -> None:
    twice = dataclasses.replace(WELL, produced=12, duplicates=2)
    assert (twice.lost, twice.exit_code) == (0, 0)
    assert verdict(twice).endswith("No result is lost.")


def test_what_was_not_sent_is_said() -> None:
    assert "not sent 3" in verdict(dataclasses.replace(WELL, unsent=3))


def test_table_has_a_line_for_each_check() -> None:
    file = io.StringIO()
    never = CheckSummary("Never stored")
    Console(file=file, width=80).print(render(dataclasses.replace(WELL, checks=[CLOCK, never])))
    text = file.getvalue()
    assert "What was stored in 0:01:02:" in text
    rows = {line[:12].strip(): line[12:].split() for line in text.splitlines()}
    assert rows["World Clock"] == ["10", "9", "0", "1", "0", "2.2", "ms", "4.0", "ms"]
    assert rows["Never stored"] == ["0", "0", "0", "0", "0"]
