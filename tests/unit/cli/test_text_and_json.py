"""The table for people and the JSON for programs."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import msgspec
import pytest

from apistatus.cli.outputs import json as json_output
from apistatus.cli.outputs import text
from apistatus.model import wire
from apistatus.model.result import Result
from tests.fakes.messages import result
from tests.unit.cli.rounds import ALL, DEGRADED, DOWN, MISSED, UGLY, UP, answer


def test_the_table_says_what_happened_to_each_check_and_sums_up() -> None:
    assert text.render(answer(UP, DEGRADED, DOWN, MISSED), colourful=False) == (
        "STATUS    CHECK      TOTAL  VALUE  DETAIL\n"
        "up        Shop     38.1 ms  42     connect 4.5 · processing 33.5 · transfer 0.1 ms\n"
        "degraded  Page   2100.0 ms  -      took 2.1 s\n"
        "down      Pay       1.0 ms  -      status 500 Internal Server Error, expected 200-299\n"
        "missed    Late           -  -      stopped before the check ended\n"
        "\n"
        "4 checks at 2027-01-15 08:00:00 UTC: 1 up, 1 degraded, 1 down, 1 missed\n"
    )


def test_times_of_the_table_are_in_the_zone_that_was_asked_for() -> None:
    assert "at 2027-01-15 17:00:00 JST" in text.render(
        answer(UP, zone=ZoneInfo("Asia/Tokyo")), colourful=False
    )


def test_colours_are_there_only_when_wanted_and_leave_the_columns_alone() -> None:
    plain = text.render(answer(UP, DOWN), colourful=False)
    colourful = text.render(answer(UP, DOWN), colourful=True)
    assert "\x1b[32mup    \x1b[0m" in colourful
    assert "\x1b[31mdown  \x1b[0m" in colourful
    for code in ("\x1b[31m", "\x1b[32m", "\x1b[0m"):
        colourful = colourful.replace(code, "")
    assert colourful == plain


def test_nothing_of_a_target_reaches_the_terminal_as_a_command() -> None:
    assert all(line.isprintable() for line in text.render(answer(UGLY), colourful=False).splitlines())
    assert len(text.render(answer(UGLY), colourful=False).splitlines()) == 4


def test_a_long_value_is_cut() -> None:
    assert f"{'x' * 39}…" in text.render(answer(result(0, value="x" * 4_000)), colourful=False)


def test_quiet_is_nothing_when_all_is_well_and_else_only_what_is_bad() -> None:
    assert text.render(answer(UP, DEGRADED, quiet=True), colourful=False) == ""
    table = text.render(answer(UP, DOWN, quiet=True), colourful=False)
    assert "Pay" in table
    assert "Shop" not in table
    assert "1 up, 1 down" in table


@pytest.mark.parametrize("told", ALL, ids=lambda told: told.check)
def test_json_is_the_fields_of_the_result_without_nulls(told: Result) -> None:
    [fields] = json.loads(json_output.render(answer(told)).encode("utf-8", "replace"))["results"]
    assert None not in fields.values()
    if told is not UGLY:  # NUL and surrogates: what a topic refuses, a terminal may show
        assert wire.decode(msgspec.json.encode(fields)) == told


def test_a_line_of_json_is_one_line_of_the_same() -> None:
    line = json_output.line(DOWN)
    assert line.count("\n") == 1
    assert json.loads(line) == json.loads(json_output.render(answer(DOWN)))["results"][0]


def test_the_summary_counts_what_quiet_does_not_show() -> None:
    told = json.loads(json_output.render(answer(UP, DOWN, quiet=True)))
    assert [fields["check"] for fields in told["results"]] == ["pay"]
    assert (told["summary"]["total"], told["summary"]["up"]) == (2, 1)
