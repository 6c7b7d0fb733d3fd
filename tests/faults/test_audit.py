"""The audit itself: what it must notice, on rows and messages made up for it."""

from __future__ import annotations

import json

import pytest

from tests.faults.audit import Row, fold, in_force, tick_at_or_after
from tests.faults.topic import Message, Topic


def row(tick_us: int, status: str, value: str | None = None) -> Row:
    return Row("c", "local", tick_us, status, value, "status" if status == "down" else None, None)


def message(offset: int, tick_us: int, status: str, **more: object) -> Message:
    said = {"check": "c", "location": "local", "scheduled_at_us": tick_us, "status": status, **more}
    return Message(0, offset, b"c", json.dumps(said).encode(), None)


def definition(kind: str, from_us: int, **more: object) -> dict[str, object]:
    return {"kind": kind, "check": "c", "location": "local", "from_us": from_us, **more}


def test_the_state_is_that_of_the_last_verdict_and_when_its_run_began() -> None:
    rows = [
        row(1, "up", "a"),
        row(2, "down"),
        row(3, "missed"),
        row(4, "down"),
        row(5, "missed"),
        row(6, "missed"),
    ]
    assert fold(rows) == ("down", 2, 4, None, "status", None, 5)


def test_without_a_verdict_there_is_only_the_time_since_when_nothing_is_known() -> None:
    assert fold([row(1, "missed"), row(2, "inconclusive")]) == (None, None, None, None, None, None, 1)


def test_a_verdict_takes_the_place_of_a_missed_one_and_the_first_verdict_stays() -> None:
    topic = Topic()
    for one in (
        message(0, 7, "missed"),
        message(1, 7, "up", value="a"),
        message(2, 7, "down"),
        message(3, 7, "missed"),
    ):
        topic.take(one)
    assert topic.results["c", "local", 7]["value"] == "a"
    assert topic.copies == 3


def test_a_message_that_was_sent_as_a_fault_is_no_result() -> None:
    topic = Topic()
    topic.take(Message(0, 0, b"k", b"{", "no JSON"))
    topic.take(Message(0, 1, b"k", None, "tombstone"))
    assert not topic.results
    assert [one.fault for one in topic.faulty] == ["no JSON", "tombstone"]


def test_definitions_that_follow_on_are_one_span_and_a_removal_ends_it() -> None:
    said = Topic(
        definitions=[definition("check", 10), definition("check", 20), definition("check_removed", 30)]
    )
    assert in_force(said, {"c": 12}) == {"c": [(10, 30)]}


def test_a_gap_is_left_out_of_what_is_expected() -> None:
    said = Topic(
        definitions=[definition("check", 10), definition("gap", 30, until_us=50), definition("check", 60)]
    )
    assert in_force(said, {}) == {"c": [(10, 30), (50, 2**62)]}


@pytest.mark.parametrize(("instant_us", "tick_us"), [(0, 920_595), (920_595, 920_595), (920_596, 1_920_595)])
def test_ticks_follow_the_documented_formula(instant_us: int, tick_us: int) -> None:
    # BLAKE2b of `home`, 8 bytes, big endian, modulo a second: worked out once, by hand.
    assert tick_at_or_after(instant_us, "home", 1_000_000) == tick_us
