"""The report adds up over calls, and never counts a case that could not run as passed."""

from __future__ import annotations

from pathlib import Path

from tests.faults import report
from tests.faults.case import Case

FIGURES = {"produced": 10, "stored": 10, "missed": 1, "dead": 2, "lost": 0, "twice": 0}


def case(number: int = 3) -> Case:
    return Case(number, "a fault", "a promise", lambda run: None)


def record(outcome: str = "held", recoveries_s: tuple[float, ...] = (), number: int = 3) -> dict[str, object]:
    return {"case": number, "outcome": outcome, "figures": FIGURES, "recoveries_s": list(recoveries_s)}


def test_runs_of_several_calls_add_up(tmp_path: Path) -> None:
    place = tmp_path / "new" / "report.jsonl"
    for recoveries_s in ((1.0, 2.0), (6.0,)):
        report.append(place, record(recoveries_s=recoveries_s))
    (row,) = report.rows([case()], report.records(place))
    assert row == ["3 a fault", "2", "20", "20", "2", "4", "0", "0", "2.0 / 6.0 s"]


def test_a_broken_run_is_counted_as_one() -> None:
    (row,) = report.rows([case()], [record(), record("broken")])
    assert row[1] == "2, 1 broken"


def test_a_case_that_lacks_something_is_missing_and_has_no_figures() -> None:
    (row,) = report.rows([case()], [{"case": 3, "outcome": "missing", "lacks": "root"}])
    assert row == ["3 a fault", "missing: root", *["-"] * 7]


def test_a_run_that_could_not_be_carried_out_is_neither_held_nor_broken() -> None:
    (row,) = report.rows([case()], [record(), record("spoiled")])
    assert row[1] == "1"


def test_a_case_nobody_played_says_so() -> None:
    (row,) = report.rows([case()], [record(number=4)])
    assert row[1] == "not run"


def test_the_markdown_has_a_line_for_every_case() -> None:
    lines = report.markdown(report.rows([case(3), case(4)], [])).splitlines()
    assert [line.split("|")[1].strip() for line in lines] == ["case", "---", "3 a fault", "4 a fault"]


def test_without_a_report_nothing_was_run(tmp_path: Path) -> None:
    assert report.records(tmp_path / "none.jsonl") == []
