"""The live page: what stands on it, in the sizes and terminals that people have."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from apistatus.demo.snapshot import CheckNow, Snapshot, Totals
from apistatus.demo.view import Frame, Page, clock, duration, milliseconds, one_line, shares

FRAME = Frame("local", "/tmp/apistatus-demo-abc/psql", "The broker lives in memory.", "Ctrl+C ends it")
PHASES = {"resolve": 0.1, "connect": 0.3, "tls": 2.0, "processing": 8.0, "transfer": 0.2}


def check(name: str, status: str | None = "up", **known: object) -> CheckNow:
    known = {
        "value": "42",
        "total_ms": 10.6,
        "phases_ms": PHASES,
        "since_s": 75.0,
        "history": ["up"] * 5,
    } | known
    return CheckNow(name.lower(), name, status=status, **known)


def drawn(
    snapshot: Snapshot,
    *,
    width: int = 80,
    height: int = 24,
    colours: str | None = None,
    encoding: str = "utf-8",
) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(
        file=file, width=width, height=height, color_system=colours, force_terminal=colours is not None,
        legacy_windows=False, _environ={},
    )  # fmt: skip
    console.print(Page(FRAME, snapshot))
    return raw.getvalue().decode(encoding)


def snapshot(*checks: CheckNow, totals: Totals | None = None, trouble: str | None = None) -> Snapshot:
    return Snapshot(checks, totals or Totals(412, 409, 3, 0, 0, 0), 63.0, trouble)


def line_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if name in line)


def test_page_tells_status_value_time_and_since_of_each_check() -> None:
    line = line_of(drawn(snapshot(check("Clock"), check("Shop", "degraded"))), "Clock")
    assert line.split()[:5] == ["●", "up", "Clock", "42", "10.6"]
    assert line.rstrip().endswith("1m")


def test_page_shows_the_reason_instead_of_the_value_of_a_check_that_is_down() -> None:
    text = drawn(snapshot(check("Shop", "down", value=None, error="status 503")))
    assert "status 503" in line_of(text, "Shop")


def test_page_says_waiting_before_the_first_verdict() -> None:
    new = CheckNow("new", "New one")
    assert "waiting" in line_of(drawn(snapshot(new)), "New one")


def test_page_counts_the_line_and_marks_what_is_not_known() -> None:
    text = drawn(snapshot(check("Clock"), totals=Totals(1412, 1409, None, 2, 1, 0)))
    assert "produced 1,412    stored 1,409    lag -    missed 2    dead letters 1" in text


def test_page_tells_how_to_look_inside_and_how_long_it_runs() -> None:
    text = drawn(snapshot(check("Clock")))
    assert "look inside  /tmp/apistatus-demo-abc/psql" in text
    assert "running 0:01:03, Ctrl+C ends it" in text
    assert "The broker lives in memory." in text


def test_page_ends_with_what_is_in_trouble() -> None:
    text = drawn(snapshot(check("Clock"), trouble="consume: postgres.unavailable"))
    assert text.rstrip().endswith("consume: postgres.unavailable")


@pytest.mark.parametrize("width", [80, 120, 200])
def test_page_fits_its_width(width: int) -> None:
    long = check("A name that is much longer than any column could be", value="v" * 300)
    lines = drawn(snapshot(long, check("Shop", "down", error="e" * 300)), width=width).splitlines()
    assert max(len(line) for line in lines) <= width
    assert any("…" in line for line in lines)


@pytest.mark.parametrize("height", [24, 40])
def test_page_fits_its_height_and_shows_trouble_first(height: int) -> None:
    checks = [check(f"Well {number}") for number in range(50)] + [check("Ill", "down", error="refused")]
    text = drawn(snapshot(*checks, trouble="something"), height=height)
    assert len(text.splitlines()) <= height
    assert "Ill" in text
    assert "more" in text
    assert text.index("Ill") < text.index("Well 0")


def test_history_stands_on_wide_pages_only() -> None:
    assert "LAST" in drawn(snapshot(check("Clock")), width=120)
    assert "LAST" not in drawn(snapshot(check("Clock")), width=80)


def test_colours_tell_status_and_phases_apart_where_there_are_colours() -> None:
    text = drawn(snapshot(check("Clock")), colours="256")
    assert re.search(r"\x1b\[38;5;28m● up", text)
    assert "━" in text


def test_letters_tell_phases_apart_where_there_are_no_colours() -> None:
    text = drawn(snapshot(check("Clock")))
    line = line_of(text, "Clock")
    assert "rcssppppppppp" in line.replace(" ", "")
    assert "s tls" in text


def test_page_is_ascii_where_the_terminal_is() -> None:
    shown = snapshot(check("Clock"), check("Shop", "down", error="refused"))
    text = drawn(shown, encoding="ascii", width=120)
    assert line_of(text, "Clock").startswith("+ up")
    assert line_of(text, "Shop").startswith("x down")


def test_markup_and_control_characters_of_a_target_are_harmless() -> None:
    text = drawn(snapshot(check("[red]Clock", value="[bold]a\x1b[31m\nb")))
    assert "\x1b" not in text
    assert "[red]Clock" in text
    assert "[bold]a [31m b" in text


@pytest.mark.parametrize(
    ("parts", "cells", "given"),
    [
        ([1, 1], 10, [5, 5]),
        ([0.001, 100], 10, [1, 9]),
        ([0.001, 0.001, 0.001, 0.001, 100], 6, [1, 1, 1, 1, 2]),
        ([0, 3], 4, [0, 4]),
        ([], 4, []),
        ([0, 0], 4, [0, 0]),
    ],
)
def test_bar_is_shared_by_largest_remainders(parts: list[float], cells: int, given: list[int]) -> None:
    assert shares(parts, cells) == given


def test_numbers_are_written_for_people() -> None:
    assert [milliseconds(value) for value in (None, 0.04, 2.14, 999.9, 1234.5)] == [
        "", "0.0 ms", "2.1 ms", "999.9 ms", "1,234 ms"
    ]  # fmt: skip
    assert [duration(value) for value in (None, -1, 59, 60, 7300, 200_000)] == [
        "",
        "0s",
        "59s",
        "1m",
        "2h",
        "2d",
    ]
    assert clock(3723.9) == "1:02:03"
    assert one_line(None) == ""
