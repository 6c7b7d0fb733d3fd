"""What an answer means: which results are bad, and the exit code."""

from __future__ import annotations

import pytest

from apistatus.cli.outputs.verdict import worst
from apistatus.model.result import Result
from tests.unit.cli.rounds import ALL, DEGRADED, DOWN, INCONCLUSIVE, MISSED, UP, answer


@pytest.mark.parametrize(
    ("results", "lenient", "strict"),
    [
        ((UP,), 0, 0),
        ((UP, DEGRADED), 0, 1),
        ((UP, DOWN), 1, 1),
        ((UP, INCONCLUSIVE, MISSED), 0, 0),
        ((INCONCLUSIVE, MISSED), 75, 75),
        ((INCONCLUSIVE, DOWN), 1, 1),
        ((INCONCLUSIVE, DEGRADED), 0, 1),
        ((), 0, 0),
    ],
)
def test_the_exit_code_is_the_answer(results: tuple[Result, ...], lenient: int, strict: int) -> None:
    assert answer(*results).exit_code == lenient
    assert answer(*results, strict=True).exit_code == strict


def test_quiet_shows_what_is_bad_and_counts_everything() -> None:
    quiet = answer(*ALL, quiet=True)
    assert [result.check for result in quiet.shown] == ["pay", "gone", "late", "ours", "ugly"]
    assert quiet.summary == {
        "total": 7, "up": 1, "degraded": 1, "down": 3, "missed": 1, "inconclusive": 1,
    }  # fmt: skip
    assert DEGRADED in answer(*ALL, quiet=True, strict=True).shown


@pytest.mark.parametrize(("codes", "code"), [((0, 75), 75), ((75, 1, 0), 1), ((0,), 0), ((), 0)])
def test_a_bad_round_outweighs_one_that_said_nothing(codes: tuple[int, ...], code: int) -> None:
    assert worst(codes) == code
