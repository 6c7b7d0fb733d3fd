"""A member of the group asks for its topic when it first polls: what is made before that was never missing."""

from __future__ import annotations

import time

import pytest

from tests.integration.kafka.reading import Member, poll_until, publish
from tests.services.kafka_fixtures import Kafka

pytestmark = pytest.mark.real_kafka

LONG_ENOUGH_S = 2.0
"""For the client to hear from the broker that there is no such topic, had it asked."""


def test_a_topic_that_is_made_before_the_first_poll_was_never_missing(
    kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    member = Member(kafka.with_settings(topic=f"{kafka.settings.topic}-{len(kafka.made)}"))
    time.sleep(LONG_ENOUGH_S)
    settings = kafka.topic(partitions=2)
    publish(settings, range(10))
    poll_until([member], lambda: len(member.read) == 10, "all is read")
    member.close()
    assert "poll.failed" not in [record.getMessage() for record in caplog.records]
