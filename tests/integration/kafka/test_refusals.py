"""Apache Kafka says no, and we say why and what to change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from apistatus.errors import AccessRefused, ApistatusError, ConfigurationError, KafkaUnavailable
from apistatus.kafka.topics import ensure_topic
from apistatus.settings.schema import KafkaSettings, Secret
from tests.services.certificates import Authority
from tests.services.command import wait_until
from tests.services.kafka_fixtures import Kafka
from tests.services.kafka_listeners import LIMITED_PASSWORD, LIMITED_USER, SecureServer

pytestmark = pytest.mark.real_kafka
_TIMEOUT_S = 30.0


def refusal(
    settings: KafkaSettings, kind: type[ApistatusError] = AccessRefused, timeout_s: float = _TIMEOUT_S
) -> str:
    with pytest.raises(kind) as caught:
        ensure_topic(settings, timeout_s)
    assert type(caught.value) is kind
    return str(caught.value)


def without_client_certificate(settings: KafkaSettings, **changes: object) -> KafkaSettings:
    return replace(settings, ssl_cert_file=None, ssl_key_file=None, **changes)


def test_a_client_certificate_of_the_right_authority_is_let_in(kafka_tls: Kafka) -> None:
    assert ensure_topic(kafka_tls.settings, _TIMEOUT_S).topic_id


def test_a_client_key_with_a_password_is_opened(kafka_tls: Kafka, secure_kafka: SecureServer) -> None:
    mine = secure_kafka.authority.client("apistatus", password="open sesame", file="locked")
    settings = kafka_tls.with_settings(
        ssl_cert_file=mine.cert, ssl_key_file=mine.key, ssl_key_password=Secret("open sesame")
    )
    assert ensure_topic(settings, _TIMEOUT_S).topic_id


def test_no_client_certificate(kafka_tls: Kafka) -> None:
    said = refusal(without_client_certificate(kafka_tls.settings))
    assert said.endswith("it demands a client certificate; set KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE")
    assert kafka_tls.bootstrap_servers in said


def test_a_client_certificate_of_another_authority(kafka_tls: Kafka, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "other").client("stranger")
    said = refusal(kafka_tls.with_settings(ssl_cert_file=stranger.cert, ssl_key_file=stranger.key))
    assert f"does not accept the client certificate of KAFKA_SSL_CERT_FILE ({stranger.cert})" in said


def test_an_expired_client_certificate(kafka_tls: Kafka, secure_kafka: SecureServer) -> None:
    old = secure_kafka.authority.client("former", days=-1)
    said = refusal(kafka_tls.with_settings(ssl_cert_file=old.cert, ssl_key_file=old.key))
    assert f"does not accept the client certificate of KAFKA_SSL_CERT_FILE ({old.cert})" in said


def test_a_broker_of_another_authority(kafka_tls: Kafka, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other").ca
    said = refusal(kafka_tls.with_settings(ssl_ca_file=other))
    assert f"signed by an authority that KAFKA_SSL_CA_FILE ({other}) does not hold" in said


@pytest.mark.parametrize(
    ("listener", "reason"),
    [("WRONG_NAME", "its certificate is not for '127.0.0.1'"), ("EXPIRED", "has expired")],
)
def test_a_broker_with_a_bad_certificate(
    secure_kafka: SecureServer, kafka_tls: Kafka, listener: str, reason: str
) -> None:
    assert reason in refusal(kafka_tls.with_settings(bootstrap_servers=secure_kafka.server.address(listener)))


def test_tls_on_the_port_without(kafka_tls: Kafka, secure_kafka: SecureServer) -> None:
    said = refusal(kafka_tls.with_settings(bootstrap_servers=secure_kafka.server.bootstrap_servers))
    assert "is one without TLS, but KAFKA_SECURITY_PROTOCOL is SSL" in said


@pytest.mark.parametrize("listener", ["TLS", "SASL"])
def test_no_tls_on_the_port_with_it(secure_kafka: SecureServer, listener: str) -> None:
    said = refusal(KafkaSettings(bootstrap_servers=secure_kafka.server.address(listener)))
    assert "demands TLS; set KAFKA_SSL_CA_FILE" in said


def test_a_password_that_is_right(kafka_sasl: Kafka) -> None:
    assert ensure_topic(kafka_sasl.settings, _TIMEOUT_S).topic_id


def test_a_password_that_is_wrong_is_told_and_not_shown(kafka_sasl: Kafka) -> None:
    said = refusal(kafka_sasl.with_settings(sasl_password=Secret("open sesame")))
    assert "'apistatus'; check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD" in said
    assert "sesame" not in said


def test_a_mechanism_that_the_broker_does_not_have(kafka_sasl: Kafka) -> None:
    said = refusal(kafka_sasl.with_settings(sasl_mechanism="SCRAM-SHA-256"))
    assert said.endswith("does not know KAFKA_SASL_MECHANISM SCRAM-SHA-256; it offers SCRAM-SHA-512")


def test_a_password_on_the_port_that_takes_none(kafka_sasl: Kafka, secure_kafka: SecureServer) -> None:
    settings = kafka_sasl.with_settings(
        bootstrap_servers=secure_kafka.server.bootstrap_servers, security_protocol="SASL_PLAINTEXT"
    )
    assert "takes no password; unset KAFKA_SASL_MECHANISM" in refusal(settings)


def test_no_password_on_the_port_that_demands_one(kafka_sasl: Kafka) -> None:
    settings = kafka_sasl.with_settings(
        security_protocol="SSL", sasl_mechanism=None, sasl_username=None, sasl_password=None
    )
    # The reason is known when the broker has hung up; on a busy machine that may be after two seconds.
    reason = "if it demands a password, set KAFKA_SASL_MECHANISM"
    wait_until(lambda: reason in refusal(settings, KafkaUnavailable, timeout_s=2), reason)


def test_a_user_who_may_not_see_the_topic(kafka_sasl: Kafka) -> None:
    settings = kafka_sasl.with_settings(sasl_username=LIMITED_USER, sasl_password=Secret(LIMITED_PASSWORD))
    said = refusal(settings)
    assert f"Kafka user 'limited' may not look at topic '{settings.topic}' (KAFKA_STATUS_TOPIC)" in said
    assert "grant DESCRIBE and WRITE (produce)" in said


@pytest.mark.parametrize(
    ("servers", "reason"),
    [
        ("127.0.0.1:1", "broker 127.0.0.1:1: nothing listens there"),
        (
            "no-such-host.invalid:9092",
            "'no-such-host.invalid' cannot be resolved; check KAFKA_BOOTSTRAP_SERVERS",
        ),
    ],
)
def test_nobody_there_may_be_tried_again(servers: str, reason: str) -> None:
    settings = KafkaSettings(bootstrap_servers=servers)
    wait_until(lambda: reason in refusal(settings, KafkaUnavailable, timeout_s=2), reason)


def test_one_bad_address_beside_a_good_one_does_no_harm(kafka: Kafka) -> None:
    settings = kafka.with_settings(bootstrap_servers=f"127.0.0.1:1,{kafka.bootstrap_servers}")
    assert ensure_topic(settings, _TIMEOUT_S).topic == settings.topic


def test_an_unknown_key_of_the_client_file_is_named_before_any_connection() -> None:
    settings = KafkaSettings(
        client_config=(("no.such.key", "1"),),
        client_config_lines=(7,),
        client_config_file=Path("/etc/client.conf"),
    )
    assert (
        refusal(settings, ConfigurationError)
        == "/etc/client.conf:7: no.such.key: no such setting of librdkafka"
    )
