"""The topic is not the one it was, or has lost messages: said exactly, and gone on with when told to."""

from __future__ import annotations

import pytest

from tests.integration.consume.consuming import Consuming, good
from tests.services.command import wait_until

pytestmark = pytest.mark.real_kafka


def test_a_topic_that_was_made_again_ends_the_run_until_it_is_to_be_read_anew(line: Consuming) -> None:
    line.send(good(*range(10)))
    with line.start() as consume:
        line.wait_for_rows(10)
        assert consume.stop() == 0, consume.said
    line.delete_topic()
    line.make_topic()
    line.send(good(*range(50), check="other"))
    with line.start() as consume:
        assert consume.process.wait(60) == 2
        assert "was made anew" in consume.said
        assert "--on-recreated-topic restart" in consume.said
    assert line.rows() == 10
    with line.start("--on-recreated-topic", "restart") as consume:
        line.wait_for_rows(60)
        assert consume.stop() == 0, consume.said
    with line.start() as consume:
        consume.wait_until_ready()
        assert consume.stop() == 0, consume.said
    assert line.number("select sum(next_offset)::int from apistatus.kafka_offsets") == 50


def test_a_topic_that_is_made_again_under_a_running_consumer_is_noticed(line: Consuming) -> None:
    line.send(good(*range(10)))
    with line.start("--on-recreated-topic", "restart") as consume:
        line.wait_for_rows(10)
        line.delete_topic()
        line.make_topic()
        line.send(good(*range(50), check="other"))
        line.wait_for_rows(60)
        consume.wait_until_ready()
        assert "topic.restarted" in consume.said
        assert consume.stop() == 0, consume.said


def test_messages_that_retention_took_are_counted_and_recorded(line: Consuming) -> None:
    line.send(good(*range(30)))
    with line.start() as consume:
        line.wait_for_rows(30)
        assert consume.stop() == 0, consume.said
    line.send(good(*range(30, 100)))
    line.delete_records(0, 70)
    with line.start() as consume:
        assert consume.process.wait(60) == 1
        assert "Kafka deleted 40 messages" in consume.said
        assert "--on-lost-offsets earliest" in consume.said
    with line.start("--on-lost-offsets", "earliest") as consume:
        line.wait_for_rows(60)
        wait_until(lambda: consume.metric("apistatus_messages_lost_total") == 40, "counted")
        assert "messages.lost" in consume.said
        assert consume.stop() == 0, consume.said
    recorded = "select topic, partition, from_offset, until_offset from apistatus.lost_messages"
    assert line.database.query(recorded) == [(line.topic, 0, 30, 70)]
    assert line.number("select sum(next_offset)::int from apistatus.kafka_offsets") == 100


def test_a_second_group_on_one_database_is_refused(line: Consuming) -> None:
    line.send(good(0))
    with line.start() as consume:
        line.wait_for_rows(1)
        line.env = {"KAFKA_CONSUMER_GROUP": "second"}
        with line.start() as second:
            assert second.process.wait(60) == 2
            assert "KAFKA_CONSUMER_GROUP" in second.said
        assert consume.stop() == 0
