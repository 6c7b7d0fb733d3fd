"""A broker that goes away and comes back: nothing that was published is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from apistatus.kafka.publisher import KafkaPublisher
from apistatus.kafka.topics import ensure_topic
from apistatus.runtime.metrics import Metrics
from apistatus.settings.schema import KafkaSettings
from tests.integration.kafka.reading import PATIENCE_S, Member, poll_until, publish
from tests.services.kafka_cluster import KafkaCluster
from tests.services.kafka_server import KafkaServer

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(300)]


def settings_of(node: KafkaServer) -> KafkaSettings:
    return KafkaSettings(
        bootstrap_servers=node.bootstrap_servers,
        topic="restart",
        consumer_group="restart",
        session_timeout_ms=6000,
    )


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_what_is_published_while_the_broker_restarts_arrives(kafka_node: KafkaServer, how: str) -> None:
    settings = settings_of(kafka_node)
    ensure_topic(settings, PATIENCE_S)
    publisher = KafkaPublisher(settings, Metrics())
    publisher.topic_ready()
    member = Member(settings)
    for number in range(1000):
        publisher.publish(b"check-%d" % (number % 20), b"%d" % number)
    getattr(kafka_node, how)()
    for number in range(1000, 2000):
        publisher.publish(b"check-%d" % (number % 20), b"%d" % number)
    assert publisher.flush(0.5) >= 1000
    kafka_node.start()
    kafka_node.wait()
    assert publisher.flush(PATIENCE_S) == 0
    assert publisher.given_up == 0
    publisher.close()
    poll_until([member], lambda: len(set(member.values)) == 2000, "everything has arrived")
    for key in range(20):
        of_key = [int(m.value() or b"") for m in member.read if m.key() == b"check-%d" % key]
        assert of_key == sorted(of_key), "the order of a check's results was lost"
    member.close()


def test_a_member_reads_on_after_its_broker_came_back(kafka_node: KafkaServer) -> None:
    settings = settings_of(kafka_node)
    ensure_topic(settings, PATIENCE_S)
    publish(settings, range(100))
    member = Member(settings)
    poll_until([member], lambda: len(member.read) == 100, "the first hundred is read")
    kafka_node.stop()
    for _ in range(10):
        member.step()
    kafka_node.start()
    kafka_node.wait()
    publish(settings, range(100, 200))
    poll_until([member], lambda: len(member.read) >= 200, "the second hundred is read")
    assert sorted(map(int, member.values)) == list(range(200))
    member.close()


def test_an_older_copy_of_the_brokers_data_costs_no_message_that_was_not_acknowledged(
    kafka_node: KafkaServer, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """The broker forgets sequence numbers: librdkafka's producer is dead for good, and is replaced."""
    import shutil

    settings = replace(settings_of(kafka_node), topic_partitions=1)
    ensure_topic(settings, PATIENCE_S)
    publisher = KafkaPublisher(settings, Metrics())
    publisher.topic_ready()
    publish_and_wait(publisher, range(10))
    kafka_node.stop()
    copy = tmp_path_factory.mktemp("copy") / "data"
    shutil.copytree(kafka_node.node.folder / "data", copy)
    kafka_node.start()
    kafka_node.wait()
    publish_and_wait(publisher, range(10, 20))
    kafka_node.stop()
    shutil.rmtree(kafka_node.node.folder / "data")
    shutil.copytree(copy, kafka_node.node.folder / "data")
    kafka_node.start()
    kafka_node.wait()
    publish_and_wait(publisher, range(20, 40))
    publisher.close()
    assert "client.replaced" in [record.getMessage() for record in caplog.records]
    member = Member(settings)
    poll_until([member], lambda: len(set(member.values)) >= 30, "all that was not lost with the copy")
    assert {*range(10), *range(20, 40)} <= set(map(int, member.values))
    member.close()


def publish_and_wait(publisher: KafkaPublisher, numbers: range) -> None:
    for number in numbers:
        publisher.publish(b"home", b"%d" % number)
    assert publisher.flush(PATIENCE_S) == 0
    assert publisher.given_up == 0


def test_a_killed_node_of_three_stops_neither_writing_nor_reading(kafka_cluster: KafkaCluster) -> None:
    settings = KafkaSettings(
        bootstrap_servers=kafka_cluster.bootstrap_servers, topic="killed", consumer_group="killed"
    )  # fmt: skip
    ensure_topic(settings, PATIENCE_S)
    publish(settings, range(100))
    member = Member(settings)
    poll_until([member], lambda: len(member.read) == 100, "the first hundred is read")
    kafka_cluster.nodes[1].kill()
    publish(settings, range(100, 300))
    poll_until([member], lambda: len(set(member.values)) >= 300, "the rest is read")
    assert Counter(map(int, member.values)) == Counter(range(300))
    member.close()
    kafka_cluster.start_all()
