"""Settings as librdkafka gets them, and whom a refused one is blamed on."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from apistatus.errors import ConfigurationError
from apistatus.kafka.client_config import admin_config, consumer_config, open_client, producer_config
from apistatus.kafka.diagnosis import Diagnosis
from apistatus.settings.schema import KafkaSettings, Secret

FILE = Path("/etc/apistatus/client.conf")


def settings(**changes: object) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers="127.0.0.1:1", **changes)


def with_lines(*lines: tuple[str, str], **changes: object) -> KafkaSettings:
    numbers = tuple(range(3, 3 + len(lines)))
    return settings(
        client_config=lines, client_config_lines=numbers, client_config_file=FILE, **changes
    )  # fmt: skip


def producer(of: KafkaSettings) -> Producer:
    return open_client(Producer, producer_config(of, Diagnosis(of)), of)


def consumer(of: KafkaSettings) -> Consumer:
    return open_client(Consumer, consumer_config(of, Diagnosis(of)), of)


def mistakes(of: KafkaSettings) -> str:
    with pytest.raises(ConfigurationError) as caught:
        producer(of)
    return str(caught.value)


def test_producer_keeps_every_message_in_order_and_once_per_session() -> None:
    config = producer_config(settings(), Diagnosis(settings()))
    promised = {"enable.idempotence": True, "acks": "all", "partitioner": "murmur2_random"}
    assert promised.items() <= config.items()


def test_consumer_leaves_offsets_to_postgres() -> None:
    config = consumer_config(settings(), Diagnosis(settings()))
    promised = {
        "enable.auto.commit": False, "enable.auto.offset.store": False, "auto.offset.reset": "error",
        "group.id": "apistatus", "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 10_000, "heartbeat.interval.ms": 1000,
    }  # fmt: skip
    assert promised.items() <= config.items()


def test_the_consumer_protocol_goes_without_the_keys_that_it_refuses() -> None:
    of = settings(group_protocol="consumer")
    config = consumer_config(of, Diagnosis(of))
    assert config["group.protocol"] == "consumer"
    refused = {"session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"}
    assert not refused & config.keys()
    consumer(of).close()


def test_librdkafka_takes_every_configuration_as_it_is() -> None:
    of = settings()
    consumer(of).close()
    assert isinstance(producer(of), Producer)
    assert isinstance(open_client(AdminClient, admin_config(of, Diagnosis(of)), of), AdminClient)


def test_tls_without_an_authority_of_its_own_trusts_what_the_system_trusts() -> None:
    of = settings(security_protocol="SSL")
    assert producer_config(of, Diagnosis(of))["ssl.ca.location"] == "probe"


def test_tls_files_and_passwords_reach_the_client_and_nothing_else_does_when_plain() -> None:
    of = settings(
        security_protocol="SASL_SSL", ssl_ca_file=Path("ca.pem"), ssl_cert_file=Path("a.cert"),
        ssl_key_file=Path("a.key"), ssl_key_password=Secret("k"), sasl_mechanism="SCRAM-SHA-512",
        sasl_username="u", sasl_password=Secret("p"),
    )  # fmt: skip
    config = admin_config(of, Diagnosis(of))
    wanted = {
        "security.protocol": "sasl_ssl", "ssl.ca.location": "ca.pem", "ssl.certificate.location": "a.cert",
        "ssl.key.location": "a.key", "ssl.key.password": "k", "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "u", "sasl.password": "p",
    }  # fmt: skip
    assert wanted.items() <= config.items()
    plain = admin_config(settings(), Diagnosis(settings()))
    assert not [key for key in plain if key.startswith(("ssl.", "sasl."))]


def test_lines_of_the_client_file_overrule_defaults() -> None:
    of = with_lines(("linger.ms", "5"))
    assert producer_config(of, Diagnosis(of))["linger.ms"] == "5"


def test_keys_of_the_other_kind_of_client_disturb_nobody(caplog: pytest.LogCaptureFixture) -> None:
    of = with_lines(("fetch.min.bytes", "1"), ("linger.ms", "5"))
    consumer(of).close()
    producer(of).poll(0)
    assert "property and will be ignored" not in caplog.text


def test_every_line_that_librdkafka_refuses_is_named_by_file_and_line_without_its_value() -> None:
    said = mistakes(
        with_lines(("no.such", "hush"), ("socket.timeout.ms", "hush"), ("linger.ms", "5"), ("debug", "hush"))
    )
    assert said.splitlines()[0] == f"{FILE}:3: no.such: no such setting of librdkafka"
    assert f"{FILE}:4: socket.timeout.ms: " in said
    assert f"{FILE}:6: debug: " in said
    assert f"{FILE}:5" not in said
    assert "hush" not in said


@pytest.mark.parametrize("key", ["logger", "on_delivery", "default.topic.config"])
def test_what_the_binding_takes_as_an_object_is_refused_in_a_file(key: str) -> None:
    assert (
        mistakes(with_lines((key, "x"))) == f"{FILE}:3: {key}: takes no text, so it cannot be set in a file"
    )


def test_a_line_that_contradicts_our_own_configuration_is_named() -> None:
    assert mistakes(with_lines(("message.send.max.retries", "0"))).startswith(
        f"{FILE}:3: message.send.max.retries: "
    )


def test_a_line_that_only_the_group_protocol_refuses_is_named() -> None:
    of = with_lines(("heartbeat.interval.ms", "500"), group_protocol="consumer")
    with pytest.raises(ConfigurationError, match=rf"{FILE}:3: heartbeat\.interval\.ms: "):
        consumer(of)


def test_larger_messages_enlarge_the_fetch_with_them() -> None:
    of = with_lines(("message.max.bytes", "5000000"))
    assert consumer_config(of, Diagnosis(of))["fetch.max.bytes"] == 5_000_000
    consumer(of).close()


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"ssl_ca_file": Path("/no/such.pem"), "security_protocol": "SSL"}, "KAFKA_SSL_CA_FILE"),
        (
            {"security_protocol": "SSL", "ssl_cert_file": Path("/no/c"), "ssl_key_file": Path("/no/k")},
            "KAFKA_SSL_",
        ),
        ({"sasl_mechanism": "NONSENSE", "security_protocol": "SASL_PLAINTEXT"}, "KAFKA_SASL_MECHANISM"),
    ],
)
def test_a_setting_that_librdkafka_refuses_is_named_by_its_variable(
    changes: dict[str, object], variable: str
) -> None:
    assert mistakes(settings(**changes)).startswith(variable)
