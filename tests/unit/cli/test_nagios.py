"""The plugin's line, read as the Monitoring Plugins Development Guidelines say."""

from __future__ import annotations

import pytest

from apistatus.cli.outputs import nagios
from apistatus.cli.outputs.verdict import Answer
from apistatus.model.result import Result
from tests.cli.forms import nagios as form
from tests.cli.forms.nagios import Datum
from tests.fakes.messages import result
from tests.unit.cli.rounds import DEGRADED, DOWN, INCONCLUSIVE, MISSED, REFUSED, UGLY, UP, answer


def read(asked: Answer) -> tuple[str, dict[str, Datum]]:
    """Text and performance data; fails where the line is not of the form."""
    line = form.read(nagios.render(asked))
    assert form.STATES[line.state] == nagios.exit_code(asked)
    return line.text, line.data


@pytest.mark.parametrize(
    ("results", "state", "code"),
    [
        ((UP,), "OK", 0),
        ((UP, DEGRADED), "WARNING", 1),
        ((UP, DEGRADED, DOWN, INCONCLUSIVE), "CRITICAL", 2),
        ((UP, INCONCLUSIVE), "UNKNOWN", 3),
        ((UP, MISSED), "UNKNOWN", 3),
        ((DEGRADED, MISSED), "WARNING", 1),
        ((), "UNKNOWN", 3),
    ],
)
def test_the_worst_check_decides(results: tuple[Result, ...], state: str, code: int) -> None:
    text, _ = read(answer(*results))
    assert text.startswith(f"APISTATUS {state} - ")
    assert nagios.exit_code(answer(*results)) == code


def test_the_text_counts_and_names_the_worst_first() -> None:
    text, _ = read(answer(UP, INCONCLUSIVE, DEGRADED, REFUSED))
    assert text == (
        "APISTATUS CRITICAL - 4 checks: 1 up, 1 degraded, 1 down, 1 inconclusive; Gone down "
        "(127.0.0.1:1 refused the connection); Page degraded (took 2.1 s); Ours inconclusive "
        "(our own fault: no files)"
    )


def test_many_bad_checks_are_counted_rather_than_named() -> None:
    text, data = read(answer(*(result(n, f"c{n}", status="down", failure="dns") for n in range(40))))
    assert text.endswith("; c4 down; and 35 more")
    assert len(data) == 45


def test_times_have_units_and_thresholds() -> None:
    _, data = read(
        answer(UP, DOWN, REFUSED, timeouts_us={"shop": 10_000_000, "pay": 250_000, "gone": 1_500_000})
    )
    assert data["shop"] == Datum("0.0381", "s", "0.5", "10", "0", None)
    assert data["shop size"] == Datum("512", "B", None, None, "0", None)
    assert data["pay"] == Datum("0.001", "s", "0.2", "0.25", "0", None)
    assert data["gone"] == Datum(None, None, None, "1.5", "0", None)
    assert data["checks down"] == Datum("2", "", None, None, "0", "3")


def test_strict_makes_degraded_critical_and_the_sla_the_second_threshold() -> None:
    strict = answer(UP, DEGRADED, strict=True)
    text, data = read(strict)
    assert text.startswith("APISTATUS CRITICAL - ")
    assert nagios.exit_code(strict) == 2
    assert (data["shop"].warn, data["shop"].crit) == (None, "0.5")


def test_a_tiny_time_has_no_exponent() -> None:
    _, data = read(answer(result(0, "home", total_us=1)))
    assert data["home"].value == "0.000001"


def test_nothing_in_a_name_or_error_breaks_the_line() -> None:
    text, _ = read(answer(UGLY))
    assert "a/b 'c'" in text


def test_results_that_did_not_reach_the_topic_are_unknown_but_hide_no_outage() -> None:
    well = answer(UP, trouble="no broker | answers\nat all")
    assert nagios.exit_code(well) == 3
    assert read(well)[0].endswith("; not published: no broker / answers at all")
    assert nagios.exit_code(answer(DOWN, trouble="away")) == 2


def test_a_mistake_of_ours_is_one_line_without_data() -> None:
    assert nagios.unknown("a|b\nc") == "APISTATUS UNKNOWN - a/b c\n"
