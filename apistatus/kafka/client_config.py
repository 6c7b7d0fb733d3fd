"""Settings -> librdkafka's configuration (librdkafka 2.16, CONFIGURATION.md), one for each kind of client."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaException, Producer

from apistatus.errors import ConfigurationError, Problem
from apistatus.kafka.diagnosis import Diagnosis
from apistatus.settings.schema import KafkaSettings

Client = TypeVar("Client")
Config = dict[str, Any]

DELIVERY_TIMEOUT_S: Final = 300
_VARIABLES: Final = {
    "Unsupported SASL mechanism": "KAFKA_SASL_MECHANISM",
    "bootstrap.servers": "KAFKA_BOOTSTRAP_SERVERS",
    "ssl.ca.location": "KAFKA_SSL_CA_FILE",
    "ssl.certificate.location": "KAFKA_SSL_CERT_FILE",
    "ssl.key.location": "KAFKA_SSL_KEY_FILE",
    "ssl.key.password": "KAFKA_SSL_KEY_PASSWORD",
    "sasl.mechanism": "KAFKA_SASL_MECHANISM",
    "sasl.username": "KAFKA_SASL_USERNAME",
    "sasl.password": "KAFKA_SASL_PASSWORD",
    "security.protocol": "KAFKA_SECURITY_PROTOCOL",
    "group.id": "KAFKA_CONSUMER_GROUP",
    "group.protocol": "KAFKA_GROUP_PROTOCOL",
    "session.timeout.ms": "KAFKA_SESSION_TIMEOUT_MS",
}
_FETCH_MAX_BYTES: Final = 2**20
_NO_TEXT: Final = frozenset({"logger", "on_commit", "on_delivery", "default.topic.config"})
"""Names that the Python binding takes for itself, as objects."""
_HEARTBEATS_PER_SESSION: Final = 10
"""The session ends after ten missed heartbeats; a rebalance waits for one (3 s: 4.0 s, 0.5 s: 1.1 s)."""


def producer_config(settings: KafkaSettings, diagnosis: Diagnosis) -> Config:
    """Idempotent, all replicas, one partition per check id in Java's hash; 20 ms of collecting."""
    return {
        **_common(settings, diagnosis),
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "linger.ms": 20,
        "compression.type": "lz4",
        "delivery.timeout.ms": DELIVERY_TIMEOUT_S * 1000,
        # The publisher keeps the rest: a message in here takes 800 bytes more.
        "queue.buffering.max.messages": 10_000,
        # The topic's max.message.bytes is held against a whole batch.
        "batch.size": 131_072,
        **dict(settings.client_config),
    }


def consumer_config(settings: KafkaSettings, diagnosis: Diagnosis) -> Config:
    """A group member whose offsets are nobody's business but PostgreSQL's."""
    return {
        **_common(settings, diagnosis),
        **_group(settings),
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        # A batch may wait for PostgreSQL inside one transaction; the loop polls between two of them.
        "max.poll.interval.ms": 600_000,
        # The default of a second between two fetches of a full queue halves the drain (measured).
        "fetch.queue.backoff.ms": 5,
        "queued.min.messages": 20_000,
        # As fast as the defaults, with 25 MB of memory less: lz4 makes ten bytes of one (measured).
        "queued.max.messages.kbytes": 16_384,
        "fetch.max.bytes": max(_FETCH_MAX_BYTES, _message_max_bytes(settings)),
        **dict(settings.client_config),
    }


def _message_max_bytes(settings: KafkaSettings) -> int:
    """The client file's `message.max.bytes`: a fetch must not be smaller, or librdkafka refuses it."""
    value = dict(settings.client_config).get("message.max.bytes", "")
    return int(value) if value.isdecimal() else 0


def admin_config(settings: KafkaSettings, diagnosis: Diagnosis) -> Config:
    """For looking at topics and making ours."""
    return {**_common(settings, diagnosis), **dict(settings.client_config)}


def _common(settings: KafkaSettings, diagnosis: Diagnosis) -> Config:
    config: Config = {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": "apistatus",
        "security.protocol": settings.security_protocol.lower(),
        "socket.keepalive.enable": True,
        # A broker that refuses a certificate is otherwise asked 20 times a second.
        "reconnect.backoff.ms": 250,
        "reconnect.backoff.max.ms": 5000,
        "error_cb": diagnosis.on_error,
        "logger": diagnosis,
    }
    if settings.security_protocol.endswith("SSL"):
        # `probe`: the system's trust store, wherever this distribution keeps it.
        config["ssl.ca.location"] = str(settings.ssl_ca_file) if settings.ssl_ca_file else "probe"
        if settings.ssl_cert_file and settings.ssl_key_file:
            config["ssl.certificate.location"] = str(settings.ssl_cert_file)
            config["ssl.key.location"] = str(settings.ssl_key_file)
            if settings.ssl_key_password:
                config["ssl.key.password"] = str.__str__(settings.ssl_key_password)
    if settings.sasl_mechanism:
        config["sasl.mechanism"] = settings.sasl_mechanism
        if settings.sasl_username is not None:
            config["sasl.username"] = settings.sasl_username
        if settings.sasl_password is not None:
            config["sasl.password"] = str.__str__(settings.sasl_password)
    return config


def _group(settings: KafkaSettings) -> Config:
    group: Config = {"group.id": settings.consumer_group, "group.protocol": settings.group_protocol}
    if settings.group_protocol == "classic":
        # With `consumer` these are the broker's to set; naming them is an error (KIP-848).
        group |= {
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": settings.session_timeout_ms,
            "heartbeat.interval.ms": max(1, settings.session_timeout_ms // _HEARTBEATS_PER_SESSION),
        }
    return group


def open_client(make: Callable[[Config], Client], config: Config, settings: KafkaSettings) -> Client:
    """The client. Raises ConfigurationError that names the variable, or the client file's line, at fault."""
    problems = _without_text(settings)
    if problems:
        raise ConfigurationError(problems)
    try:
        return make(config)
    except (KafkaException, TypeError, ValueError) as error:
        problems = list(_refused_lines(settings)) or [_problem(make, config, settings, _text(error))]
        raise ConfigurationError(problems) from error


def client_file_problems(settings: KafkaSettings) -> list[Problem]:
    """What is wrong with the client file, each as `file:line`. Opens no connection."""
    return _without_text(settings) or list(_refused_lines(settings))


def _without_text(settings: KafkaSettings) -> list[Problem]:
    return [
        Problem(_line(settings, number), f"{key}: takes no text, so it cannot be set in a file")
        for key, _value, number in _file_lines(settings)
        if key in _NO_TEXT
    ]


def _file_lines(settings: KafkaSettings) -> Iterator[tuple[str, str, int]]:
    """Key, value and line number."""
    for (key, value), number in zip(settings.client_config, settings.client_config_lines, strict=True):
        yield key, value, number


def _refused_lines(settings: KafkaSettings) -> Iterator[Problem]:
    """Every line of the client file that librdkafka refuses by itself, tried on a client without brokers."""
    for key, value, number in _file_lines(settings):
        try:
            Producer({"log_level": 0, key: value})
        except (KafkaException, TypeError, ValueError) as error:
            text = _text(error)
            reason = "no such setting of librdkafka" if "No such" in text else _without(text, value)
            yield Problem(_line(settings, number), f"{key}: {reason}")


def _problem(make: Callable[[Config], Client], config: Config, settings: KafkaSettings, text: str) -> Problem:
    """Whom to blame: the line without which the client can be made, else the variable that is named."""
    for key, value, number in _file_lines(settings):
        try:
            make({name: setting for name, setting in config.items() if name != key})
        except (KafkaException, TypeError, ValueError):
            continue
        return Problem(_line(settings, number), f"{key}: {_without(text, value)}")
    for said, variable in _VARIABLES.items():
        if _names(text, said):
            return Problem(variable, text)
    if "key values mismatch" in text:
        return Problem("KAFKA_SSL_KEY_FILE", "the key does not fit the certificate of KAFKA_SSL_CERT_FILE")
    return Problem("Kafka client", text)


def _names(text: str, key: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(key)}(?![\w.])", text) is not None


def _line(settings: KafkaSettings, number: int) -> str:
    return f"{settings.client_config_file}:{number}"


def _text(error: BaseException) -> str:
    first = error.args[0] if error.args else error
    said = first.str() if hasattr(first, "str") else str(first)
    return str(said).strip()


def _without(text: str, value: str) -> str:
    """The text without a value that may be a secret."""
    return text.replace(f'"{value}"', "this value") if value else text
