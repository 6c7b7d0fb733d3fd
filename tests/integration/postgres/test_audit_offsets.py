"""`apistatus audit` holds the stored offsets against the topic's own."""

from __future__ import annotations

import time
from typing import Any

import pytest
from confluent_kafka import Producer

from apistatus.kafka.topics import identify
from tests.integration.postgres.auditing import MINUTE_US, Audited, instant
from tests.integration.postgres.feeding import Feed
from tests.services.kafka_fixtures import Kafka
from tests.services.postgres_fixtures import TestDatabase

pytestmark = pytest.mark.real_kafka


class Topic:
    """A topic with ten messages of ten minutes ago in partition 0, and what the database has of it."""

    def __init__(self, kafka: Kafka, audited: Audited) -> None:
        self.settings = kafka.topic()
        self.env = {**kafka.environ(), "KAFKA_STATUS_TOPIC": self.settings.topic}
        self._audited = audited
        self.produce(10, int(time.time() * 1000) - 600_000)
        identity = identify(self.settings, 60)
        audited.sql("delete from apistatus.kafka_offsets")
        audited.sql(
            "insert into apistatus.kafka_offsets (cluster_id, topic, partition, next_offset, epoch,"
            " owner_backend, owner_backend_at, consumer_group, topic_id, owner)"
            " values (%s, %s, 0, 10, 1, 1, now(), 'g', %s, 'o')",
            identity.cluster_id, identity.topic, identity.topic_id,
        )  # fmt: skip

    def produce(self, count: int, at_ms: int) -> None:
        producer = Producer({"bootstrap.servers": self.settings.bootstrap_servers})
        for _ in range(count):
            producer.produce(self.settings.topic, b"x", partition=0, timestamp=at_ms)
        assert producer.flush(60) == 0

    def change(self, assignment: str) -> None:
        """Change the stored offset."""
        self._audited.sql(f"update apistatus.kafka_offsets set {assignment}")

    def audit(self) -> tuple[int, dict[str, Any]]:
        return self._audited.run(env=self.env)


@pytest.fixture
def audited(migrated: TestDatabase, feed: Feed) -> Audited:
    audited = Audited(migrated, feed)
    audited.fill()
    return audited


@pytest.fixture
def topic(kafka: Kafka, audited: Audited) -> Topic:
    return Topic(kafka, audited)


def test_an_offset_at_the_end_of_the_topic_is_well(topic: Topic) -> None:
    exit_code, said = topic.audit()
    assert exit_code == 0
    first, *others = said["offsets"]
    assert (first["partition"], first["next_offset"], first["high"], first["lag"]) == (0, 10, 10, 0)
    assert {other["next_offset"] for other in others} == {None}


@pytest.mark.parametrize(
    ("assignment", "said_of_it"),
    [
        ("next_offset = 11", "stored up to 11, but the topic ends at 10"),
        ("topic_id = 'AAAAAAAAAAAAAAAAAAAAAA'", "made anew"),
        ("cluster_id = 'another'", "cluster another"),
        ("partition = 99", "no such partition"),
    ],
)
def test_an_offset_that_was_moved_is_found_and_named(topic: Topic, assignment: str, said_of_it: str) -> None:
    topic.change(assignment)
    exit_code, said = topic.audit()
    assert exit_code == 1
    (finding,) = said["unexplained"]
    assert finding["kind"] == "offset"
    assert said_of_it in finding["text"]
    assert topic.settings.topic in finding["text"]


def test_ticks_that_may_wait_in_the_topic_are_not_expected_yet(topic: Topic, audited: Audited) -> None:
    ticks = audited.ticks()
    audited.delete(*ticks[50:])
    audited.sql("update apistatus.check_state set seen_at = %s, verdict_at = %s",
                instant(ticks[49]), instant(ticks[49]))  # fmt: skip
    assert topic.audit()[0] == 1
    topic.produce(3, ticks[50] // 1000)
    exit_code, said = topic.audit()
    assert exit_code == 0, said["unexplained"]
    assert said["totals"]["expected"] == 48
    assert said["offsets"][0]["lag"] == 3
    assert said["stored_until"] == instant(ticks[50] // 1000 * 1000)


def test_a_consumer_behind_all_of_the_time_asked_for_proves_nothing(topic: Topic, audited: Audited) -> None:
    topic.produce(1, audited.from_us // 1000 - 5 * MINUTE_US // 1000)
    exit_code, said = topic.audit()
    assert (exit_code, said["totals"]["expected"]) == (75, 0)
