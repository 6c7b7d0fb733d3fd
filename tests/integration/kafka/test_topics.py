"""The topic is made once, as promised, and recognised ever after."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from apistatus.demo.kafka_broker import InMemoryBroker
from apistatus.errors import AccessRefused, ConfigurationError, KafkaUnavailable
from apistatus.kafka.publisher import KafkaPublisher
from apistatus.kafka.topics import ensure_topic, identify
from apistatus.runtime.metrics import Metrics
from apistatus.settings.schema import KafkaSettings, Secret
from tests.services.command import wait_until
from tests.services.kafka_cluster import KafkaCluster
from tests.services.kafka_fixtures import Kafka
from tests.services.kafka_listeners import LIMITED_PASSWORD, LIMITED_USER

_TIMEOUT_S = 30.0


def partitions(kafka: Kafka, topic: str) -> int:
    metadata = AdminClient({"bootstrap.servers": kafka.admin_servers}).list_topics(topic, timeout=_TIMEOUT_S)
    return len(metadata.topics[topic].partitions)


@pytest.mark.real_kafka
def test_a_missing_topic_is_made_with_the_partitions_of_the_settings_and_then_found(kafka: Kafka) -> None:
    first = ensure_topic(kafka.settings, _TIMEOUT_S)
    assert partitions(kafka, kafka.settings.topic) == 12
    assert ensure_topic(kafka.settings, _TIMEOUT_S) == first == identify(kafka.settings, _TIMEOUT_S)


@pytest.mark.real_kafka
def test_a_topic_that_is_there_stays_as_it_is(kafka: Kafka) -> None:
    settings = kafka.topic(partitions=3)
    ensure_topic(settings, _TIMEOUT_S)
    assert partitions(kafka, settings.topic) == 3


@pytest.mark.real_kafka
def test_a_topic_that_keeps_only_the_newest_result_of_a_check_is_refused(kafka: Kafka) -> None:
    settings = kafka.topic(partitions=1, **{"cleanup.policy": "compact"})
    with pytest.raises(ConfigurationError, match=r"KAFKA_STATUS_TOPIC: .*cleanup\.policy=compact"):
        ensure_topic(settings, _TIMEOUT_S)


@pytest.mark.real_kafka
def test_a_topic_made_again_is_another_one(kafka: Kafka) -> None:
    first = ensure_topic(kafka.settings, _TIMEOUT_S)
    admin = AdminClient({"bootstrap.servers": kafka.admin_servers})
    admin.delete_topics([kafka.settings.topic])[kafka.settings.topic].result(_TIMEOUT_S)
    wait_until(lambda: kafka.settings.topic not in admin.list_topics(timeout=_TIMEOUT_S).topics, "no topic")
    second = ensure_topic(kafka.settings, _TIMEOUT_S)
    assert (second.cluster_id, second.topic) == (first.cluster_id, first.topic)
    assert second.topic_id != first.topic_id


@pytest.mark.real_kafka
def test_looking_for_a_missing_topic_makes_none(kafka: Kafka) -> None:
    for _ in range(2):
        with pytest.raises(KafkaUnavailable, match=r"there is no topic .*KAFKA_STATUS_TOPIC"):
            identify(kafka.settings, _TIMEOUT_S)


@pytest.mark.real_kafka
def test_no_broker_makes_the_topic_by_itself_before_we_do(kafka: Kafka) -> None:
    publisher = KafkaPublisher(kafka.settings, Metrics())
    publisher.publish(b"home", b"{}")
    assert publisher.flush(1) == 1
    with pytest.raises(KafkaUnavailable, match="there is no topic"):
        identify(kafka.settings, _TIMEOUT_S)
    ensure_topic(kafka.settings, _TIMEOUT_S)
    publisher.topic_ready()
    assert publisher.flush(_TIMEOUT_S) == 0
    publisher.close()
    assert partitions(kafka, kafka.settings.topic) == 12


@pytest.mark.real_kafka
@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"topic": "not a name"}, "KAFKA_STATUS_TOPIC"),
        ({"topic_partitions": 0}, "KAFKA_TOPIC_PARTITIONS"),
        ({"topic_replication": 9}, "KAFKA_TOPIC_REPLICATION"),
    ],
)
def test_what_the_cluster_cannot_make_is_blamed_on_its_variable(
    kafka: Kafka, changes: dict[str, object], variable: str
) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        ensure_topic(kafka.with_settings(**changes), _TIMEOUT_S)


@pytest.mark.real_kafka
def test_a_user_who_may_see_but_not_create_is_told_what_to_ask_for(kafka_sasl: Kafka) -> None:
    settings = kafka_sasl.with_settings(sasl_username=LIMITED_USER, sasl_password=Secret(LIMITED_PASSWORD))
    admin = AdminClient({"bootstrap.servers": kafka_sasl.admin_servers})
    may_see = AclBinding(
        ResourceType.TOPIC, settings.topic, ResourcePatternType.LITERAL, f"User:{LIMITED_USER}", "*",
        AclOperation.DESCRIBE, AclPermissionType.ALLOW,
    )  # fmt: skip
    admin.create_acls([may_see])[may_see].result(_TIMEOUT_S)
    known = AclBindingFilter(
        ResourceType.TOPIC, settings.topic, ResourcePatternType.LITERAL, f"User:{LIMITED_USER}", "*",
        AclOperation.DESCRIBE, AclPermissionType.ALLOW,
    )  # fmt: skip
    wait_until(lambda: admin.describe_acls(known).result(_TIMEOUT_S), "the right to be known to the broker")
    with pytest.raises(AccessRefused, match=f"user 'limited' may not create topic '{settings.topic}'"):
        ensure_topic(settings, _TIMEOUT_S)


@pytest.mark.real_kafka
def test_three_brokers_get_three_copies_of_which_two_must_be_there(kafka_cluster: KafkaCluster) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka_cluster.bootstrap_servers, topic="copies")
    ensure_topic(settings, _TIMEOUT_S)
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})

    def copies() -> set[int]:
        topic = admin.list_topics("copies", timeout=_TIMEOUT_S).topics["copies"]
        return {len(partition.replicas) for partition in topic.partitions.values()}

    def copies_that_must_be_there() -> str | None:
        resource = ConfigResource(ConfigResource.Type.TOPIC, "copies")
        try:
            config = admin.describe_configs([resource])[resource].result(_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            return None
        return str(config["min.insync.replicas"].value)

    # The broker that is asked may hear a little later of the topic than the one that says that it is there.
    wait_until(lambda: copies() == {3}, "three copies")
    wait_until(lambda: copies_that_must_be_there() == "2", "two of them that must be there")


def test_the_in_memory_broker_has_a_topic_but_no_id_for_it() -> None:
    with InMemoryBroker("statuses") as broker:
        settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
        identity = ensure_topic(settings, _TIMEOUT_S)
        assert (identity.topic, identity.topic_id) == ("statuses", None)
        assert identify(settings, _TIMEOUT_S) == identity
