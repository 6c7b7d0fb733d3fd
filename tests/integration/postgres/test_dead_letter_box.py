"""Dead letters in PostgreSQL: found, locked for one worker at a time, marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from apistatus.errors import AccessRefused, KafkaUnavailable, PostgresUnavailable
from apistatus.model.letters import REPLAY_HEADER, Letter, Selection
from apistatus.ports import Batch, DeadLetter
from apistatus.postgres.dead_letters import DeadLetterBox, ForwardingBox
from tests.integration.postgres.feeding import Feed
from tests.services.postgres_fixtures import TestDatabase


def put_aside(feed: Feed, count: int, **changes: object) -> None:
    letter = DeadLetter(
        0, 0, "not_json", "no", b"k", b"\x00\xff", (("h", b"\xfe"), ("n", None)), 1_700_000_000_123
    )
    letters = [replace(letter, offset=feed.offset * 100 + number, **changes) for number in range(count)]
    feed.store(dead_letters=letters)


@pytest.fixture
def box(migrated: TestDatabase) -> DeadLetterBox:
    return DeadLetterBox(migrated.app)


def offsets(box: DeadLetterBox, selection: Selection, limit: int | None = None) -> list[int]:
    with box.session() as session:
        found = session.find(selection, limit)
        assert limit is not None or session.count(selection) == len(found) == len(session.ids(selection))
        return [letter.offset for letter in found]


def test_a_letter_is_given_back_as_it_came(feed: Feed, box: DeadLetterBox) -> None:
    put_aside(feed, 1)
    with box.session() as session:
        [letter] = session.find(Selection())
    assert (letter.topic, letter.partition, letter.offset) == ("statuses", 0, 0)
    assert (letter.key, letter.value, letter.headers) == (b"k", b"\x00\xff", (("h", b"\xfe"), ("n", None)))
    assert letter.message_at == datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)
    assert (letter.state, letter.attempts, letter.forwarded_at) == ("open", 0, None)


def test_letters_are_found_by_every_condition(feed: Feed, box: DeadLetterBox) -> None:
    put_aside(feed, 3)
    put_aside(feed, 2, reason="empty")
    assert offsets(box, Selection()) == [0, 1, 2, 100, 101]
    assert offsets(box, Selection(reasons=("empty", "nothing"))) == [100, 101]
    assert offsets(box, Selection(offsets=(1, 100))) == [1, 2, 100]
    assert offsets(box, Selection(partition=1)) == []
    assert offsets(box, Selection(topic="other")) == []
    assert offsets(box, Selection(since=datetime.now(UTC) - timedelta(hours=1))) == [0, 1, 2, 100, 101]
    assert offsets(box, Selection(since=datetime.now(UTC) + timedelta(hours=1))) == []
    assert offsets(box, Selection(), 2) == [0, 1]
    with box.session() as session:
        assert [letter.offset for letter in session.find(Selection(), 2, newest_first=True)] == [101, 100]


def test_what_is_discarded_is_found_only_by_who_looks_for_it(feed: Feed, box: DeadLetterBox) -> None:
    put_aside(feed, 3)
    with box.session() as session:
        assert session.discard(Selection(offsets=(1, 5)), limit=1) == 1
        assert session.discard(Selection(offsets=(1, 1))) == 0
    assert offsets(box, Selection()) == [0, 2]
    assert offsets(box, Selection(states=("discarded",))) == [1]


def test_nobody_else_gets_what_is_locked(feed: Feed, box: DeadLetterBox) -> None:
    put_aside(feed, 3)
    with box.session() as one, box.session() as other:
        with one.locked(Selection(), 2) as mine, other.locked(Selection(), 10) as theirs:
            assert [letter.offset for letter in mine] == [0, 1]
            assert [letter.offset for letter in theirs] == [2]
            one.mark_replayed([letter.id for letter in mine])
        assert [(letter.state, letter.attempts) for letter in other.find(Selection())] == [
            ("replayed", 1), ("replayed", 1), ("open", 0),
        ]  # fmt: skip


def test_large_letters_are_locked_a_few_at_a_time(feed: Feed, box: DeadLetterBox) -> None:
    put_aside(feed, 5, value=b"x" * 3_000_000)
    with box.session() as session, session.locked(Selection(), 100) as letters:
        assert len(letters) == 2


def test_a_letter_that_came_back_is_as_old_as_its_replays(feed: Feed, box: DeadLetterBox) -> None:
    put_aside(feed, 1, headers=((REPLAY_HEADER, b"17:2"),))
    with box.session() as session:
        assert [letter.attempts for letter in session.find(Selection())] == [2]


def test_dealing_with_letters_begins_the_count_of_bad_messages_anew(feed: Feed, box: DeadLetterBox) -> None:
    feed.sink.store(Batch(positions={0: 1}, recent=[1, 1]))
    feed.offset = 1
    feed.reclaim()
    assert feed.sink.recent() == [1, 1]
    with box.session() as session:
        assert session.discard(Selection()) == 0
        feed.reclaim()
        assert feed.sink.recent() == [1, 1]
        put_aside(feed, 1)
        feed.sink.store(Batch(positions={0: 3}, recent=[2, 2]))
        assert session.discard(Selection()) == 1
    feed.reclaim()
    assert feed.sink.recent() is None


def test_what_waits_is_forwarded_once(feed: Feed, box: DeadLetterBox, migrated: TestDatabase) -> None:
    put_aside(feed, 3)
    outbox, sent = ForwardingBox(migrated.app, topic="statuses"), list[int]()

    def send(letters: Sequence[Letter]) -> list[str | None]:
        sent.extend(letter.offset for letter in letters)
        return [None, "too large", None]

    def unable(_: Sequence[Letter]) -> list[str | None]:
        raise KafkaUnavailable("away")

    with pytest.raises(KafkaUnavailable):
        outbox.forward(unable)
    assert outbox.forward(send) == 3
    assert outbox.forward(send) == 0
    assert ForwardingBox(migrated.app, topic="other").forward(unable) == 0
    assert sent == [0, 1, 2]
    with box.session() as session:
        fate = [(one.forwarded_at is not None, one.forward_error) for one in session.find(Selection())]
    assert fate == [(True, None), (False, "too large"), (True, None)]


def test_a_database_that_is_away_or_refuses_is_told(feed: Feed, migrated: TestDatabase) -> None:
    put_aside(feed, 1)
    with pytest.raises(PostgresUnavailable), DeadLetterBox(replace(migrated.app, port=1)).session():
        pass
    with (
        pytest.raises(AccessRefused, match="permission denied"),
        DeadLetterBox(migrated.reader).session() as session,
    ):
        session.discard(Selection())
