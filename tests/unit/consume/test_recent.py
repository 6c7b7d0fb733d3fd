"""How many of the last messages were bad."""

from __future__ import annotations

import random

import pytest

from apistatus.consume.recent import KEPT_STEPS, STEP, Recent


def test_counts_what_came_and_what_was_bad_of_it() -> None:
    recent = Recent().after(10, [0, 9]).after(5, [])
    assert (recent.messages, recent.bad) == (15, 2)


def test_a_hundred_messages_are_needed_to_tell() -> None:
    assert not Recent().after(99, range(99)).exceeds(0.5)
    assert Recent().after(100, range(100)).exceeds(0.5)


@pytest.mark.parametrize(
    ("bad", "limit", "too_much"), [(50, 0.5, False), (51, 0.5, True), (100, 1.0, False), (1, 0.0, True)]
)
def test_more_than_the_limit_is_too_much(bad: int, limit: float, too_much: bool) -> None:
    assert Recent().after(100, range(bad)).exceeds(limit) is too_much


def test_what_is_older_than_a_thousand_messages_is_forgotten() -> None:
    recent = Recent().after(600, range(600))
    assert recent.after(400, []).exceeds(0.5)
    assert recent.after(1_050, []).bad == 0
    assert recent.after(100_000, []).bad == 0


def test_in_one_large_batch_the_last_thousand_count() -> None:
    assert Recent().after(10_000, range(9_400, 10_000)).exceeds(0.5)
    assert not Recent().after(10_000, range(600)).exceeds(0.0)


def test_it_makes_no_difference_how_messages_are_cut_into_batches() -> None:
    dice = random.Random(7)
    bad = sorted(dice.sample(range(3_000), 900))
    whole, pieces, at = Recent().after(3_000, bad), Recent(), 0
    while at < 3_000:
        end = min(3_000, at + dice.randrange(1, 400))
        pieces = pieces.after(end - at, [number - at for number in bad if at <= number < end])
        at = end
    assert (whole.messages, whole.bad, whole.numbers) == (pieces.messages, pieces.bad, pieces.numbers)


def test_it_is_the_same_after_it_was_written_down() -> None:
    recent = Recent().after(730, range(3, 500))
    again = Recent.of(recent.numbers, read_before=True)
    assert (again.messages, again.bad) == (recent.messages, recent.bad)
    assert again.after(100, [1]).numbers == recent.after(100, [1]).numbers


def test_while_all_is_good_nothing_is_written_down() -> None:
    assert Recent().after(5_000, []).numbers is None
    assert Recent.of(None, read_before=True).messages == STEP * KEPT_STEPS
    assert Recent.of(None, read_before=False).messages == 0
    assert Recent().numbers == [0, 0]
