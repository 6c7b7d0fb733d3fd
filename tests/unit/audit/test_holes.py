"""Ticks without a row are split by what explains them, to the tick."""

from __future__ import annotations

import json
import random

import pytest

from apistatus.audit.holes import Hole, explained, ticks_of_letters
from apistatus.model.evidence import Gap, Run
from tests.unit.audit.facts import HOUR, NOON, span

SPAN = span()


def gap(first: int, after: int, reason: str | None = None) -> Gap:
    return Gap(SPAN.definition.ids, SPAN.tick_us(first), SPAN.tick_us(after), reason)


def told(holes: list[Hole]) -> list[tuple[int, int, str | None]]:
    """First and last position of each hole, and what explains it."""
    interval_us = SPAN.definition.interval_us
    return [
        ((hole.first_us - SPAN.first_us) // interval_us, (hole.last_us - SPAN.first_us) // interval_us,
         hole.explained_by)
        for hole in holes
    ]  # fmt: skip


def test_a_run_that_nothing_explains_stays_whole() -> None:
    (hole,) = explained([Run(0, 10, 14)], [SPAN], [], ())[0]
    assert (hole.first_us, hole.last_us) == (SPAN.tick_us(10), SPAN.tick_us(14))
    assert (hole.ticks, hole.explained_by) == (5, None)


@pytest.mark.parametrize(
    ("gaps", "pieces"),
    [
        ([gap(10, 15)], [(10, 14, "gap")]),
        ([gap(0, 60)], [(10, 14, "gap")]),
        ([gap(0, 12)], [(10, 11, "gap"), (12, 14, None)]),
        ([gap(12, 60)], [(10, 11, None), (12, 14, "gap")]),
        ([gap(11, 13)], [(10, 10, None), (11, 12, "gap"), (13, 14, None)]),
        ([gap(12, 14), gap(9, 13)], [(10, 12, "gap"), (13, 13, "gap"), (14, 14, None)]),
        ([gap(20, 30)], [(10, 14, None)]),
        ([gap(0, 10), gap(15, 16)], [(10, 14, None)]),
    ],
)
def test_a_gap_explains_exactly_its_own_ticks(
    gaps: list[Gap], pieces: list[tuple[int, int, str | None]]
) -> None:
    assert told(explained([Run(0, 10, 14)], [SPAN], gaps, ())[0]) == pieces


def test_a_gap_between_two_ticks_explains_the_later_ones_only() -> None:
    between = Gap(SPAN.definition.ids, SPAN.tick_us(10) + 1, SPAN.tick_us(12) + 1, "stopped")
    holes = explained([Run(0, 10, 14)], [SPAN], [between], ())[0]
    assert told(holes) == [(10, 10, None), (11, 12, "gap"), (13, 14, None)]
    assert holes[1].detail == "stopped"


def test_the_gap_of_another_check_explains_nothing() -> None:
    other = Gap((2, 1), NOON - HOUR, NOON, None)
    assert told(explained([Run(0, 10, 14)], [SPAN], [other], ())[0]) == [(10, 14, None)]


def test_a_dead_letter_explains_its_own_tick() -> None:
    letters = {("home", "local", SPAN.tick_us(11)), ("home", "local", SPAN.tick_us(40)),
               ("home", "local", SPAN.tick_us(12) + 1), ("shop", "local", SPAN.tick_us(13))}  # fmt: skip
    holes = explained([Run(0, 10, 14)], [SPAN], [], letters)[0]
    assert told(holes) == [(10, 10, None), (11, 11, "dead letter"), (12, 14, None)]


def test_no_tick_is_lost_or_counted_twice_by_splitting() -> None:
    chance = random.Random(7)
    for _ in range(300):
        first = chance.randrange(50)
        run = Run(0, first, chance.randrange(first, 60))
        edges = [sorted((chance.randrange(61), chance.randrange(61))) for _ in range(chance.randrange(4))]
        gaps = [gap(*edge) for edge in edges if edge[0] < edge[1]]
        letters = {("home", "local", SPAN.tick_us(chance.randrange(60))) for _ in range(chance.randrange(4))}
        pieces = told(explained([run], [SPAN], gaps, letters)[0])
        assert [n for begin, end, _ in pieces for n in range(begin, end + 1)] == [
            *range(run.first, run.last + 1)
        ]
        in_gaps = {n for begin, end, reason in pieces if reason == "gap" for n in range(begin, end + 1)}
        assert in_gaps == {n for edge in edges for n in range(*edge) if run.first <= n <= run.last}


def test_letters_that_tell_of_no_tick_are_passed_over() -> None:
    good = {"v": 1, "check": "home", "location": "local", "scheduled_at_us": 5}
    values = [
        json.dumps(good).encode(), b"", b"\xff\xfe", b"[" * 100_000, b"[1]", b"null", b'"home"',
        json.dumps({**good, "kind": "check"}).encode(), json.dumps({**good, "check": 7}).encode(),
        json.dumps({**good, "scheduled_at_us": "5"}).encode(),
        json.dumps({**good, "scheduled_at_us": True}).encode(), json.dumps({"check": "home"}).encode(),
    ]  # fmt: skip
    assert ticks_of_letters(values) == {("home", "local", 5)}
