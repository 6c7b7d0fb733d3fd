"""What every ResultSink does, in memory and on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

from apistatus.errors import Fenced, RecreatedTopic
from apistatus.model.definition import CheckDefined
from apistatus.model.result import Result
from apistatus.ports import Batch, DeadLetter, ResultSink, Stored, TopicIdentity
from apistatus.postgres.sink import PostgresSink
from tests.fakes.messages import result
from tests.fakes.sink import Database, MemorySink
from tests.services.postgres_fixtures import TestDatabase

TOPIC = TopicIdentity("cluster", "statuses", "topic-1")
NOW_US = int(time.time()) * 1_000_000


class Store(Protocol):
    """A database that several sinks share."""

    def sink(self) -> ResultSink: ...
    def rows(self) -> list[str]: ...
    def dead_letters(self) -> list[tuple[int, int, str]]: ...


class MemoryStore:
    def __init__(self) -> None:
        self._database = Database()

    def sink(self) -> ResultSink:
        return MemorySink(self._database)

    def rows(self) -> list[str]:
        return sorted(f"{row.check} {row.scheduled_at_us}" for row in self._database.rows)

    def dead_letters(self) -> list[tuple[int, int, str]]:
        return sorted(self._database.dead)


class PostgresStore:
    def __init__(self, database: TestDatabase) -> None:
        self._database = database

    def sink(self) -> ResultSink:
        return PostgresSink(self._database.app, group="contract")

    def rows(self) -> list[str]:
        found = self._database.query(
            "select check_id || ' ' || (extract(epoch from scheduled_at) * 1000000)::bigint "
            "from apistatus.check_results"
        )
        return sorted(str(row[0]) for row in found)

    def dead_letters(self) -> list[tuple[int, int, str]]:
        found = self._database.query('select partition, "offset", reason from apistatus.dead_letters')
        return sorted(found)


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    return MemoryStore() if request.param == "memory" else PostgresStore(request.getfixturevalue("migrated"))


@pytest.fixture
def new_sink(store: Store) -> Iterator[Callable[[], ResultSink]]:
    made: list[ResultSink] = []

    def make() -> ResultSink:
        made.append(store.sink())
        return made[-1]

    yield make
    for sink in made:
        sink.close()


def tick(number: int) -> Result:
    return result(number, scheduled_at_us=NOW_US + number * 1_000_000)


def batch(*numbers: int, partition: int = 0, end: int | None = None) -> Batch:
    return Batch(
        results=[tick(number) for number in numbers],
        positions={partition: end if end is not None else max(numbers) + 1},
    )


def expected(*numbers: int) -> list[str]:
    return sorted(f"home {tick(number).scheduled_at_us}" for number in numbers)


def letter(offset: int, partition: int = 0) -> DeadLetter:
    return DeadLetter(
        partition, offset, "not_json", "no", b"k", b"\x00\xff", (("h", b"\xfe"),), 1_700_000_000_000
    )


def test_nothing_is_stored_of_a_topic_that_is_new(new_sink: Callable[[], ResultSink]) -> None:
    sink = new_sink()
    sink.check_schema()
    assert sink.claim(TOPIC, [0, 1]) == {0: None, 1: None}


def test_a_batch_is_stored_with_its_offsets(store: Store, new_sink: Callable[[], ResultSink]) -> None:
    sink = new_sink()
    sink.claim(TOPIC, [0])
    assert sink.store(batch(0, 1, 2)) == Stored(rows=3, duplicates=0, dead_letters=0)
    assert sink.store(batch(3)) == Stored(rows=1, duplicates=0, dead_letters=0)
    assert store.rows() == expected(0, 1, 2, 3)
    assert new_sink().claim(TOPIC, [0, 5]) == {0: 4, 5: None}


def test_offsets_move_over_what_is_no_result(store: Store, new_sink: Callable[[], ResultSink]) -> None:
    sink = new_sink()
    sink.claim(TOPIC, [0, 1])
    letters = Batch(dead_letters=[letter(7), letter(8, partition=1)], positions={0: 8, 1: 9})
    assert sink.store(letters) == Stored(rows=0, duplicates=0, dead_letters=2)
    assert store.dead_letters() == [(0, 7, "not_json"), (1, 8, "not_json")]
    assert sink.claim(TOPIC, [0, 1]) == {0: 8, 1: 9}


def test_definitions_are_stored_with_the_batch(new_sink: Callable[[], ResultSink]) -> None:
    sink = new_sink()
    sink.claim(TOPIC, [0])
    defined = CheckDefined(v=1, kind="check", check="home", location="local", from_us=0, name="Home",
                           site="http://x", endpoint="/", interval_ms=1000, producer="p")  # fmt: skip
    assert sink.store(Batch(definitions=[defined], positions={0: 1})) == Stored(0, 0, 0)
    assert sink.claim(TOPIC, [0]) == {0: 1}


def test_who_claims_last_owns_the_partition(store: Store, new_sink: Callable[[], ResultSink]) -> None:
    first, second = new_sink(), new_sink()
    first.claim(TOPIC, [0, 1])
    first.store(batch(0))
    assert second.claim(TOPIC, [0]) == {0: 1}
    with pytest.raises(Fenced) as caught:
        first.store(Batch(results=[tick(1), tick(2)], positions={0: 2, 1: 1}))
    assert caught.value.partitions == {0}
    assert store.rows() == expected(0)
    assert second.store(batch(1)) == Stored(1, 0, 0)
    assert first.store(batch(5, partition=1, end=1)) == Stored(1, 0, 0)


def test_a_claim_of_ones_own_goes_on_where_one_was(store: Store, new_sink: Callable[[], ResultSink]) -> None:
    sink = new_sink()
    sink.claim(TOPIC, [0])
    sink.store(batch(0))
    assert sink.claim(TOPIC, [0]) == {0: 1}
    sink.store(batch(1))
    assert store.rows() == expected(0, 1)


def test_what_was_released_is_not_stored(store: Store, new_sink: Callable[[], ResultSink]) -> None:
    sink = new_sink()
    sink.claim(TOPIC, [0, 1])
    sink.release([0])
    with pytest.raises(Fenced) as caught:
        sink.store(batch(0))
    assert caught.value.partitions == {0}
    assert store.rows() == []


def test_without_a_claim_nothing_is_stored(store: Store, new_sink: Callable[[], ResultSink]) -> None:
    with pytest.raises(Fenced):
        new_sink().store(batch(0))
    assert store.rows() == []


def test_what_nobody_else_has_claimed_is_taken_over_again(
    store: Store, new_sink: Callable[[], ResultSink]
) -> None:
    first, second = new_sink(), new_sink()
    first.claim(TOPIC, [0, 1])
    first.store(batch(0))
    second.claim(TOPIC, [1])
    assert first.reclaim() == {0: 1}
    with pytest.raises(Fenced) as caught:
        first.store(batch(7, partition=1))
    assert caught.value.partitions == {1}
    assert first.store(batch(1)) == Stored(1, 0, 0)
    assert second.store(batch(2, partition=1, end=1)) == Stored(1, 0, 0)
    assert store.rows() == expected(0, 1, 2)


def test_a_fenced_sink_knows_that_another_one_owns_the_partition(new_sink: Callable[[], ResultSink]) -> None:
    first, second = new_sink(), new_sink()
    first.claim(TOPIC, [0])
    second.claim(TOPIC, [0])
    with pytest.raises(Fenced) as caught:
        first.store(batch(0))
    assert caught.value.set_back == frozenset()


def test_lost_offsets_are_passed_over(store: Store, new_sink: Callable[[], ResultSink]) -> None:
    sink = new_sink()
    sink.claim(TOPIC, [0])
    sink.store(batch(0))
    sink.skip(0, range(1, 50))
    assert sink.store(batch(1, end=51)) == Stored(1, 0, 0)
    assert sink.claim(TOPIC, [0]) == {0: 51}
    sink.skip(0, None)
    assert new_sink().claim(TOPIC, [0]) == {0: None}


def test_who_was_fenced_passes_over_nothing(new_sink: Callable[[], ResultSink]) -> None:
    first, second = new_sink(), new_sink()
    first.claim(TOPIC, [0])
    second.claim(TOPIC, [0])
    with pytest.raises(Fenced):
        first.skip(0, range(10))
    assert second.claim(TOPIC, [0]) == {0: None}


def test_what_was_counted_is_kept_with_the_offsets(new_sink: Callable[[], ResultSink]) -> None:
    sink = new_sink()
    sink.claim(TOPIC, [0, 1])
    assert sink.recent() is None
    counted = batch(0)
    counted.recent = [3, 1, 7]
    sink.store(counted)
    successor = new_sink()
    successor.claim(TOPIC, [0, 1])
    assert list(successor.recent() or ()) == [3, 1, 7]
    successor.store(batch(1))
    successor.claim(TOPIC, [0])
    assert successor.recent() is None


def test_what_is_written_ahead_is_stored_once_and_with_its_batch(
    store: Store, new_sink: Callable[[], ResultSink]
) -> None:
    sink = new_sink()
    sink.claim(TOPIC, [0])
    sink.store(batch(0))
    growing = batch(1, 2, end=5)
    sink.write_ahead(growing)
    assert store.rows() == expected(0)
    growing.results += [tick(3), tick(4)]
    sink.write_ahead(growing)
    assert sink.store(growing) == Stored(4, 0, 0)
    assert store.rows() == expected(0, 1, 2, 3, 4)
    assert sink.store(batch(5)) == Stored(1, 0, 0)
    assert new_sink().claim(TOPIC, [0]) == {0: 6}


def test_what_is_abandoned_is_gone_and_may_be_stored_later(
    store: Store, new_sink: Callable[[], ResultSink]
) -> None:
    sink = new_sink()
    sink.claim(TOPIC, [0])
    sink.store(batch(0))
    dropped = batch(1, 2)
    sink.write_ahead(dropped)
    sink.abandon()
    sink.abandon()
    assert sink.store(batch(1)) == Stored(1, 0, 0)
    assert sink.store(batch(2)) == Stored(1, 0, 0)
    assert store.rows() == expected(0, 1, 2)


def test_nothing_that_is_written_ahead_stands_in_the_way_of_the_next_owner(
    store: Store, new_sink: Callable[[], ResultSink]
) -> None:
    first, second = new_sink(), new_sink()
    first.claim(TOPIC, [0])
    first.store(batch(0))
    held = batch(1, 2)
    first.write_ahead(held)
    assert second.claim(TOPIC, [0]) == {0: 1}
    with pytest.raises(Fenced):
        first.store(held)
    assert second.store(batch(1, 2)) == Stored(2, 0, 0)
    assert store.rows() == expected(0, 1, 2)


def test_offsets_of_a_former_topic_are_refused_or_forgotten(new_sink: Callable[[], ResultSink]) -> None:
    sink, again = new_sink(), TopicIdentity("cluster", "statuses", "topic-2")
    sink.claim(TOPIC, [0, 1])
    sink.store(batch(0))
    with pytest.raises(RecreatedTopic):
        new_sink().claim(again, [0])
    successor = new_sink()
    assert successor.claim(again, [0], restart=True) == {0: None}
    with pytest.raises(Fenced):
        sink.store(batch(1))
    assert successor.claim(again, [1]) == {1: None}
