"""The consumer's loop: every message stored once, whatever fails in between."""

from __future__ import annotations

import pytest

from apistatus.errors import AccessRefused, PostgresUnavailable, RecreatedTopic, RowRejected
from apistatus.model import wire
from apistatus.model.definition import CheckDefined
from tests.fakes.clock import NOW_US
from tests.fakes.messages import encoded, result
from tests.fakes.sink import Database
from tests.unit.consume.line import Line


def test_stores_every_message_of_all_partitions_and_moves_the_offsets_with_them() -> None:
    line = Line({0: encoded(*range(150)), 1: encoded(*range(30), check="api")})
    line.steps(8)
    assert line.numbers() == list(range(150))
    assert line.numbers("api") == list(range(30))
    assert line.database.next_offset == {0: 150, 1: 30}
    assert line.source.committed == {0: 150, 1: 30}
    assert line.loop.totals.rows == 180
    assert line.metrics.registry.get_sample_value("apistatus_rows_stored_total") == 180
    assert line.metrics.registry.get_sample_value("apistatus_partitions_owned") == 2


def test_starts_where_postgres_says_and_not_at_the_beginning() -> None:
    database = Database()
    database.next_offset[0] = 3
    line = Line({0: encoded(*range(5))}, database)
    line.steps(3)
    assert line.numbers() == [3, 4]


def test_waits_for_the_batch_to_be_old_enough_before_it_stores() -> None:
    line = Line({0: encoded(0)})
    line.steps(1)
    assert line.numbers() == []
    line.steps(1)
    assert line.numbers() == [0]


def test_puts_what_is_no_result_aside_and_goes_on_with_its_batch() -> None:
    old = wire.encode(result(0, scheduled_at_us=NOW_US - 91 * 86_400_000_000))
    ahead = wire.encode(result(0, scheduled_at_us=NOW_US + 400 * 86_400_000_000))
    topic: list[bytes | None] = [b"{", None, old, ahead, *encoded(7)]
    line = Line({0: topic})
    line.steps(3)
    assert line.numbers() == [7]
    assert line.database.dead == [
        (0, 0, "not_json"), (0, 1, "empty"), (0, 2, "out_of_window"), (0, 3, "out_of_window"),
    ]  # fmt: skip
    assert line.database.next_offset == {0: 5}
    counted = line.metrics.registry.get_sample_value
    assert counted("apistatus_dead_letters_total", {"reason": "out_of_window"}) == 2


def test_stores_definitions_with_the_results() -> None:
    definition = CheckDefined(
        v=1, kind="check", check="home", location="local", from_us=NOW_US, name="Home", site="http://x",
        endpoint="/", interval_ms=1000, producer="p",
    )  # fmt: skip
    line = Line({0: [wire.encode(definition), *encoded(0)]})
    line.steps(3)
    assert line.database.others == [definition]
    assert line.numbers() == [0]


def test_turns_the_row_that_postgres_refuses_into_a_dead_letter_and_stores_the_rest() -> None:
    line = Line({0: encoded(0, 1, 2)})
    line.sink.failures = [RowRejected(1, "value out of range")]
    line.steps(3)
    assert line.numbers() == [0, 2]
    assert line.database.dead == [(0, 1, "refused_by_postgresql")]


def test_keeps_the_batch_and_the_partitions_while_postgres_is_away() -> None:
    line = Line({0: encoded(0, 1, 2)})
    line.sink.failures = [PostgresUnavailable("gone")]
    line.sink.claim_failures = []
    line.steps(1)
    line.sink.claim_failures = [PostgresUnavailable("still gone")] * 5
    line.steps(2)
    assert line.numbers() == [0, 1, 2]
    assert line.loop.totals.batches == 1
    assert line.loop.waits_for is None
    assert line.metrics.registry.get_sample_value("apistatus_retries_total", {"service": "postgres"}) == 5


def test_reads_again_when_the_commit_had_happened_before_the_connection_broke() -> None:
    line = Line({0: encoded(0, 1, 2)})
    line.sink.after_commit = [PostgresUnavailable("connection lost in COMMIT")]
    line.steps(4)
    assert line.numbers() == [0, 1, 2]


def test_reads_again_when_the_database_was_set_back() -> None:
    line = Line({0: encoded(*range(10))})
    line.steps(3)
    line.database.rows = line.database.rows[:4]
    line.database.next_offset[0] = 4
    line.source.topic[0].append(encoded(10)[0])
    line.sink.failures = [PostgresUnavailable("failing over")]
    line.steps(4)
    assert line.numbers() == list(range(11))


def test_says_loudly_and_goes_on_when_access_is_refused_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    line = Line({0: encoded(0)})
    line.sink.failures = [AccessRefused("password of role app is wrong")]
    line.steps(1)
    line.sink.claim_failures = [AccessRefused("password of role app is wrong")]
    line.steps(2)
    assert line.numbers() == [0]
    assert any(record.levelname == "ERROR" for record in caplog.records)


def test_drops_the_batch_and_leaves_the_partition_alone_when_fenced() -> None:
    line = Line({0: encoded(0, 1), 1: encoded(5, check="api")})
    line.steps(1)
    line.somebody_claims(0)
    line.steps(4)
    assert line.numbers() == []
    assert line.numbers("api") == [5]
    assert line.source.assigned() == {0, 1}
    assert 0 not in line.source.positions


def test_claims_a_fenced_partition_again_when_it_is_still_assigned_after_the_pause() -> None:
    line = Line({0: encoded(0, 1)})
    line.steps(1)
    line.somebody_claims(0)
    line.steps(2)
    line.clock.now_ns += 21_000_000_000
    line.steps(3)
    assert line.numbers() == [0, 1]


def test_claims_a_fenced_partition_at_once_when_it_is_assigned_anew() -> None:
    line = Line({0: encoded(0, 1)})
    line.steps(1)
    line.somebody_claims(0)
    line.steps(2)
    assert line.numbers() == []
    line.source.revoke(0)
    line.steps(1)
    line.source.assign(0)
    line.steps(3)
    assert line.numbers() == [0, 1]
    assert line.clock.now_ns < 20_000_000_000


def test_drops_what_it_read_of_a_partition_that_the_group_took_away() -> None:
    line = Line({0: encoded(0, 1), 1: encoded(5, check="api")})
    line.steps(1)
    line.source.revoke(0)
    line.steps(4)
    assert line.numbers() == []
    assert line.numbers("api") == [5]


def test_two_members_with_the_same_partition_store_nothing_twice() -> None:
    topic = {0: encoded(*range(50))}
    database = Database()
    first, second = Line(topic, database, max_messages=10), Line(topic, database, max_messages=10)
    first.steps(2)
    second.steps(3)
    first.steps(3)
    second.steps(10)
    assert second.numbers() == list(range(50))


def test_a_recreated_topic_ends_the_run_and_leaves_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line({0: encoded(0)})

    def claim(*_: object, **__: object) -> dict[int, int | None]:
        raise RecreatedTopic("another topic of the same name")

    monkeypatch.setattr(line.sink, "claim", claim)
    with pytest.raises(RecreatedTopic):
        line.loop.run()
    assert line.source.closed
    assert line.sink.closed


def test_stores_what_it_holds_when_asked_to_stop() -> None:
    line = Line({0: encoded(0, 1)}, max_age_s=3600)
    polls = 0

    def ask_after_two() -> None:
        nonlocal polls
        polls += 1
        if polls == 2:
            line.stop.ask()

    line.source.before_poll = ask_after_two
    line.loop.run()
    assert line.numbers() == [0, 1]
    assert line.source.closed


def test_stops_while_postgres_is_away_and_leaves_the_rest_to_the_next_start() -> None:
    topic = {0: encoded(0, 1)}
    line = Line(topic)
    line.sink.failures = [PostgresUnavailable("gone")] * 3
    line.source.before_poll = lambda: line.stop.ask() if line.source.held else None
    line.steps(1)
    line.sink.claim_failures = [PostgresUnavailable("gone")] * 1000
    line.loop.run()
    assert line.numbers() == []
    successor = Line(topic, line.database)
    successor.steps(3)
    assert successor.numbers() == [0, 1]
