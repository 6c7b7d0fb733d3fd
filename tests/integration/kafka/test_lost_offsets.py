"""The offset that PostgreSQL holds is not on the topic (any more): said exactly, never skipped over."""

from __future__ import annotations

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from apistatus.errors import OffsetOutOfRange
from tests.integration.kafka.reading import PATIENCE_S, Member, poll_until, publish
from tests.services.kafka_fixtures import Kafka

pytestmark = pytest.mark.real_kafka


def test_messages_that_were_deleted_before_they_were_stored_are_counted(kafka: Kafka) -> None:
    settings = kafka.topic(partitions=1)
    publish(settings, range(100))
    admin = AdminClient({"bootstrap.servers": kafka.admin_servers})
    deleted = admin.delete_records([TopicPartition(settings.topic, 0, 70)])
    next(iter(deleted.values())).result(PATIENCE_S)
    member = Member(settings, {0: 30})
    with pytest.raises(OffsetOutOfRange) as caught:
        poll_until([member], lambda: bool(member.read), "an error")
    told = caught.value
    assert (told.partition, told.position, told.low, told.high) == (0, 30, 70, 100)
    member.source.start({0: 70})
    poll_until([member], lambda: len(member.read) == 30, "what is left, when it is told to go on there")
    assert list(map(int, member.values)) == list(range(70, 100))
    member.close()


def test_a_topic_that_ends_before_the_stored_offset_was_made_again(kafka: Kafka) -> None:
    settings = kafka.topic(partitions=1)
    publish(settings, range(10))
    member = Member(settings, {0: 500})
    with pytest.raises(OffsetOutOfRange) as caught:
        poll_until([member], lambda: bool(member.read), "an error")
    assert (caught.value.position, caught.value.low, caught.value.high) == (500, 0, 10)
    member.close()


def test_the_beginning_is_wherever_the_topic_begins(kafka: Kafka) -> None:
    settings = kafka.topic(partitions=1)
    publish(settings, range(100))
    admin = AdminClient({"bootstrap.servers": kafka.admin_servers})
    next(iter(admin.delete_records([TopicPartition(settings.topic, 0, 70)]).values())).result(PATIENCE_S)
    member = Member(settings)
    poll_until([member], lambda: len(member.read) == 30, "what is left")
    assert list(map(int, member.values)) == list(range(70, 100))
    member.close()
