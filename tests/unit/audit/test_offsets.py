"""Stored offsets are held against what Kafka has, and what cannot be is named."""

from __future__ import annotations

import pytest

from apistatus.audit.offsets import held_against, settled_us
from apistatus.model.evidence import Ends, StoredOffset, TopicEnds
from tests.unit.audit.facts import NOON, SECOND


def stored(next_offset: int | None = 50, **changes: object) -> StoredOffset:
    facts: dict[str, object] = {"cluster_id": "c", "topic": "statuses", "topic_id": "id-1", "partition": 0,
                                "next_offset": next_offset, **changes}  # fmt: skip
    return StoredOffset(**facts)


def topic(low: int = 10, high: int = 60, topic_id: str | None = "id-1") -> TopicEnds:
    return TopicEnds("c", "statuses", topic_id, {0: Ends(low, high)})


def test_an_offset_within_the_topic_is_well_and_has_a_lag() -> None:
    (partition,) = held_against([stored()], topic())
    assert (partition.fault, partition.lag) == (None, 10)


@pytest.mark.parametrize("next_offset", [10, 60, None])
def test_the_two_ends_are_within_the_topic(next_offset: int | None) -> None:
    assert held_against([stored(next_offset)], topic())[0].fault is None


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        (stored(61), "stored up to 61, but the topic ends at 60"),
        (stored(4), "deleted 6 messages before they were stored"),
        (stored(topic_id="id-0"), "made anew"),
        (stored(cluster_id="other"), "cluster other"),
        (stored(partition=7), "no such partition"),
    ],
)
def test_an_offset_that_does_not_fit_the_topic_is_named(offset: StoredOffset, said: str) -> None:
    fault = next(at.fault for at in held_against([offset], topic()) if at.fault)
    assert said in fault


def test_a_broker_without_topic_ids_is_not_blamed_for_it() -> None:
    assert held_against([stored()], topic(topic_id=None))[0].fault is None
    assert held_against([stored(topic_id=None)], topic())[0].fault is None


def test_a_partition_that_was_never_claimed_waits_whole() -> None:
    (partition,) = held_against([], topic())
    assert (partition.next_offset, partition.lag, partition.fault) == (None, 50, None)


def test_without_kafka_offsets_are_shown_and_not_judged() -> None:
    (partition,) = held_against([stored(10**9)], None)
    assert (partition.next_offset, partition.high, partition.lag, partition.fault) == (
        10**9,
        None,
        None,
        None,
    )


def test_another_topic_of_the_same_database_is_not_judged_by_this_one() -> None:
    other, ours = held_against([stored(), stored(10**9, topic="older")], topic())
    assert (other.topic, other.fault, other.lag) == ("older", None, None)
    assert ours.lag == 10


def test_everything_is_settled_up_to_the_oldest_message_that_waits() -> None:
    waiting = {0: Ends(0, 5, NOON - SECOND), 1: Ends(0, 5, NOON - 9 * SECOND), 2: Ends(0, 0)}
    assert settled_us(NOON, TopicEnds("c", "t", None, waiting)) == NOON - 9 * SECOND
    assert settled_us(NOON, topic()) == NOON
    assert settled_us(NOON, None) == NOON
