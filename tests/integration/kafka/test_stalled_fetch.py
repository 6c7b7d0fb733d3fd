"""A client that has stopped to fetch and says nothing is set going again, and nothing is read twice or passed over."""

from __future__ import annotations

import pytest
from confluent_kafka import TopicPartition

from apistatus.kafka import stalled
from tests.integration.kafka.reading import Member, poll_until, publish
from tests.services.kafka_fixtures import Kafka

pytestmark = pytest.mark.real_kafka


def test_a_partition_that_nobody_fetches_is_fetched_anew(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stalled, "LOOK_S", 0.2)
    monkeypatch.setattr(stalled, "PATIENCE_S", 0.5)
    settings = kafka.topic(partitions=2)
    member = Member(settings)
    publish(settings, range(40))
    poll_until([member], lambda: len(member.read) == 40, "all is read")
    # Behind its back: what the client does when it stalls cannot be had on demand.
    member.source._consumer.pause([TopicPartition(settings.topic, number) for number in range(2)])
    for first in (40, 60):
        publish(settings, range(first, first + 20))
        poll_until([member], lambda first=first: len(member.read) == first + 20, "the rest is read")
        member.source._consumer.pause([TopicPartition(settings.topic, 0)])
    assert sorted(map(int, member.values)) == list(range(80))
    assert "fetch.stalled" in [record.getMessage() for record in caplog.records]
    member.close()
