"""What the loop does about a topic that is not as it was, about bad messages, and about what is not named."""

from __future__ import annotations

import pytest

from apistatus.errors import (
    AccessRefused,
    BatchRejected,
    IncompatibleSchema,
    LostMessages,
    PostgresUnavailable,
    RecreatedTopic,
    TooManyDeadLetters,
)
from apistatus.ports import Batch, Message, Stored
from tests.fakes.messages import encoded
from tests.fakes.sink import Database
from tests.unit.consume.line import Line

BAD: list[bytes | None] = [b"{"]


def test_an_outage_of_another_kind_is_waited_out_too() -> None:
    line = Line({0: encoded(0, 1)})
    line.sink.failures = [IncompatibleSchema("no such table")]
    line.steps(1)
    line.sink.claim_failures = [IncompatibleSchema("no such table"), PostgresUnavailable("gone")]
    line.steps(2)
    assert line.numbers() == [0, 1]


def test_what_another_member_took_while_postgres_was_away_is_left_to_it() -> None:
    line = Line({0: encoded(0, 1), 1: encoded(5, check="api")})
    line.steps(1)
    line.somebody_claims(0)
    line.sink.failures = [PostgresUnavailable("connection lost")]
    line.steps(4)
    assert line.numbers() == []
    assert line.numbers("api") == [5]
    assert line.database.owner[0] == "somebody else"
    line.clock.now_ns += 21_000_000_000
    line.steps(3)
    assert line.numbers() == [0, 1]


def test_a_partition_that_was_set_back_is_read_again_at_once() -> None:
    line = Line({0: encoded(*range(6))})
    line.steps(3)
    line.database.rows = line.database.rows[:2]
    line.database.next_offset[0] = 2
    line.source.topic[0].append(encoded(6)[0])
    line.steps(5)
    assert line.numbers() == list(range(7))
    assert line.clock.now_ns < 15_000_000_000


def test_messages_that_kafka_deleted_end_the_run_with_their_number() -> None:
    line = Line({0: encoded(*range(50))}, Database(next_offset={0: 10}))
    line.source.low[0] = 30
    with pytest.raises(
        LostMessages, match=r"begins at offset 30, but is stored only up to 10: .* 20 messages"
    ):
        line.loop.run()
    assert line.database.next_offset == {0: 10}


def test_messages_that_kafka_deleted_are_recorded_and_passed_over_when_that_was_decided() -> None:
    line = Line({0: encoded(*range(50))}, Database(next_offset={0: 10}), {"on_lost_offsets": "earliest"})
    line.source.low[0] = 30
    line.sink.failures = [PostgresUnavailable("gone")]
    line.steps(5)
    assert line.database.lost == [(0, range(10, 30))]
    assert line.numbers() == list(range(30, 50))
    assert line.metric("apistatus_messages_lost_total") == 20


def test_what_is_in_hand_is_stored_before_what_is_lost_is_counted() -> None:
    line = Line(
        {0: encoded(*range(100))}, options={"on_lost_offsets": "earliest"}, max_messages=1000, max_age_s=60
    )
    line.source.topic = {0: encoded(*range(10))}
    line.steps(1)
    line.source.topic, line.source.low[0] = {0: encoded(*range(100))}, 40
    line.steps(2)
    assert line.database.lost == [(0, range(10, 40))]
    line.stop.ask()
    line.loop.run()
    assert line.numbers() == [*range(10), *range(40, 100)]


def test_an_offset_behind_the_end_ends_the_run() -> None:
    line = Line({0: encoded(0, 1)}, Database(next_offset={0: 500}))
    with pytest.raises(
        RecreatedTopic, match=r"ends at offset 2, but .* up to 500.*--on-recreated-topic restart"
    ):
        line.loop.run()


def test_an_offset_behind_the_end_begins_anew_when_that_was_decided() -> None:
    line = Line({0: encoded(0, 1)}, Database(next_offset={0: 500}), {"on_recreated_topic": "restart"})
    line.steps(4)
    assert line.numbers() == [0, 1]
    assert line.database.next_offset == {0: 2}


def test_a_topic_that_is_made_again_meanwhile_ends_the_run() -> None:
    line = Line({0: encoded(0, 1)})
    line.steps(3)
    line.source.topic_id = "topic-2"
    with pytest.raises(RecreatedTopic):
        line.loop.run()


def test_a_topic_that_is_made_again_meanwhile_is_read_from_its_beginning_when_that_was_decided() -> None:
    line = Line({0: encoded(0, 1)}, options={"on_recreated_topic": "restart"})
    line.steps(3)
    line.source.topic, line.source.topic_id = {0: encoded(*range(10), check="new")}, "topic-2"
    line.steps(4)
    assert line.numbers() == [0, 1]
    assert line.numbers("new") == list(range(10))


def test_too_many_bad_messages_end_the_run_after_they_are_stored() -> None:
    line = Line(
        {0: [*encoded(*range(80)), *BAD * 100]}, options={"dead_letter_limit": 0.5}, max_messages=1000
    )
    with pytest.raises(TooManyDeadLetters, match=r"100 of the last 180 messages of topic 'statuses'"):
        line.loop.run()
    assert line.numbers() == list(range(80))
    assert len(line.database.dead) == 100
    assert line.source.closed


def test_bad_messages_are_counted_over_restarts() -> None:
    topic = {0: [*encoded(*range(40)), *BAD * 40]}
    first = Line(topic, options={"dead_letter_limit": 0.5})
    first.steps(4)
    assert first.database.next_offset == {0: 80}
    topic[0] += BAD * 20
    second = Line(topic, first.database, {"dead_letter_limit": 0.5})
    with pytest.raises(TooManyDeadLetters):
        second.loop.run()
    third = Line(topic, first.database, {"dead_letter_limit": 0.5})
    topic[0] += BAD * 20
    with pytest.raises(TooManyDeadLetters):
        third.loop.run()
    assert first.database.next_offset == {0: 100}


def test_few_bad_messages_end_nothing() -> None:
    topic: list[bytes | None] = [value for number in range(300) for value in (*encoded(number), *BAD)]
    line = Line({0: topic}, options={"dead_letter_limit": 0.5})
    line.steps(12)
    assert line.numbers() == list(range(300))


def test_dead_letters_wake_who_forwards_them() -> None:
    woken: list[int] = []
    line = Line({0: [*encoded(0), *BAD]}, options={"on_dead_letters": lambda: woken.append(1)})
    line.steps(3)
    assert len(woken) == 2  # at the start, for what a former process left, and for this one


@pytest.mark.parametrize("bad", [0, 5, 63, 99])
def test_a_message_that_postgres_refuses_without_naming_it_is_found(
    bad: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line({0: encoded(*range(100))})
    store = line.sink.store

    def refusing(batch: Batch) -> Stored:
        offsets = [message.offset() for message in batch.messages]
        if bad in offsets:
            raise BatchRejected("something is wrong")
        return store(batch)

    monkeypatch.setattr(line.sink, "store", refusing)
    line.steps(80)
    assert line.numbers() == [number for number in range(100) if number != bad]
    assert line.database.dead == [(0, bad, "refused_by_postgresql")]


def test_a_dead_letter_that_cannot_be_stored_either_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line({0: BAD})

    def refusing(_: Batch) -> Stored:
        raise BatchRejected("row is too big")

    monkeypatch.setattr(line.sink, "store", refusing)
    with pytest.raises(BatchRejected):
        line.loop.run()


def test_messages_that_the_client_skipped_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line({0: encoded(*range(50))}, max_messages=10)
    poll = line.source.poll
    polls = 0

    def skipping(max_messages: int, timeout_s: float) -> list[Message]:
        nonlocal polls
        polls += 1
        if polls == 3:
            line.source.positions[0] += 7
        return list(poll(max_messages, timeout_s))

    monkeypatch.setattr(line.source, "poll", skipping)
    line.steps(12)
    assert line.numbers() == list(range(50))


def test_why_nothing_is_done_is_told_until_there_is_an_assignment() -> None:
    line = Line({0: encoded(0)})
    line.source.revoke(0)
    assert line.loop.waits_for is not None
    line.steps(1)
    assert line.loop.waits_for == "no assignment yet"
    line.source.assign(0)
    line.steps(2)
    assert line.loop.waits_for is None


def test_the_beginning_of_a_topic_that_moves_on_meanwhile_is_no_loss() -> None:
    line = Line({0: encoded(*range(50))})
    line.source.before_poll = lambda: line.source.low.update({0: 20})
    line.steps(5)
    assert line.numbers() == list(range(20, 50))
    assert line.database.lost == []


def test_a_refusal_that_nobody_waited_out_is_no_orderly_end(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line({0: encoded(0)})

    def poll(*_: object) -> list[Message]:
        raise AccessRefused("no longer allowed to read")

    monkeypatch.setattr(line.source, "poll", poll)
    with pytest.raises(AccessRefused):
        line.loop.run()
    assert line.source.closed
    assert line.sink.closed
