"""Dead letters as values: their fate, and their headers when they are sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from apistatus.model.letters import MAX_REPLAYS, REPLAY_HEADER, Headers, Letter, replays_so_far, stage

AT = datetime(2026, 11, 25, 12, 0, 0, 123_000, tzinfo=UTC)


def letter(headers: Headers = (("a", b"\xff"), ("a", None)), attempts: int = 0) -> Letter:
    return Letter(7, "cluster", "statuses", 3, 17, AT, AT, "not_json", "no", attempts, b"k", b"{", headers)


def test_a_replay_keeps_its_headers_and_says_what_it_is() -> None:
    assert letter().replay_headers() == (("a", b"\xff"), ("a", None), (REPLAY_HEADER, b"7:1"))


def test_the_next_replay_of_what_came_back_counts_on() -> None:
    first = letter().replay_headers()
    assert replays_so_far(first) == 1
    second = letter(first, attempts=1).replay_headers()
    assert second[-1] == (REPLAY_HEADER, b"7:2")
    assert [name for name, _ in second].count(REPLAY_HEADER) == 1


@pytest.mark.parametrize(
    ("headers", "count"),
    [
        ((), 0),
        (((REPLAY_HEADER, None),), 0),
        (((REPLAY_HEADER, b"7"),), 0),
        (((REPLAY_HEADER, b"7:-1"),), 0),
        (((REPLAY_HEADER, b"7:\xff"),), 0),
        (((REPLAY_HEADER, b"7:2"),), 2),
        (((REPLAY_HEADER, b"7:99999"),), MAX_REPLAYS),
        (((REPLAY_HEADER, b"7:" + b"9" * 5000),), 0),
    ],
)  # fmt: skip
def test_a_header_of_anybody_is_read_with_care(headers: Headers, count: int) -> None:
    assert replays_so_far(headers) == count


def test_a_forwarded_letter_tells_where_it_was_and_why_it_is_there() -> None:
    sent = letter(attempts=2).forward_headers(group="g", version="1.0")
    assert sent[:2] == (("a", b"\xff"), ("a", None))
    assert dict(sent[2:]) == {
        "apistatus.error.topic": b"statuses", "apistatus.error.partition": b"3", "apistatus.error.offset": b"17",
        "apistatus.error.timestamp": b"1795608000123", "apistatus.error.group": b"g",
        "apistatus.error.stage": b"decode", "apistatus.error.code": b"not_json", "apistatus.error.message": b"no",
        "apistatus.error.version": b"1.0", "apistatus.error.at": b"2026-11-25T12:00:00.123000+00:00",
        "apistatus.error.attempts": b"2", "apistatus.error.id": b"7",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "where"),
    [
        ("empty", "decode"),
        ("unknown_version", "validate"),
        ("out_of_window", "validate"),
        ("refused_by_postgresql", "store"),
    ],
)
def test_the_stage_follows_from_the_reason(reason: str, where: str) -> None:
    assert stage(reason) == where
