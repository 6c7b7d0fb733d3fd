"""KAFKA_CLIENT_CONFIG_FILE: `key=value` lines in librdkafka's names, minus what promises stand on.

Whether librdkafka knows a key is for the Kafka room to find out, by making a client; it says
`file:line` from `Line.number`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apistatus.errors import Problem
from apistatus.settings.files import read_regular, reason

_FILE_MAX_BYTES: Final = 2**20
_MAX_IN_FLIGHT: Final = 5  # the most an idempotent producer may have (librdkafka, CONFIGURATION.md)

_ONCE: Final = "no result is lost or stored twice because of it"
_OFFSETS: Final = "offsets are kept in PostgreSQL"
RESERVED: Final[dict[str, str]] = {
    "acks": _ONCE,
    "request.required.acks": _ONCE,
    "enable.idempotence": _ONCE,
    "transactional.id": _ONCE,
    "delivery.report.only.error": _ONCE,
    "enable.auto.commit": _OFFSETS,
    "auto.commit.enable": _OFFSETS,
    "enable.auto.offset.store": _OFFSETS,
    "auto.offset.reset": _OFFSETS,
    "offset.store.method": _OFFSETS,
    "enable.partition.eof": _OFFSETS,
    "partitioner": "all results of a check are in one partition because of it",
    "partition.assignment.strategy": "the consumer group is run by it",
    "group.instance.id": "two members with one name would shut each other out",
    "group.id": "set KAFKA_CONSUMER_GROUP",
    "group.protocol": "set KAFKA_GROUP_PROTOCOL",
    "session.timeout.ms": "set KAFKA_SESSION_TIMEOUT_MS",
    "bootstrap.servers": "set KAFKA_BOOTSTRAP_SERVERS",
    "metadata.broker.list": "set KAFKA_BOOTSTRAP_SERVERS",
    "security.protocol": "set KAFKA_SECURITY_PROTOCOL",
    "sasl.mechanism": "set KAFKA_SASL_MECHANISM",
    "sasl.mechanisms": "set KAFKA_SASL_MECHANISM",
    "sasl.username": "set KAFKA_SASL_USERNAME",
    "sasl.password": "set KAFKA_SASL_PASSWORD",
    "ssl.ca.location": "set KAFKA_SSL_CA_FILE",
    "ssl.certificate.location": "set KAFKA_SSL_CERT_FILE",
    "ssl.key.location": "set KAFKA_SSL_KEY_FILE",
    "ssl.key.password": "set KAFKA_SSL_KEY_PASSWORD",
}
_CAPPED: Final = frozenset({"max.in.flight", "max.in.flight.requests.per.connection"})


@dataclass(frozen=True, slots=True)
class Line:
    """One setting of the file; `value` may be a secret."""

    number: int
    key: str
    value: str


def read_client_file(path: Path) -> tuple[tuple[Line, ...], tuple[Problem, ...]]:
    """The lines that may be used, and what is wrong with the others, each as `file:line`."""
    try:
        text = read_regular(path, _FILE_MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        return (), (Problem("KAFKA_CLIENT_CONFIG_FILE", f"cannot read {path}: {reason(error)}"),)
    except UnicodeDecodeError:
        return (), (Problem("KAFKA_CLIENT_CONFIG_FILE", f"{path} is not UTF-8 text"),)
    lines: dict[str, Line] = {}
    problems: list[Problem] = []
    for number, written in enumerate(text.split("\n"), start=1):
        stripped = written.strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, equals, value = (part.strip() for part in stripped.partition("="))
        wrong = _mistake(key, equals, value)
        if not wrong and key in lines:
            wrong = f"{key}: already set in line {lines[key].number}"
        if wrong:
            problems.append(Problem(f"{path}:{number}", wrong))
        else:
            lines[key] = Line(number, key, value)
    return tuple(lines.values()), tuple(problems)


def _mistake(key: str, equals: str, value: str) -> str | None:
    if not equals or not key:
        return "must be `key=value`"
    if key in RESERVED:
        return f"{key}: cannot be set here: {RESERVED[key]}"
    if key.endswith("_cb") or key in {"opaque", "interceptors", "default_topic_conf"}:
        return f"{key}: takes no text, so it cannot be set in a file"
    if key in _CAPPED and not (value.isdecimal() and 1 <= int(value) <= _MAX_IN_FLIGHT):
        return f"{key}: must be from 1 to {_MAX_IN_FLIGHT}: {_ONCE}"
    return None
