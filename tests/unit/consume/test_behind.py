"""A consumer that is behind: full batches, which PostgreSQL works on while they are read."""

from __future__ import annotations

import pytest

from apistatus.consume.batch import Collector, Policy
from apistatus.errors import PostgresUnavailable
from apistatus.ports import Message
from tests.fakes.clock import NOW_US
from tests.fakes.messages import MemoryMessage, encoded
from tests.unit.consume.line import Line

MS = 1_000_000
POLICY = Policy(max_messages=12, max_age_s=0.05, messages_a_poll=3, max_age_behind_s=0.5)
LINE = {"max_messages": 50, "messages_a_poll": 10, "max_age_s": 0.05, "max_age_behind_s": 0.5}


def take(into: Collector, count: int, *, mono_ns: int = 0) -> None:
    at = into.batch.positions.get(0, 0)
    messages: list[Message] = [
        MemoryMessage(0, at + number, value) for number, value in enumerate(encoded(*range(at, at + count)))
    ]
    into.take(messages, {}, wall_us=NOW_US, mono_ns=mono_ns)


def test_a_full_poll_means_that_more_waits() -> None:
    collector = Collector(POLICY)
    for count, is_behind in ((2, False), (3, True), (1, False), (3, True), (0, False)):
        take(collector, count)
        assert collector.is_behind is is_behind


def test_a_batch_may_be_older_while_more_waits() -> None:
    collector = Collector(POLICY)
    for at_ms in (0, 60, 120):
        take(collector, 3, mono_ns=at_ms * MS)
        assert not collector.is_due(at_ms * MS)
    assert not collector.is_due(499 * MS)
    assert collector.is_due(500 * MS)
    take(collector, 3, mono_ns=130 * MS)
    assert (collector.size, collector.room) == (12, 0)
    assert collector.is_due(130 * MS)


@pytest.mark.parametrize(("at_ms", "is_due"), [(49, False), (50, True)])
def test_the_usual_age_counts_as_soon_as_no_more_waits(at_ms: int, is_due: bool) -> None:
    collector = Collector(POLICY)
    take(collector, 3)
    take(collector, 1, mono_ns=at_ms * MS)
    assert collector.is_due(at_ms * MS) is is_due


def test_no_poll_waits_longer_than_the_usual_age() -> None:
    collector = Collector(POLICY)
    take(collector, 3)
    assert collector.is_behind
    assert collector.due_in_s(20 * MS) == pytest.approx(0.03)
    assert collector.due_in_s(300 * MS) < 0


def test_no_more_is_asked_for_than_fits() -> None:
    collector = Collector(POLICY)
    assert collector.wanted == 3
    for _ in range(2):
        take(collector, 3)
    take(collector, 4)
    assert collector.wanted == 2


def test_a_backlog_is_written_while_it_is_read_in_full_batches() -> None:
    line = Line({0: encoded(*range(205))}, **LINE)
    line.steps(24)
    assert line.numbers() == list(range(205))
    assert line.sink.written_ahead == [10, 20, 30, 40] * 4
    assert line.loop.totals.batches == 5


def test_single_messages_are_not_written_ahead() -> None:
    line = Line({0: []}, **LINE)
    for number in range(30):
        line.source.topic[0] += encoded(number)
        line.steps(1)
    assert line.sink.written_ahead == []
    line.steps(1)
    assert line.numbers() == list(range(30))


def test_nobody_waits_for_messages_with_a_transaction_open_longer_than_the_usual_age() -> None:
    line = Line({0: encoded(*range(30))}, **LINE)
    waited_s = []
    for _ in range(12):
        was_open = line.sink.ahead is not None
        line.steps(1)
        if was_open:
            waited_s.append(line.source.waits_s[-1])
    assert len(waited_s) == 3
    assert max(waited_s) <= 0.05
    assert line.numbers() == list(range(30))


def test_what_was_written_ahead_is_taken_back_when_the_group_takes_a_partition() -> None:
    line = Line({0: encoded(*range(30)), 1: encoded(*range(5), check="api")}, **LINE)
    line.steps(1)
    assert line.sink.ahead is not None
    line.source.revoke(0)
    line.steps(1)
    assert line.sink.ahead is None
    line.steps(4)
    assert line.numbers() == []
    assert line.numbers("api") == list(range(5))


def test_what_was_written_ahead_is_taken_back_before_another_partition_is_claimed() -> None:
    line = Line({0: encoded(*range(30)), 1: encoded(*range(5), check="api")}, **LINE)
    line.source.revoke(1)
    line.steps(1)
    assert line.sink.ahead is not None
    line.source.assign(1)
    line.steps(8)
    assert line.numbers() == list(range(30))
    assert line.numbers("api") == list(range(5))


def test_messages_that_are_none_of_ours_open_no_transaction() -> None:
    line = Line({0: [b"{"] * 40}, **LINE)
    line.steps(2)
    assert line.sink.written_ahead == []
    line.steps(6)
    assert len(line.database.dead) == 40


def test_postgres_that_goes_away_while_it_is_written_to_gets_everything_when_it_is_back() -> None:
    line = Line({0: encoded(*range(45))}, **LINE)
    line.steps(1)
    line.sink.failures = [PostgresUnavailable("gone")]
    line.sink.claim_failures = [PostgresUnavailable("still gone")] * 3
    line.steps(8)
    assert line.numbers() == list(range(45))
    assert line.loop.waits_for is None
