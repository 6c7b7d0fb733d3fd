"""Instants as people write them."""

from __future__ import annotations

import pytest

from apistatus.audit.instants import instant_us, iso, length, words
from tests.unit.audit.facts import DAY, HOUR, MINUTE, NOON, SECOND


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("now", NOON),
        ("-24h", NOON - DAY),
        ("-90m", NOON - 90 * MINUTE),
        ("-30", NOON - 30 * SECOND),
        ("2024-10-04", 20_000 * DAY),
        ("2024-10-04T12:00", NOON),
        ("2024-10-04T12:00:00Z", NOON),
        ("2024-10-04 14:00:00+02:00", NOON),
        (" 2024-10-04T11:59:59.5 ", NOON - SECOND // 2),
    ],
)
def test_what_people_write_is_understood(text: str, us: int) -> None:
    assert instant_us(text, NOON) == instant_us(text, NOON + 999_999) == us


@pytest.mark.parametrize("text", ["", "yesterday", "24h", "-24 hours", "2024-13-01", "--1h", "12:00", "-"])
def test_what_is_no_instant_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="write 2026-03-01"):
        instant_us(text, NOON)


@pytest.mark.parametrize("text", ["2024-10-05", "1969-01-01", "-99999d", "0001-01-01T00:00:00+23:00"])
def test_what_lies_outside_of_1970_to_now_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"between 1970 and now|is no instant"):
        instant_us(text, NOON)


def test_instants_and_lengths_are_written_for_people_and_programs() -> None:
    assert iso(NOON) == "2024-10-04T12:00:00Z"
    assert iso(NOON + 1) == "2024-10-04T12:00:00.000001Z"
    assert words(NOON) == "2024-10-04 12:00:00"
    assert words(NOON + 500_000) == "2024-10-04 12:00:00.5"
    assert [length(us) for us in (0, 12 * SECOND, HOUR, DAY, DAY + HOUR + MINUTE)] == [
        "0 s", "12 s", "1 h", "1 d", "1 d 1 h",
    ]  # fmt: skip
