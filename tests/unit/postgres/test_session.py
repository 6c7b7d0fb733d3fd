"""In which parts the results of a batch are encoded."""

from __future__ import annotations

import pytest

from apistatus.postgres.session import parts
from tests.fakes.messages import result


@pytest.mark.parametrize(
    ("count", "first", "sizes"),
    [(0, 0, []), (1, 0, [1]), (100, 0, [100]), (601, 0, [100, 500, 1]), (1_200, 550, [100, 500, 50])],
)
def test_the_first_part_is_small_and_none_is_left_out(count: int, first: int, sizes: list[int]) -> None:
    results = [result(number) for number in range(count)]
    found = list(parts(results, first))
    assert [len(part) for part in found] == sizes
    assert [one for part in found for one in part] == results[first:]
