"""What the topic holds, and since when something of it waits, without being a member of the group."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Producer

from apistatus.errors import KafkaUnavailable
from apistatus.kafka.ends import topic_ends
from apistatus.model.evidence import Ends
from apistatus.settings.schema import KafkaSettings
from tests.services.kafka_fixtures import Kafka
from tests.services.kafka_server import KafkaServer

AT_MS = int(time.time() * 1000) - 3_600_000


@pytest.fixture
def filled(kafka: Kafka) -> KafkaSettings:
    """Ten messages in partition 0, three in partition 1, a second apart."""
    settings = kafka.topic()
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    for partition, count in ((0, 10), (1, 3)):
        for number in range(count):
            producer.produce(settings.topic, b"x", partition=partition, timestamp=AT_MS + number * 1000)
    assert producer.flush(60) == 0
    return settings


def test_the_ends_of_every_partition_are_told(filled: KafkaSettings) -> None:
    found = topic_ends(filled, {0: 10, 1: 3}, timeout_s=60)
    assert (found.topic, set(found.partitions)) == (filled.topic, {0, 1, 2, 3})
    assert found.partitions[0] == Ends(0, 10, None)
    assert found.partitions[1] == Ends(0, 3, None)
    assert found.partitions[2] == Ends(0, 0, None)


@pytest.mark.real_kafka
def test_the_first_message_that_is_not_stored_is_told_by_its_time(filled: KafkaSettings) -> None:
    found = topic_ends(filled, {0: 4}, timeout_s=60)
    assert found.partitions[0] == Ends(0, 10, (AT_MS + 4000) * 1000)
    assert found.partitions[1] == Ends(0, 3, AT_MS * 1000)


def test_an_offset_above_the_end_waits_for_nothing(filled: KafkaSettings) -> None:
    found = topic_ends(filled, {0: 11, 1: 3}, timeout_s=60)
    assert found.partitions[0] == Ends(0, 10, None)


def test_a_topic_that_is_not_there_is_said(kafka: Kafka) -> None:
    if not kafka.real:
        kafka = Kafka(kafka.with_settings(topic="never-made"), kafka.admin_servers, real=False)
    with pytest.raises(KafkaUnavailable, match=r"there is no topic|not serve"):
        topic_ends(kafka.settings, {}, timeout_s=20)


def test_a_broker_that_is_away_is_said_in_time(kafka_node: KafkaServer) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka_node.bootstrap_servers, topic="any")
    kafka_node.kill()
    with pytest.raises(KafkaUnavailable):
        topic_ends(settings, {}, timeout_s=2)
