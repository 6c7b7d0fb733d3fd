"""A time is divided into days, hours and rows without a hole and without an overlap."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from apistatus.report.pieces import DAY_US, HOUR_US, Piece, Stored, pieces

NOON = 20_000 * DAY_US + 12 * HOUR_US
NOTHING_OPEN = Stored(frozenset(), frozenset())


def kinds(found: list[Piece]) -> list[str]:
    return [piece.kind for piece in found]


def test_whole_days_are_read_as_days_and_what_is_left_as_hours_and_rows() -> None:
    found = pieces(NOON - 90, NOON + 3 * DAY_US + 5, "day", NOTHING_OPEN)
    assert kinds(found) == ["rows", "hour", "day", "hour", "rows"]
    assert found[2] == Piece("day", NOON + 12 * HOUR_US, NOON + 2 * DAY_US + 12 * HOUR_US)


def test_a_report_by_the_hour_reads_no_days() -> None:
    assert kinds(pieces(NOON, NOON + 3 * DAY_US, "hour", NOTHING_OPEN)) == ["hour"]


def test_an_open_hour_is_read_from_its_rows_and_its_day_from_the_hours() -> None:
    stored = Stored({NOON}, {NOON - 12 * HOUR_US})
    found = pieces(NOON - 12 * HOUR_US, NOON + 12 * HOUR_US, "day", stored)
    assert found == [
        Piece("hour", NOON - 12 * HOUR_US, NOON), Piece("rows", NOON, NOON + HOUR_US),
        Piece("hour", NOON + HOUR_US, NOON + 12 * HOUR_US),
    ]  # fmt: skip


def test_a_part_of_an_hour_whose_rows_are_gone_is_the_whole_hour_where_it_begins() -> None:
    stored = Stored(frozenset(), frozenset(), kept_from_us=NOON + DAY_US)
    found = pieces(NOON + 5, NOON + 2 * HOUR_US + 5, "day", stored)
    assert found == [Piece("hour", NOON + HOUR_US, NOON + 3 * HOUR_US)]


@given(
    st.integers(0, 3 * 24 * 60), st.integers(1, 5 * 24 * 60), st.frozensets(st.integers(0, 120), max_size=9),
    st.sampled_from(["hour", "day"]),
)  # fmt: skip
def test_nothing_is_left_out_and_nothing_read_twice(
    begin_min: int, length_min: int, open_hours: frozenset[int], step: str
) -> None:
    base = 20_000 * DAY_US
    begin, end = base + begin_min * 60_000_000, base + (begin_min + length_min) * 60_000_000
    hours = {base + hour * HOUR_US for hour in open_hours}
    stored = Stored(hours, {hour // DAY_US * DAY_US for hour in hours})
    found = pieces(begin, end, step, stored)
    assert found[0].from_us == begin
    assert found[-1].to_us == end
    for one, other in pairwise(found):
        assert one.to_us == other.from_us
    for piece in found:
        unit = {"day": DAY_US, "hour": HOUR_US, "rows": 1}[piece.kind]
        assert piece.from_us % unit == piece.to_us % unit == 0
        if piece.kind != "rows":
            assert not any(piece.from_us <= hour < piece.to_us for hour in hours)
