"""The client may skip messages or bring old ones: nothing is stored over a hole, and nothing twice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from apistatus.consume.batch import Collector, Policy
from apistatus.ports import Message
from tests.fakes.clock import NOW_US
from tests.fakes.messages import MemoryMessage, encoded, result
from tests.unit.consume.test_loop import Line


def at(*offsets: int, partition: int = 0) -> list[Message]:
    return [
        MemoryMessage(partition, offset, value)
        for offset, value in zip(offsets, encoded(*offsets), strict=True)
    ]


def take(into: Collector, messages: Sequence[Message], expected: dict[int, int | None]) -> None:
    into.take(messages, expected, wall_us=NOW_US, mono_ns=0)


def test_what_lies_beyond_the_next_message_is_not_taken() -> None:
    collector = Collector(Policy())
    take(collector, [*at(3, 4, 7, 8), *at(0, 1, partition=1)], {0: 3, 1: 0})
    assert collector.batch.positions == {0: 5, 1: 2}
    assert collector.holes == {0}
    assert len(collector.batch.results) == 4


def test_a_hole_that_is_met_again_is_one_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    collector = Collector(Policy())
    take(collector, at(3, 4, 7, 8), {0: 3})
    take(collector, at(7, 8), {0: 5})
    assert collector.holes == set()
    assert collector.batch.positions == {0: 9}
    assert "offsets.missing" in caplog.messages


def test_another_hole_at_the_same_place_is_looked_at_anew() -> None:
    collector = Collector(Policy())
    take(collector, at(7), {0: 5})
    take(collector, at(6, 7), {0: 5})
    assert collector.holes == {0}
    assert collector.batch.positions == {}


def test_a_message_from_before_is_here_already() -> None:
    collector = Collector(Policy())
    take(collector, at(3, 4, 5), {0: 5})
    assert [one.scheduled_at_us for one in collector.batch.results] == [result(5).scheduled_at_us]
    assert collector.batch.positions == {0: 6}
    assert collector.holes == set()


def test_nothing_but_old_messages_begins_no_batch() -> None:
    collector = Collector(Policy())
    take(collector, at(3, 4), {0: 5})
    assert collector.size == 0
    assert not collector.is_due(10**12)


def test_where_nothing_was_stored_yet_any_first_message_will_do() -> None:
    collector = Collector(Policy())
    take(collector, at(40, 41), {0: None})
    assert collector.batch.positions == {0: 42}


def test_the_loop_reads_again_what_the_client_skipped() -> None:
    line = Line({0: encoded(*range(20))})
    line.steps(1)
    skipped = line.source.positions[0]
    line.source.topic[0] += encoded(*range(20, 40))
    line.source.positions[0] = skipped + 12
    line.steps(6)
    assert line.numbers() == list(range(40))
