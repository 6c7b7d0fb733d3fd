"""JUnit XML held against the structure of Jenkins' junit-10.xsd, which is the strictest of its readers."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, fromstring
from zoneinfo import ZoneInfo

import pytest

from apistatus.cli.outputs import junit
from apistatus.cli.outputs.verdict import Answer
from tests.unit.cli.rounds import ALL, DEGRADED, DOWN, HOSTILE, INCONCLUSIVE, MISSED, UGLY, UP, answer

# Element -> (children, required attributes, allowed attributes), as junit-10.xsd has them.
_VERDICT = (frozenset(), frozenset(), frozenset({"type", "message"}))
STRUCTURE = {
    "testsuites": ({"testsuite"}, set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        {"name", "tests", "failures", "errors"},
        {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id",
         "package", "file", "log", "url"},
    ),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, {"name", "value"}),
    "testcase": (
        {"skipped", "error", "failure", "system-out", "system-err"}, {"name"},
        {"name", "time", "classname", "group"},
    ),
    "failure": _VERDICT, "error": _VERDICT, "skipped": _VERDICT,
    "system-out": (set(), set(), set()), "system-err": (set(), set(), set()),
}  # fmt: skip
MIXED = {"failure", "error", "skipped", "system-out", "system-err"}
SUREFIRE_TIME = r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?"


def require_valid(element: Element) -> None:
    """Fails where the element, or one inside it, is not as the schema says."""
    children, required, allowed = STRUCTURE[element.tag]
    assert {child.tag for child in element} <= children, element.tag
    assert required <= set(element.attrib) <= allowed, element.tag
    if "time" in element.attrib:
        assert re.fullmatch(SUREFIRE_TIME, element.attrib["time"])
    if element.tag not in MIXED:
        assert not (element.text or "").strip()
    assert not (element.tail or "").strip()
    if element.tag == "testcase":
        assert len(element.findall("*")) == 1
    if element.tag in ("testsuite", "testsuites"):
        for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert int(element.attrib[attribute]) == len(list(element.iter(tag)))
    for child in element:
        require_valid(child)


def parsed(*answers: Answer) -> Element:
    root = fromstring(junit.render(answers).encode())
    require_valid(root)
    return root


def verdicts(root: Element) -> dict[str, str]:
    """Name of each case -> the tag that says what became of it."""
    return {case.attrib["name"]: case[0].tag for case in root.iter("testcase")}


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
