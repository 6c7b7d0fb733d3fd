"""What goes into one transaction, and when it is full or old enough."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apistatus.consume.batch import DAY_US, Collector, Policy, dead_letter
from apistatus.model import wire
from apistatus.model.definition import CheckRemoved
from apistatus.ports import Batch, Message
from tests.fakes.clock import NOW_US
from tests.fakes.messages import MemoryMessage, encoded, result

MS = 1_000_000


def messages(*values: bytes | None, partition: int = 0) -> list[Message]:
    return [MemoryMessage(partition, offset, value) for offset, value in enumerate(values)]


def collector(max_messages: int = 10) -> Collector:
    return Collector(Policy(max_messages=max_messages, max_age_s=0.05))


def take(into: Collector, *values: bytes | None, mono_ns: int = 0, partition: int = 0) -> None:
    into.take(messages(*values, partition=partition), {}, wall_us=NOW_US, mono_ns=mono_ns)


def test_results_stay_beside_the_messages_they_came_from() -> None:
    collected = collector()
    take(collected, *encoded(0, 1), b"{", *encoded(2))
    batch = collected.batch
    assert batch.results == [result(0), result(1), result(2)]
    assert [message.offset() for message in batch.messages] == [0, 1, 3]
    assert batch.positions == {0: 4}
    assert collected.size == 4


def test_every_kind_of_message_moves_the_position_of_its_partition() -> None:
    removed = wire.encode(
        CheckRemoved(v=1, kind="check_removed", check="a", location="l", from_us=1, producer="p")
    )
    collected = collector()
    take(collected, None, partition=3)
    take(collected, removed, partition=4)
    assert collected.batch.positions == {3: 1, 4: 1}
    assert [letter.reason for letter in collected.batch.dead_letters] == ["empty"]
    assert len(collected.batch.definitions) == 1
    assert collected.size == 2


@pytest.mark.parametrize(
    ("age_us", "taken"),
    [(90 * DAY_US, True), (90 * DAY_US + 1, False), (-DAY_US, True), (-DAY_US - 1, False)],
)
def test_a_result_far_from_now_is_put_aside(age_us: int, taken: bool) -> None:
    collected = collector()
    take(collected, wire.encode(result(0, scheduled_at_us=NOW_US - age_us)))
    assert len(collected.batch.results) == int(taken)
    assert [letter.reason for letter in collected.batch.dead_letters] == ([] if taken else ["out_of_window"])


def test_an_empty_batch_is_never_due() -> None:
    collected = collector()
    assert not collected.is_due(10**15)
    assert collected.due_in_s(10**15) == 0.05
    take(collected)
    assert not collected.is_due(10**15)


def test_a_batch_is_due_when_its_first_message_is_old_enough() -> None:
    collected = collector()
    take(collected, *encoded(0), mono_ns=0)
    take(collected, *encoded(1), mono_ns=40 * MS)
    assert not collected.is_due(49 * MS)
    assert collected.due_in_s(40 * MS) == pytest.approx(0.01)
    assert collected.is_due(50 * MS)


def test_a_batch_is_due_when_it_is_full() -> None:
    collected = collector(max_messages=3)
    take(collected, *encoded(0, 1))
    assert collected.room == 1
    assert not collected.is_due(0)
    take(collected, b"{", *encoded(2))
    assert collected.room == 0
    assert collected.is_due(0)


def test_a_new_batch_begins_empty() -> None:
    collected = collector()
    take(collected, *encoded(0))
    stored = collected.batch
    collected.clear()
    assert collected.size == 0
    assert collected.batch is not stored
    assert not collected.is_due(10**15)


def test_what_postgres_refuses_becomes_a_dead_letter_and_the_others_keep_their_messages() -> None:
    collected = collector()
    take(collected, *encoded(0, 1, 2))
    collected.reject(1, "value out of range")
    batch = collected.batch
    assert [row.scheduled_at_us for row in batch.results] == [NOW_US, NOW_US + 2_000_000]
    assert [message.offset() for message in batch.messages] == [0, 2]
    [letter] = batch.dead_letters
    assert (letter.offset, letter.reason, letter.message) == (
        1,
        "refused_by_postgresql",
        "value out of range",
    )


def test_a_dead_letter_keeps_everything_of_its_message() -> None:
    letter = dead_letter(MemoryMessage(2, 7, b"\xff", key=b"k"), "not_utf8", "a\0b" + "x" * 2000)
    assert (letter.partition, letter.offset, letter.key, letter.value) == (2, 7, b"k", b"\xff")
    assert letter.headers == (("a", b"b"),)
    assert letter.timestamp_ms == 1_800_000_000_000
    assert len(letter.message) == 1000
    assert "\0" not in letter.message


def test_a_message_without_headers_or_a_time_is_kept_too(monkeypatch: pytest.MonkeyPatch) -> None:
    message = MemoryMessage(0, 0, None, key=None)
    monkeypatch.setattr(message, "headers", lambda: None)
    monkeypatch.setattr(message, "timestamp", lambda: (0, -1))
    letter = dead_letter(message, "empty", "x")
    assert (letter.headers, letter.timestamp_ms, letter.key, letter.value) == ((), None, None, None)


def test_a_result_is_refused_by_its_number_although_those_before_were_dropped() -> None:
    collected, came = collector(), messages(*encoded(*range(6)))
    collected.take(came[:4], {}, wall_us=NOW_US, mono_ns=0)
    collected.batch.drop()
    collected.take(came[4:], {0: 4}, wall_us=NOW_US, mono_ns=0)
    assert (collected.batch.results, collected.size) == ([result(4), result(5)], 6)
    collected.reject(2, "no good")
    assert collected.batch.results == [result(number) for number in (0, 1, 3, 4, 5)]
    assert [letter.offset for letter in collected.batch.dead_letters] == [2]
    assert collected.size == 6


def test_results_without_messages_are_kept() -> None:
    batch = Batch(results=[result(0)])
    batch.drop()
    assert (batch.results, batch.count) == ([result(0)], 1)


def test_positions_are_those_of_partitions_of_which_something_was_taken() -> None:
    collected, values = collector(), encoded(*range(4))
    at = [(0, 7), (1, 3), (0, 8), (2, 5)]
    came: list[Message] = [
        MemoryMessage(partition, offset, value) for (partition, offset), value in zip(at, values, strict=True)
    ]
    collected.take(came, {0: 7, 1: None, 2: 6, 3: 4, 4: None}, wall_us=NOW_US, mono_ns=0)
    assert collected.batch.positions == {0: 9, 1: 4}


@st.composite
def polls(draw: st.DrawFn) -> list[Message]:
    """A poll in which some messages are bad, missing, late or of another partition."""
    values = st.sampled_from([
        *encoded(0, 1, 2), wire.encode(result(3, error="a \\ b")), wire.encode(result(4, error="nul \0")),
        wire.encode(result(5, check="no check at all")), wire.encode(result(6, scheduled_at_us=1)), b"{", b"", None,
    ])  # fmt: skip
    found: list[Message] = []
    for partition in draw(st.lists(st.integers(0, 1), min_size=1, max_size=3)):
        offset = draw(st.integers(0, 3))
        for value in draw(st.lists(values | st.sampled_from(encoded(0, 1)), min_size=1, max_size=5)):
            found.append(MemoryMessage(partition, offset, value))
            offset += draw(st.sampled_from([1, 1, 1, 1, 0, 2, -1]))
    return found


class OneByOne(Collector):
    """Looks at each message for itself, as it does when not all are plain results."""

    def _takes_all(self, run: Sequence[Message], wanted: int | None, window: range) -> bool:
        return False


@given(polls(), st.sampled_from([{}, {0: 0}, {0: 2, 1: 0}]))
def test_what_is_taken_at_once_is_what_is_taken_one_by_one(
    polled: list[Message], expected: dict[int, int | None]
) -> None:
    at_once, one_by_one = collector(100), OneByOne(Policy(max_messages=100))
    for into in (at_once, one_by_one):
        for _ in range(2):
            into.take(polled, {**expected, **into.batch.positions}, wall_us=NOW_US, mono_ns=1)
    assert at_once.batch == one_by_one.batch
    assert (at_once.holes, at_once.bad, at_once._suspected, at_once._last) == (
        one_by_one.holes, one_by_one.bad, one_by_one._suspected, one_by_one._last
    )  # fmt: skip
