"""Events on standard error."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from apistatus.runtime import logs
from apistatus.runtime.logs import Events, OncePerMinute

log = Events("test")


@pytest.fixture(autouse=True)
def _own_handlers() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("apistatus")
    former = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], root.level, ours.level = former


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_line_names_time_level_room_event_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO", "text")
    log.info("batch.stored", rows=10, cause="broken pipe", empty="")
    [line] = said(capsys)
    assert line[25:] == 'INFO    test: batch.stored rows=10 cause="broken pipe" empty=""'
    assert line[10] == "T"
    assert line[23] == "Z"


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO", "json")
    log.warning("broker.away", cause="zurück\n", path=logging)
    [line] = said(capsys)
    event = json.loads(line)
    assert (event["level"], event["room"], event["event"]) == ("warning", "test", "broker.away")
    assert event["cause"] == "zurück\n"
    assert event["path"].startswith("<module")


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_is_below_the_level_is_not_said_but_a_notice_always_is(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up("CRITICAL", form)
    for speak in (log.debug, log.info, log.warning, log.error):
        speak("hidden")
    log.always("produce.started")
    [line] = said(capsys)
    assert "produce.started" in line
    assert "notice" in line.lower()


def test_debug_shows_ours_and_not_what_libraries_chat(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("DEBUG", "text")
    logging.getLogger("some.library").info("chat")
    logging.getLogger("some.library").warning("trouble")
    log.debug("shown")
    assert [line.split(": ", 1)[1] for line in said(capsys)] == ["trouble", "shown"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_trace_is_shown_when_there_is_one(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("DEBUG", form)
    try:
        raise KeyError("x")
    except KeyError:
        logging.getLogger("apistatus.test").exception("failed")
    assert "KeyError: 'x'" in capsys.readouterr().err


@pytest.mark.parametrize("hostile", ["\x1b[2J", "a\nforged line", "\x9b31m", "\u202egnp", "\ud800", "\0"])
def test_no_value_can_command_a_terminal_or_forge_a_line(
    hostile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up("INFO", "text")
    log.info("x", cause=hostile)
    [line] = said(capsys)
    assert line.isprintable()


def test_each_cause_is_admitted_once_a_period_and_the_others_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(logs.time, "monotonic", lambda: now)
    once = OncePerMinute()
    assert [once.admits("a"), once.admits("a"), once.admits("a"), once.admits("b")] == [0, None, None, 0]
    now = 61.0
    assert once.admits("a") == 2
    assert once.admits("a") is None


def test_a_flood_of_causes_does_not_grow_without_bound() -> None:
    once = OncePerMinute()
    for number in range(5000):
        once.admits(str(number))
    assert len(once._last) <= 1001
