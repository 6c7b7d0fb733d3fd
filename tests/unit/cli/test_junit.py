"""JUnit XML held against the schema of all of its readers' rules."""

from __future__ import annotations

from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

import pytest

from apistatus.cli.outputs import junit
from apistatus.cli.outputs.verdict import Answer
from tests.cli.forms import junit as form
from tests.cli.forms.junit import verdicts
from tests.unit.cli.rounds import ALL, DEGRADED, DOWN, HOSTILE, INCONCLUSIVE, MISSED, UGLY, UP, answer


def parsed(*answers: Answer) -> Element:
    return form.read(junit.render(answers))


def test_down_fails_inconclusive_is_an_error_and_missed_is_skipped() -> None:
    root = parsed(answer(UP, DEGRADED, DOWN, MISSED, INCONCLUSIVE))
    assert verdicts(root) == {
        "Shop": "system-out", "Page": "system-out", "Pay": "failure", "Late": "skipped", "Ours": "error",
    }  # fmt: skip
    failure = next(root.iter("failure"))
    assert failure.attrib == {"type": "status", "message": DOWN.error}
    assert "status code: 500" in str(failure.text)


def test_degraded_fails_only_when_strict() -> None:
    root = parsed(answer(UP, DEGRADED, strict=True))
    assert verdicts(root) == {"Shop": "system-out", "Page": "failure"}
    assert next(root.iter("failure")).attrib["type"] == "degraded"


def test_a_suite_is_a_group_with_its_place_and_times_in_seconds() -> None:
    root = parsed(answer(UP, DEGRADED, DOWN))
    suites = {suite.attrib["name"]: suite for suite in root}
    assert set(suites) == {"web", "checks"}
    assert suites["web"].attrib["time"] == "2.138"
    assert suites["web"].attrib["timestamp"] == "2027-01-15T08:00:00"
    assert [case.attrib["time"] for case in suites["web"].iter("testcase")] == ["0.038", "2.100"]
    assert {case.attrib["classname"] for case in suites["web"].iter("testcase")} == {"web"}
    properties = {entry.attrib["name"]: entry.attrib["value"] for entry in suites["web"].iter("property")}
    assert properties["location"] == "local"


def test_timestamps_are_in_the_zone_that_was_asked_for() -> None:
    root = parsed(answer(UP, zone=ZoneInfo("Asia/Tokyo")))
    assert root[0].attrib["timestamp"] == "2027-01-15T17:00:00"


def test_rounds_are_suites_of_one_document() -> None:
    root = parsed(answer(UP), answer(DOWN))
    assert [suite.attrib["name"] for suite in root] == ["web, round 1 of 2", "checks, round 2 of 2"]
    assert root.attrib["failures"] == "1"


def test_a_check_of_every_round_is_a_case_of_its_own_where_cases_are_known_by_their_class() -> None:
    root = parsed(answer(DOWN), answer(DOWN))
    classes = [case.attrib["classname"] for case in root.iter("testcase")]
    assert classes == ["checks, round 1 of 2", "checks, round 2 of 2"]


def test_no_text_can_break_the_document() -> None:
    root = parsed(answer(UGLY))
    case = next(root.iter("testcase"))
    clean = HOSTILE.translate(dict.fromkeys((0x1B, 0, 0xD800, 0xFFFE), "\N{REPLACEMENT CHARACTER}"))
    assert case.attrib["name"] == clean
    assert clean in str(case[0].text)


@pytest.mark.parametrize("answers", [(), (answer(),), (answer(UP, quiet=True),)])
def test_without_a_case_the_document_is_complete_all_the_same(answers: tuple[Answer, ...]) -> None:
    root = parsed(*answers)
    assert (root.attrib["tests"], len(root)) == ("0", 0)


def test_quiet_leaves_out_what_is_well() -> None:
    assert "Shop" not in verdicts(parsed(answer(*ALL, quiet=True)))
