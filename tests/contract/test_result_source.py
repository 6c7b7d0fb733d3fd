"""What every ResultSource does, in memory and on a broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

from apistatus.kafka.publisher import KafkaPublisher
from apistatus.kafka.subscriber import KafkaSubscriber
from apistatus.ports import Message, ResultSource
from apistatus.runtime.metrics import Metrics
from tests.fakes.clock import VirtualClock
from tests.fakes.source import MemorySource
from tests.services.kafka_fixtures import Kafka

COUNT = 60
_PATIENCE_S = 60.0


class Topic(Protocol):
    """A topic with COUNT messages in all, `v0` to `v59`, and members that read it."""

    def member(self) -> ResultSource: ...


class MemoryTopic:
    def __init__(self) -> None:
        values: list[bytes | None] = [b"v%d" % n for n in range(COUNT)]
        self._values = {0: values[::2], 1: values[1::2]}

    def member(self) -> ResultSource:
        source = MemorySource(VirtualClock(), self._values)
        source.assign(*self._values)
        return source


class KafkaTopic:
    def __init__(self, kafka: Kafka) -> None:
        self._settings = kafka.topic(partitions=4)
        publisher = KafkaPublisher(self._settings, Metrics())
        publisher.topic_ready()
        for n in range(COUNT):
            publisher.publish(b"check-%d" % (n % 10), b"v%d" % n)
        assert publisher.flush(_PATIENCE_S) == 0
        publisher.close()
        self._members: list[KafkaSubscriber] = []

    def member(self) -> ResultSource:
        self._members.append(KafkaSubscriber(self._settings, Metrics()))
        return self._members[-1]

    def close(self) -> None:
        for member in self._members:
            member.close()


@pytest.fixture(params=["memory", "kafka"])
def topic(request: pytest.FixtureRequest) -> Iterator[Topic]:
    if request.param == "memory":
        yield MemoryTopic()
        return
    made = KafkaTopic(request.getfixturevalue("kafka"))
    yield made
    made.close()


def read(
    source: ResultSource, enough: Callable[[list[Message]], bool], max_messages: int = 1000
) -> list[Message]:
    """Poll until there is enough."""
    messages: list[Message] = []
    until = time.monotonic() + _PATIENCE_S
    while not enough(messages):
        assert time.monotonic() < until, f"only {len(messages)} messages came"
        messages += source.poll(max_messages, 0.2)
    return messages


def joined(source: ResultSource) -> frozenset[int]:
    """Poll until partitions are assigned; they wait."""
    assert read(source, lambda _: bool(source.unstarted())) == []
    return source.unstarted()


def all_of_it(messages: list[Message]) -> bool:
    return len(messages) >= COUNT


def by_partition(messages: list[Message]) -> dict[int, list[int]]:
    offsets: dict[int, list[int]] = {}
    for message in messages:
        offsets.setdefault(message.partition(), []).append(message.offset())
    return offsets


def start_all(source: ResultSource) -> frozenset[int]:
    partitions = joined(source)
    source.start(dict.fromkeys(partitions))
    return partitions


def test_assigned_partitions_wait_for_their_start(topic: Topic) -> None:
    source = topic.member()
    partitions = joined(source)
    assert partitions == source.assigned()
    assert list(source.poll(1000, 0.5)) == []
    assert source.start(dict.fromkeys(partitions)) == dict.fromkeys(partitions, 0)
    assert source.unstarted() == frozenset()
    assert source.assigned() == partitions
    assert source.start({min(partitions): 1}) == {min(partitions): 1}


def test_reads_every_message_once_and_in_order_within_its_partition(topic: Topic) -> None:
    source = topic.member()
    start_all(source)
    messages = read(source, all_of_it)
    assert sorted(message.value() or b"" for message in messages) == sorted(b"v%d" % n for n in range(COUNT))
    assert all(offsets == list(range(len(offsets))) for offsets in by_partition(messages).values())
    assert list(source.poll(1000, 0.5)) == []


def test_gives_no_more_messages_than_asked_for(topic: Topic) -> None:
    source = topic.member()
    start_all(source)
    assert 0 < len(read(source, bool, max_messages=7)) <= 7


def test_starts_at_the_offset_that_it_is_given_and_nowhere_else(topic: Topic) -> None:
    source = topic.member()
    partitions = joined(source)
    source.start(dict.fromkeys(partitions, 3))
    messages = read(source, lambda got: len(got) >= COUNT - 3 * len(by_partition(got)) and len(got) > 3)
    assert all(offsets[0] == 3 for offsets in by_partition(messages).values())


def test_starting_again_reads_again_from_there(topic: Topic) -> None:
    source = topic.member()
    partitions = start_all(source)
    first = read(source, all_of_it)
    source.start(dict.fromkeys(partitions))
    assert by_partition(read(source, all_of_it)) == by_partition(first)


def test_holds_everything_until_it_is_started_again(topic: Topic) -> None:
    source = topic.member()
    partitions = start_all(source)
    before = read(source, bool, max_messages=5)
    source.hold()
    assert list(source.poll(1000, 0.5)) == []
    assert source.unstarted() == frozenset()
    assert source.assigned() == partitions
    positions: dict[int, int | None] = dict.fromkeys(partitions, 0)
    positions |= {partition: offsets[-1] + 1 for partition, offsets in by_partition(before).items()}
    source.start(positions)
    after = read(source, lambda got: len(got) >= COUNT - len(before))
    together = by_partition(before + after)
    assert all(offsets == list(range(len(offsets))) for offsets in together.values())


def test_a_released_partition_is_silent_and_does_not_ask_for_a_start(topic: Topic) -> None:
    source = topic.member()
    partitions = joined(source)
    filled = set(by_partition(_all_messages(topic)))
    gone = min(filled & partitions)
    source.start(dict.fromkeys(partitions))
    source.release([gone])
    assert source.unstarted() == frozenset()
    assert source.assigned() == partitions
    rest = read(source, lambda got: filled - {gone} <= by_partition(got).keys())
    assert gone not in by_partition([*rest, *source.poll(1000, 0.5)])
    source.start({gone: None})
    assert read(source, lambda got: gone in by_partition(got))


def _all_messages(topic: Topic) -> list[Message]:
    """What another group's member, or a second source, would read."""
    if isinstance(topic, KafkaTopic):
        from dataclasses import replace

        other = KafkaSubscriber(replace(topic._settings, consumer_group="another"), Metrics())
        try:
            start_all(other)
            return read(other, all_of_it)
        finally:
            other.close()
    source = topic.member()
    start_all(source)
    return read(source, all_of_it)


def test_lag_is_what_was_not_polled_yet(topic: Topic) -> None:
    source = topic.member()
    start_all(source)
    some = read(source, bool, max_messages=5)
    lag = source.lag()
    assert lag is None or 0 < lag <= COUNT - len(some)
    read(source, lambda got: len(got) + len(some) >= COUNT)
    assert source.lag() == 0


def test_what_was_committed_does_not_decide_where_reading_starts(topic: Topic) -> None:
    source = topic.member()
    partitions = start_all(source)
    read(source, all_of_it)
    source.commit(dict.fromkeys(partitions, 5))
    source.close()
    successor = topic.member()
    start_all(successor)
    assert len(read(successor, all_of_it)) == COUNT


def test_the_identity_of_the_topic_stays_the_same(topic: Topic) -> None:
    first, second = topic.member(), topic.member()
    assert first.identity() == second.identity()
    assert first.identity().cluster_id


def test_membership_is_told_until_the_group_has_assigned(topic: Topic) -> None:
    source = topic.member()
    joined(source)
    assert source.membership() is None
    assert not source.recreated()


def test_a_poll_ends_with_the_first_messages_and_not_with_its_time(topic: Topic) -> None:
    source = topic.member()
    start_all(source)
    before, found = time.monotonic(), 0
    while found < COUNT:
        # Far fewer than it asks for will ever come.
        found += len(source.poll(1000, _PATIENCE_S))
    assert time.monotonic() - before < _PATIENCE_S
