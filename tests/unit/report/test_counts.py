"""Sums and percentiles."""

from __future__ import annotations

import math
from statistics import quantiles

from hypothesis import given
from hypothesis import strategies as st

from apistatus.report.counts import Counts, bucket_us, percentiles_us, put, total


def entry(us: int, count: int = 1) -> int:
    """As the database makes it (`apistatus.time_bucket`)."""
    return math.floor(16 / math.log(2) * math.log(us + 1)) << 22 | count


@given(st.lists(st.integers(50, 2**31 - 1), min_size=2, max_size=300))
def test_percentiles_are_within_2_point_3_percent(times: list[int]) -> None:
    cuts = quantiles(times, n=100, method="inclusive")
    found = percentiles_us([entry(us) for us in times], (0.5, 0.95, 0.99))
    for value, exact in zip(found, (cuts[49], cuts[94], cuts[98]), strict=True):
        assert value is not None
        assert abs(value - exact) <= 0.023 * exact + 0.1


@given(st.integers(0, 2**31 - 1))
def test_the_middle_of_a_bucket_is_near_everything_in_it(us: int) -> None:
    bucket = entry(us) >> 22
    assert 0 <= bucket <= 496
    assert abs(bucket_us(bucket) - us) <= 0.0222 * (us + 1)


def test_nothing_has_no_percentile() -> None:
    assert Counts().percentiles_ms((0.5,)) == [None]


def test_a_percentile_is_never_above_the_maximum() -> None:
    counts = Counts(up=1, measured=1, sum_us=100_000, max_us=100_000, histogram=[entry(100_000)])
    [p99] = counts.percentiles_ms((0.99,))
    assert p99 is not None
    assert p99 <= 100


def test_adding_up_after_a_percentile_was_asked_for_forgets_nothing() -> None:
    counts = Counts(up=2, measured=2, histogram=[entry(1000), entry(1000)], max_us=1000)
    counts.percentiles_ms((0.5,))
    counts.add(Counts(up=2, measured=2, histogram=[entry(9_000_000, 2)], max_us=9_000_000))
    assert sum(each & 4194303 for each in counts.histogram) == 4
    [p99] = counts.percentiles_ms((0.99,))
    assert p99 is not None
    assert p99 > 8000


def test_a_part_that_is_put_to_another_leaves_both_alone() -> None:
    first, second = Counts(up=1, histogram=[entry(5)]), Counts(down=2, histogram=[entry(7)])
    parts: dict[int, Counts] = {}
    put(parts, 60, first)
    assert parts[60] is first
    put(parts, 60, second)
    assert (parts[60].up, parts[60].down, len(parts[60].histogram)) == (1, 2, 2)
    assert (first.down, second.up, first.histogram) == (0, 0, [entry(5)])


def test_the_sum_leaves_its_parts_alone() -> None:
    parts = [Counts(up=1, histogram=[entry(5)], max_us=5), Counts(down=2)]
    added = total(parts)
    assert (added.up, added.down, added.max_us, added.uptime) == (1, 2, 5, 1 / 3)
    assert parts[1].histogram == []
