"""The forms of a report: what is said in each, and that nothing of a target gets out of its cell."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET

import pytest

from apistatus.report import document, html, markdown, svg, text, words
from apistatus.report.incidents import Change
from apistatus.report.model import Report, make
from apistatus.report.pieces import DAY_US
from tests.unit.report.lines import BEGIN, counts, report, scope

EVIL = "<script>alert('x')</script> | `a` \x1b[31m"


@pytest.fixture
def found() -> Report:
    changes = (Change(BEGIN + 5, "down", "timeout", error=EVIL), Change(BEGIN + 600_000_005, "up"))
    return report(
        {0: counts(up=1430, down=10), 2: counts(up=1440)}, changes=changes, name=EVIL, group="a & b",
        of=scope(objective=99.9),
    )  # fmt: skip


def test_no_form_lets_a_name_or_an_error_out(found: Report) -> None:
    page = html.page(found)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "a &amp; b" in page
    assert "\x1b" not in text.page(found) + markdown.page(found) + page
    table = [line for line in markdown.page(found).splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)[|]", line)) for line in table[:3]}) == 1
    assert "script" in table[2]


def test_the_file_needs_no_network(found: Report) -> None:
    page = html.page(found)
    assert not re.search(r"(src|href)=|url\(|@import|http", page)


def test_pictures_are_well_formed_and_draw_a_gap_as_a_gap(found: Report) -> None:
    [line] = found.lines
    strip = ET.fromstring(svg.strip(line, found.scope))
    assert [cell.get("class") for cell in strip] == ["u2", "gap", "u0"]
    band, top_ms = svg.band(line, found.scope)
    assert len(ET.fromstring(band).findall("polyline")) == 2
    assert top_ms is not None


def test_a_part_of_which_half_is_known_is_half_grey() -> None:
    half = report({0: counts(up=720), 1: counts(up=1440)}, of=scope(2))
    strip = ET.fromstring(svg.strip(half.lines[0], half.scope, 24))
    assert [(cell.get("class"), cell.get("height")) for cell in strip] == [
        ("u0", "24"), ("gap", "12.0"), ("u0", "24")
    ]  # fmt: skip
    assert "50.0 % of the expected ticks have a verdict" in (strip[1][0].text or "")


def test_days_before_a_check_existed_are_not_drawn_as_gaps() -> None:
    from tests.unit.report.lines import definition

    new = report({2: counts(up=1440)}, definition(from_us=BEGIN + 2 * DAY_US))
    strip = ET.fromstring(svg.strip(new.lines[0], new.scope))
    assert [cell.get("class") for cell in strip] == ["none", "none", "u0"]


def test_the_document_is_json_with_the_figures_of_the_page(found: Report) -> None:
    told = json.loads(json.dumps(document.document(found)))
    [check] = told["checks"]
    assert (check["expected"], check["made"], check["no_result"]) == (4320, 2880, 1440)
    assert [day["made"] for day in check["days"]] == [1440, 1440]
    assert check["incidents"][0]["duration_s"] == 600
    assert told["groups"][0]["group"] == "a & b"
    assert told["objective"] == 99.9


def test_csv_has_a_line_for_each_check_group_label_and_all(found: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(document.table(found))))
    assert [row["kind"] for row in rows] == ["check", "group", "label", "total"]
    assert rows[0]["name"] == EVIL
    assert rows[0]["uptime"] == rows[3]["uptime"]


def test_a_report_without_checks_is_said_in_every_form() -> None:
    empty = make(scope(), [])
    assert "nothing is stored" in text.page(empty)
    assert "Nothing is stored" in markdown.page(empty)
    assert "Nothing is stored" in html.page(empty)
    assert document.document(empty)["checks"] == []
    assert document.table(empty).count("\n") == 2


@pytest.mark.parametrize(
    ("share", "told"),
    [(None, words.NOTHING), (1.0, "100 %"), (0.99999999, "99.999 %"), (0.999, "99.900 %"), (0.0, "0.000 %"),
     (0.57, "57.000 %")],
)  # fmt: skip
def test_a_share_is_cut_off_and_never_rounded_up_to_all(share: float | None, told: str) -> None:
    assert words.percent(share) == told


@pytest.mark.parametrize(
    ("us", "told"),
    [(None, words.NOTHING), (0, "0 s"), (400_000, "< 1 s"), (59_000_000, "59 s"), (60_000_000, "1 min"),
     (3_661_000_000, "1 h 1 min"), (90_000_000_000, "1 d 1 h"), (-61_000_000, "-1 min 1 s")],
)  # fmt: skip
def test_durations_are_told_in_two_units(us: int | None, told: str) -> None:
    assert words.length(us) == told


@pytest.mark.parametrize(
    ("value_ms", "told"),
    [
        (None, words.NOTHING),
        (0.4, "0.4 ms"),
        (84.2, "84 ms"),
        (999.6, "1.00 s"),
        (1270, "1.27 s"),
        (12_000, "12.0 s"),
    ],
)
def test_times_are_told_in_three_digits(value_ms: float | None, told: str) -> None:
    assert words.milliseconds(value_ms) == told
