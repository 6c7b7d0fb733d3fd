"""A check's state is the fold of its rows; which late rows make a new fold necessary, and from where."""

from __future__ import annotations

import pytest

from apistatus.postgres import rows as columns
from apistatus.postgres import state
from apistatus.postgres.rows import Row
from apistatus.postgres.state import State

UP, DEGRADED, DOWN, MISSED, INCONCLUSIVE = range(5)


def row(at: int, status: int, **fields: int) -> Row:
    values: list[object] = [None] * 20
    values[columns.TICK], values[columns.CHECK], values[columns.LOCATION] = at, fields.get("check", 1), 1
    values[columns.STATUS], values[columns.TOTAL] = status, at * 10
    return tuple(values)


def folded(*ticks: tuple[int, int]) -> dict[str, object]:
    names = ("first", "seen", "verdict", "since", "unknown_since", "certificate", "check", "total",
             "location", "status", "failure", "changed", "value", "error")  # fmt: skip
    folds = state.Folds()
    for tick in ticks:
        folds.add([row(*tick)])
    [one] = folds.folded()
    return dict(zip(names, one, strict=True))


def test_each_check_has_its_own_fold_whatever_the_order_of_its_rows() -> None:
    folds = state.Folds()
    folds.certificates[2, 1] = (2, columns.PG_EPOCH_US + 7)
    folds.add([row(3, UP), row(2, DOWN, check=2)])
    assert len(folds.folded()) == 2
    folds.add([row(1, DOWN), row(4, MISSED)])
    assert folds.folded() == [
        (1, 4, 3, 3, 4, None, 1, 30, 1, UP, None, 1, None, None),
        (2, 2, 2, 2, None, 7, 2, 20, 1, DOWN, None, 0, None, None),
    ]
    assert (folds.count, folds.hours) == (4, {0})


def test_rows_instead_of_those_that_were_added() -> None:
    folds = state.Folds()
    folds.add([row(1, UP), row(2, UP)])
    folds.folded()
    folds.begin_again([row(columns.HOUR_US, DOWN)])
    assert [one[:5] for one in folds.folded()] == [(columns.HOUR_US,) * 4 + (None,)]
    assert (folds.count, folds.hours) == (1, {1})


def test_a_run_of_equal_verdicts_begins_at_its_first() -> None:
    found = folded((1, UP), (2, MISSED), (3, UP))
    assert (found["since"], found["verdict"], found["changed"], found["unknown_since"]) == (1, 3, 0, None)


def test_a_change_inside_the_batch_is_seen() -> None:
    found = folded((1, UP), (2, DOWN), (3, DOWN), (4, UP))
    assert (found["since"], found["verdict"], found["status"], found["changed"]) == (4, 4, UP, 1)


def test_unknown_begins_after_the_last_verdict() -> None:
    found = folded((1, MISSED), (2, UP), (3, INCONCLUSIVE), (4, MISSED))
    assert (found["verdict"], found["unknown_since"], found["seen"], found["first"]) == (2, 3, 4, 1)


def test_without_a_verdict_nothing_is_said_of_the_target() -> None:
    found = folded((1, MISSED), (2, INCONCLUSIVE))
    assert (found["status"], found["verdict"], found["since"], found["unknown_since"]) == (
        None,
        None,
        None,
        1,
    )


# Up since 10, last verdict at 20, then unknown ticks from 21 on, seen until 25.
STORED = State(verdict_at=20, since_at=10, unknown_since_at=21, seen_at=25, status=UP)


@pytest.mark.parametrize(
    ("late", "floor"),
    [
        ([(15, UP)], None),  # inside the run, the same
        ([(15, MISSED), (5, INCONCLUSIVE)], None),  # says nothing
        ([(5, DOWN)], None),  # before the run, another verdict: the run begins where it did
        ([(5, UP)], 5),  # before the run, the same: it may begin earlier
        ([(15, DOWN)], 10),  # breaks the run
        ([(22, UP)], 20),  # a new last verdict that carries the run on
        ([(22, DOWN)], 10),  # a new last verdict that ends it
        ([(21, MISSED)], 20),  # unknown ticks after the verdict
        ([(3, DEGRADED), (15, UP), (23, UP)], 20),
        ([(3, UP), (23, UP)], 3),
    ],
)
def test_only_late_rows_that_matter_are_folded_again(late: list[tuple[int, int]], floor: int | None) -> None:
    assert state.floor(STORED, late) == floor


def test_before_any_verdict_everything_matters() -> None:
    unknown = State(verdict_at=None, since_at=None, unknown_since_at=10, seen_at=12, status=None)
    assert state.floor(unknown, [(11, UP)]) == 10
    assert state.floor(unknown, [(5, MISSED)]) == 5


def test_nothing_stored_is_nothing_to_keep_up() -> None:
    """Without rows the connection is not touched at all."""
    state.Folds().keep_up(None)
