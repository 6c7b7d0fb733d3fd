"""Rows that PostgreSQL works on before their batch is complete: nothing of them counts until it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from apistatus.errors import PostgresUnavailable, RowRejected
from apistatus.model import wire
from apistatus.model.definition import CheckDefined
from apistatus.model.result import Result
from apistatus.ports import Batch, Message, Stored
from apistatus.postgres import road
from tests.fakes.messages import MemoryMessage
from tests.integration.postgres.feeding import Feed, at
from tests.services.command import wait_until
from tests.services.postgres_fixtures import TestDatabase

SECOND_US = 1_000_000
COUNT = "select count(*), count(distinct (check_id, scheduled_at)) from apistatus.results"
OPEN = "select state <> 'idle' from pg_stat_activity where pid = %s"


@pytest.fixture
def begun(feed: Feed, now_us: int) -> Feed:
    """It has stored something: without that nothing is written ahead."""
    feed.store(at(now_us - SECOND_US))
    return feed


def ticks(now_us: int, count: int, first: int = 0) -> list[Result]:
    return [at(now_us + number * SECOND_US) for number in range(first, first + count)]


def is_open(feed: Feed, database: TestDatabase) -> bool:
    [(is_open,)] = database.query(OPEN, feed.connection.info.backend_pid)
    return bool(is_open)


def ahead(feed: Feed, *results: Result) -> Batch:
    """A batch of these that were written ahead."""
    batch = Batch(results=list(results), positions={0: 2})
    feed.sink.write_ahead(batch)
    return batch


def test_postgresql_works_on_the_rows_before_their_batch_is_complete(
    begun: Feed, migrated: TestDatabase, now_us: int
) -> None:
    batch = ahead(begun, *ticks(now_us, 3_000))
    worked_on = "select tuples_processed > 1000 from pg_stat_progress_copy where pid = %s"
    pid = begun.connection.info.backend_pid
    wait_until(lambda: migrated.query(worked_on, pid) == [(True,)], "rows in the server")
    assert migrated.query(COUNT) == [(1, 1)]
    batch.results += ticks(now_us, 500, first=3_000)
    assert begun.sink.store(batch) == Stored(3_500, 0, 0)
    assert migrated.query(COUNT) == [(3_501, 3_501)]
    assert not is_open(begun, migrated)


def test_the_first_batch_of_a_connection_is_not_written_ahead(
    feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    batch = ahead(feed, *ticks(now_us, 10))
    assert not is_open(feed, migrated)
    assert feed.sink.store(batch) == Stored(10, 0, 0)


def test_a_duplicate_among_them_is_found_in_the_end(begun: Feed, migrated: TestDatabase, now_us: int) -> None:
    batch = ahead(begun, *ticks(now_us, 1_000), at(now_us - SECOND_US, error="again"))
    begun.sink.write_ahead(batch)
    assert begun.sink.store(batch) == Stored(1_000, 1, 0)
    assert migrated.query(COUNT) == [(1_001, 1_001)]


def test_nothing_is_written_ahead_while_duplicates_are_expected(
    begun: Feed, migrated: TestDatabase, now_us: int
) -> None:
    begun.store(at(now_us - SECOND_US))
    batch = ahead(begun, *ticks(now_us, 10))
    assert not is_open(begun, migrated)
    batch.positions = {0: 3}
    assert begun.sink.store(batch) == Stored(10, 0, 0)


@pytest.mark.parametrize(
    ("error", "said"), [("nul \0 here", "0x00"), ("lone \ud800", "no valid Unicode")]
)  # fmt: skip
@pytest.mark.parametrize("comes_late", [False, True])
def test_a_row_that_is_refused_is_named_when_the_batch_is_stored(
    begun: Feed, migrated: TestDatabase, now_us: int, *, error: str, said: str, comes_late: bool
) -> None:
    good, bad = ticks(now_us, 2_000), at(now_us + 5_000 * SECOND_US, error=error)
    batch = ahead(begun, *good[:700], *([] if comes_late else [bad]))
    batch.results += [bad] if comes_late else []
    batch.results += good[700:]
    with pytest.raises(RowRejected, match=said) as caught:
        begun.sink.store(batch)
    assert caught.value.index == 700
    assert migrated.query(COUNT) == [(1, 1)]
    del batch.results[700]
    assert begun.sink.store(batch) == Stored(2_000, 0, 0)


@pytest.mark.parametrize("is_written_ahead", [False, True])
def test_a_check_that_is_not_known_yet_takes_nothing_back(
    begun: Feed,
    migrated: TestDatabase,
    now_us: int,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_written_ahead: bool,
) -> None:
    """What is taken back would leave dead rows, and the first drain of a topic has new checks all the time."""
    abandoned: list[object] = []
    monkeypatch.setattr(road.DirectCopy, "abandon", abandoned.append)
    batch = ahead(begun, *ticks(now_us, 700))
    batch.results += [at(now_us, check="new"), *ticks(now_us, 50, first=700)]
    if is_written_ahead:
        begun.sink.write_ahead(batch)
        begun.sink.write_ahead(batch)
        assert is_open(begun, migrated)
    assert begun.sink.store(batch) == Stored(751, 0, 0)
    assert abandoned == []
    assert migrated.query(COUNT) == [(752, 752)]
    assert migrated.query("select check_id from apistatus.check_status order by 1") == [("home",), ("new",)]


def test_a_check_that_is_not_known_at_the_beginning_of_a_batch_is_written_ahead(
    begun: Feed, migrated: TestDatabase, now_us: int
) -> None:
    batch = ahead(begun, at(now_us, check="new"), *ticks(now_us, 10))
    assert is_open(begun, migrated)
    assert begun.sink.store(batch) == Stored(11, 0, 0)


def test_a_definition_that_is_new_is_stored_with_rows_that_were_written_ahead(
    begun: Feed, migrated: TestDatabase, now_us: int
) -> None:
    batch = ahead(begun, *ticks(now_us, 700))
    batch.definitions.append(
        CheckDefined(v=1, kind="check", check="other", location="local", from_us=now_us, name="Other",
                     site="http://x", endpoint="/", interval_ms=1000, producer="p")
    )  # fmt: skip
    assert begun.sink.store(batch) == Stored(700, 0, 0)
    assert migrated.query("select check_id, name from apistatus.checks order by 1")[1] == ("other", "Other")


def test_a_day_without_a_partition_gets_one_all_the_same(
    begun: Feed, migrated: TestDatabase, now_us: int
) -> None:
    batch = ahead(begun, *ticks(now_us, 700), at(now_us - 50 * 86_400_000_000))
    assert begun.sink.store(batch) == Stored(701, 0, 0)
    assert migrated.query(COUNT) == [(702, 702)]


def test_another_call_takes_back_what_was_written_ahead(
    begun: Feed, migrated: TestDatabase, now_us: int
) -> None:
    batch = ahead(begun, *ticks(now_us, 700))
    assert is_open(begun, migrated)
    begun.sink.reclaim()
    assert not is_open(begun, migrated)
    begun.sink.write_ahead(batch)
    other = Batch(results=ticks(now_us, 5, first=5_000), positions={0: 2})
    assert begun.sink.store(other) == Stored(5, 0, 0)
    assert migrated.query(COUNT) == [(6, 6)]


def kept_by_kafka(results: list[Result]) -> Batch:
    """A batch whose results can be had again from their messages."""
    messages: list[Message] = [
        MemoryMessage(0, 1 + number, wire.encode(one)) for number, one in enumerate(results)
    ]
    return Batch(results=list(results), messages=messages, positions={0: 1 + len(results)})


def test_results_that_are_on_their_way_are_dropped_and_stored_all_the_same(
    begun: Feed, migrated: TestDatabase, now_us: int
) -> None:
    whole = kept_by_kafka([*ticks(now_us, 700), at(now_us, check="new"), *ticks(now_us, 600, first=700)])
    growing = Batch(results=whole.results[:700], messages=whole.messages[:700], positions=whole.positions)
    begun.sink.write_ahead(growing)
    assert (growing.results, growing.count) == ([], 700)
    for first, last in ((700, 1_000), (1_000, 1_301)):
        growing.results += whole.results[first:last]
        growing.messages += whole.messages[first:last]
        begun.sink.write_ahead(growing)
        assert (growing.results, growing.count) == ([], last)
    assert begun.sink.store(growing) == Stored(1_301, 0, 0)
    assert migrated.query(COUNT) == [(1_302, 1_302)]


def test_dropped_results_are_had_again_when_one_of_them_is_there_already(
    begun: Feed, migrated: TestDatabase, now_us: int
) -> None:
    batch = kept_by_kafka([*ticks(now_us, 700), at(now_us - SECOND_US, error="again")])
    begun.sink.write_ahead(batch)
    assert batch.results == []
    assert begun.sink.store(batch) == Stored(700, 1, 0)
    assert migrated.query(COUNT) == [(701, 701)]


def test_dropped_results_are_had_again_after_what_was_written_ahead_was_taken_back(
    begun: Feed, migrated: TestDatabase, now_us: int
) -> None:
    batch = kept_by_kafka(ticks(now_us, 700))
    begun.sink.write_ahead(batch)
    assert batch.results == []
    begun.reclaim()
    assert not is_open(begun, migrated)
    assert begun.sink.store(batch) == Stored(700, 0, 0)
    assert migrated.query(COUNT) == [(701, 701)]


def test_the_connection_for_new_checks_stays_a_while_and_ends_with_the_sink(
    begun: Feed, migrated: TestDatabase, now_us: int
) -> None:
    sessions = "select count(*) from pg_stat_activity where usename = %s and datname = %s"

    def count() -> int:
        [(found,)] = migrated.query(sessions, migrated.app_user, migrated.name)
        assert isinstance(found, int)
        return found

    for number in range(2):
        batch = ahead(begun, *ticks(now_us, 100, first=1_000 * number))
        batch.results.append(at(now_us, check=f"new-{number}"))
        batch.positions = {0: 2 + number}
        assert begun.sink.store(batch) == Stored(101, 0, 0)
        begun.offset = 2 + number
        assert count() == 2
    for number in range(21):
        begun.store(at(now_us + (10_000 + number) * SECOND_US))
    wait_until(lambda: count() == 1, "the second connection closed")


@pytest.fixture
def end_sessions(migrated: TestDatabase) -> Iterator[Callable[[], None]]:
    with closing(migrated.connect("admin")) as connection:

        def end() -> None:
            query = "select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = %s and datname = %s"
            connection.execute(query, (migrated.app_user, migrated.name))

        yield end


@pytest.mark.parametrize("call", ["write_ahead", "store"])
def test_a_connection_that_breaks_meanwhile_is_told_and_all_is_stored_once_after_a_new_claim(
    begun: Feed, migrated: TestDatabase, now_us: int, end_sessions: Callable[[], None], call: str
) -> None:
    batch = ahead(begun, *ticks(now_us, 700))
    end_sessions()
    batch.results += ticks(now_us, 30_000, first=700)
    with pytest.raises(PostgresUnavailable):
        getattr(begun.sink, call)(batch)
    begun.reclaim()
    assert begun.offset == 1
    assert begun.sink.store(batch) == Stored(30_700, 0, 0)
    assert migrated.query(COUNT) == [(30_701, 30_701)]


def test_a_connection_that_breaks_unnoticed_is_not_replaced_without_a_new_claim(
    begun: Feed, now_us: int, end_sessions: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    ahead(begun, *ticks(now_us, 700))
    end_sessions()
    begun.sink.abandon()
    for _ in range(2):
        with pytest.raises(PostgresUnavailable, match="connection was lost"):
            begun.store(at(now_us))
    begun.reclaim()
    assert begun.store(at(now_us)) == Stored(1, 0, 0)
    assert caplog.messages == []
