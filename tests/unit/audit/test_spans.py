"""Which ticks are expected: by the formula, within the definition's time, and old enough."""

from __future__ import annotations

import random

from apistatus.audit.spans import settle_us, spans
from apistatus.model.identity import phase_us
from tests.unit.audit.facts import DAY, HOUR, MINUTE, NOON, SECOND, definition, span


def test_the_ticks_of_a_span_are_those_of_the_formula() -> None:
    chance = random.Random(4)
    for _ in range(200):
        interval_us = chance.choice((500_000, SECOND, 7 * SECOND, MINUTE, 3 * HOUR))
        from_us = NOON + chance.randrange(HOUR)
        to_us = from_us + 1 + chance.randrange(HOUR)
        found = span(definition(f"c{chance.random()}", interval_us=interval_us), from_us=from_us, to_us=to_us)
        phase = phase_us(found.definition.check, interval_us)
        numbers = range(from_us // interval_us - 1, to_us // interval_us + 2)
        expected = [tick for n in numbers if from_us <= (tick := phase + n * interval_us) < to_us]
        assert [found.tick_us(position) for position in range(found.ticks)] == expected


def test_a_span_lies_in_the_time_asked_for_and_in_the_definitions_own() -> None:
    kept = definition(from_us=NOON - HOUR, until_us=NOON - 30 * MINUTE)
    assert span(kept, from_us=NOON - DAY, to_us=NOON).ticks == 30
    assert span(kept, from_us=NOON - 45 * MINUTE, to_us=NOON).ticks == 15
    assert span(kept, from_us=NOON - DAY, to_us=NOON - 40 * MINUTE).ticks == 20


def test_a_definition_of_another_time_gives_no_span() -> None:
    past = definition(from_us=NOON - DAY, until_us=NOON - HOUR)
    future = definition(from_us=NOON)
    assert spans([past, future], NOON - HOUR, NOON, NOON) == []


def test_a_tick_is_not_expected_before_its_interval_and_a_minute_have_passed() -> None:
    (found,) = spans([definition()], NOON - HOUR, NOON, NOON)
    assert found.end_us == NOON - 2 * MINUTE
    assert found.until_us == NOON
    assert found.ticks == 58


def test_a_long_interval_waits_for_the_longest_timeout_and_no_more() -> None:
    assert settle_us(SECOND) == 61 * SECOND
    assert settle_us(DAY) == 11 * MINUTE


def test_nothing_is_expected_that_may_still_be_in_the_topic() -> None:
    (found,) = spans([definition()], NOON - HOUR, NOON, NOON - 30 * MINUTE)
    assert found.ticks == 28
    (nothing,) = spans([definition()], NOON - HOUR, NOON, NOON - DAY)
    assert nothing.ticks == 0


def test_nothing_is_expected_of_a_definition_that_nobody_announced() -> None:
    assert span(definition(announced=False)).ticks == 0
