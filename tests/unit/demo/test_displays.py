"""Lines where the output is no terminal, the page where it is one."""

from __future__ import annotations

import io

from rich.console import Console

from apistatus.demo.displays import LiveDisplay, PlainDisplay, change_line, display, totals_line
from apistatus.demo.snapshot import CheckNow, Snapshot, Totals
from apistatus.demo.view import Frame

FRAME = Frame("local", "psql", "note", "Ctrl+C ends it")


class GuardSpy:
    def __init__(self) -> None:
        self.said: list[bool] = []

    def screen(self, *, on: bool) -> None:
        self.said.append(on)


def snapshot(status: str | None, *, trouble: str | None = None) -> Snapshot:
    check = CheckNow("shop", "Shop", status=status, value="7", error="refused", total_ms=1.5)
    return Snapshot([check], Totals(5, 4, 1, 0, 0, 0), 1.0, trouble)


def lines(*snapshots: Snapshot) -> list[str]:
    file = io.StringIO()
    shown = PlainDisplay(Console(file=file, width=120))
    for one in snapshots:
        shown.show(one)
    return [line.partition("Z  ")[2] for line in file.getvalue().splitlines()]


def test_a_change_of_status_is_one_line() -> None:
    said = lines(snapshot(None), snapshot("up"), snapshot("up"), snapshot("down"), snapshot("down"))
    assert [line.split()[0] for line in said if "Shop" in line] == ["up", "down"]


def test_totals_are_said_at_once_and_then_only_now_and_then() -> None:
    said = lines(snapshot("up"), snapshot("up"))
    assert [line for line in said if line.startswith("produced")] == [
        "produced 5, stored 4, lag 1, missed 0, dead letters 0"
    ]


def test_trouble_is_said_once_until_it_is_over() -> None:
    away = snapshot("up", trouble="away")
    said = lines(away, away, snapshot("up"), away)
    assert said.count("away") == 2


def test_a_line_gives_the_reason_of_what_is_down_and_the_value_of_what_is_not() -> None:
    down = CheckNow("shop", "Shop", status="down", value="7", error="refused\nport", total_ms=1.5)
    up = CheckNow("shop", "Shop", status="up", value="7", total_ms=1.5)
    assert change_line(down).split() == ["down", "Shop", "1.5", "ms", "refused", "port"]
    assert change_line(up).split() == ["up", "Shop", "1.5", "ms", "7"]


def test_what_is_not_known_is_a_dash() -> None:
    assert totals_line(Totals()) == "produced -, stored -, lag -, missed -, dead letters -"


def test_output_that_is_no_terminal_gets_lines() -> None:
    guard = GuardSpy()
    with display(Console(file=io.StringIO()), FRAME, guard) as shown:
        assert isinstance(shown, PlainDisplay)
    assert guard.said == []


def test_a_dumb_terminal_gets_lines() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    with display(console, FRAME, GuardSpy()) as shown:
        assert isinstance(shown, PlainDisplay)


def test_a_terminal_gets_the_page_and_has_its_screen_back_afterwards() -> None:
    file, guard = io.StringIO(), GuardSpy()
    console = Console(
        file=file, force_terminal=True, width=80, height=24, _environ={"TERM": "xterm-256color"}
    )
    with display(console, FRAME, guard) as shown:
        assert isinstance(shown, LiveDisplay)
        shown.show(snapshot("up"))
    assert guard.said == [True, False]
    text = file.getvalue()
    assert text.index("\x1b[?1049h") < text.index("Shop") < text.index("\x1b[?1049l")
    assert text.index("\x1b[?25l") < text.index("\x1b[?25h")
