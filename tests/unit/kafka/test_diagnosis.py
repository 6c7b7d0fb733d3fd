"""What librdkafka complains of, as a sentence that says what to change."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError

from apistatus.errors import AccessRefused, KafkaUnavailable
from apistatus.kafka import diagnosis as module
from apistatus.kafka.diagnosis import Diagnosis
from apistatus.settings.schema import KafkaSettings, Secret

PLAIN = KafkaSettings(bootstrap_servers="127.0.0.1:1")
TLS = KafkaSettings(bootstrap_servers="127.0.0.1:1", security_protocol="SSL")
WITH_CERT = KafkaSettings(security_protocol="SSL", ssl_cert_file=Path("my.cert"), ssl_key_file=Path("my.key"))
SCRAM = KafkaSettings(
    security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-256", sasl_username="ann",
    sasl_password=Secret("hush"),
)  # fmt: skip


def said(text: str, state: str = "UP", at: str = "127.0.0.1:1/bootstrap") -> str:
    """A complaint in the form that librdkafka gives it."""
    return f"{at}: {text} (after 3ms in state {state})"


def alert(kind: str) -> str:
    text = f"Receive failed: error:0A000412:SSL routines::ssl/tls alert {kind}: SSL alert number 42"
    return said(text, "APIVERSION_QUERY", "ssl://127.0.0.1:1/bootstrap")


HANDSHAKE = "SASL SCRAM-SHA-256 mechanism handshake failed: Broker:"
WRONG_PASSWORD = said(
    "SASL authentication error: Authentication failed during authentication due to invalid credentials",
    "AUTH_REQ",
    "sasl_ssl://127.0.0.1:1/bootstrap",
)
UNVERIFIED = (
    "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate"
)
NO_TLS = "SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?"
NOBODY = said("Connect to ipv4#127.0.0.1:1 failed: Connection refused", "CONNECT")
UNRESOLVED = said(
    "Failed to resolve 'kafka.example:9092': Name or service not known",
    "CONNECT",
    "kafka.example:9092/bootstrap",
)

REFUSED = [
    (TLS, alert("bad certificate"), "demands a client certificate; set KAFKA_SSL_CERT_FILE"),
    (WITH_CERT, alert("certificate unknown"), "KAFKA_SSL_CERT_FILE (my.cert): certificate unknown"),
    (WITH_CERT, alert("unknown ca"), "KAFKA_SSL_CERT_FILE (my.cert): unknown ca"),
    (
        TLS,
        said(NO_TLS, at="ssl://127.0.0.1:1/3"),
        "port 1 is one without TLS, but KAFKA_SECURITY_PROTOCOL is SSL",
    ),
    (TLS, said(UNVERIFIED), "could not be verified; check KAFKA_SSL_CA_FILE"),
    (SCRAM, WRONG_PASSWORD, "no such user: 'ann'; check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"),
    (
        SCRAM,
        said(f"{HANDSHAKE} Unsupported SASL mechanism: broker's supported mechanisms: SCRAM-SHA-512,PLAIN"),
        "does not know KAFKA_SASL_MECHANISM SCRAM-SHA-256; it offers SCRAM-SHA-512,PLAIN",
    ),
    (
        SCRAM,
        said(f"{HANDSHAKE} Request not valid in current SASL state: broker's supported mechanisms: "),
        "port 1 takes no password; unset KAFKA_SASL_MECHANISM",
    ),
]
AWAY = [
    (PLAIN, NOBODY, "broker 127.0.0.1:1: nothing listens there"),
    (PLAIN, said("Connection refused", "CONNECT", "[::1]:9092/7"), "broker ::1:9092: nothing listens there"),
    (PLAIN, UNRESOLVED, "the name 'kafka.example' cannot be resolved; check KAFKA_BOOTSTRAP_SERVERS"),
    (PLAIN, said("Receive failed: Invalid response size 1213486160 (0..9)"), "an HTTP server answers there"),
    (
        PLAIN,
        said("Receive failed: Invalid response size 7 (0..9)"),
        "something that is no Kafka broker answers",
    ),
    (
        PLAIN,
        said("Disconnected: connection closed by peer: receive 0 after POLLIN", "APIVERSION_QUERY"),
        "Disconnected: connection closed by peer",
    ),
    (
        TLS,
        said("Disconnected: SSL connection closed by peer", at="ssl://127.0.0.1:1/1"),
        "if it demands a password, set KAFKA_SASL_MECHANISM",
    ),
    (
        SCRAM,
        said("Disconnected: SSL connection closed by peer"),
        "Disconnected: SSL connection closed by peer",
    ),
    (PLAIN, "127.0.0.1:1/bootstrap: Something new", "Something new"),
]


@pytest.mark.parametrize(("settings", "line", "sentence"), REFUSED)
def test_a_refusal_names_the_variable_to_change(settings: KafkaSettings, line: str, sentence: str) -> None:
    diagnosis = Diagnosis(settings)
    diagnosis.log(40, "%s [%s] %s", "FAIL", "apistatus#producer-1", f"[thrd:a/bootstrap]: {line}")
    assert diagnosis.refused()
    explanation = diagnosis.explanation("Kafka does not serve us")
    assert isinstance(explanation, AccessRefused)
    assert sentence in str(explanation)
    assert "hush" not in str(explanation)


@pytest.mark.parametrize(("settings", "line", "sentence"), AWAY)
def test_a_broker_that_is_away_may_be_tried_again(settings: KafkaSettings, line: str, sentence: str) -> None:
    diagnosis = Diagnosis(settings)
    diagnosis.on_error(KafkaError(KafkaError._TRANSPORT, line))
    explanation = diagnosis.explanation("Kafka does not serve us")
    assert isinstance(explanation, KafkaUnavailable)
    assert sentence in str(explanation)


@pytest.mark.parametrize("how", ["SSL connection closed by peer", "connection reset by peer"])
@pytest.mark.parametrize(
    ("spoken", "kind", "sentence"),
    [
        (False, AccessRefused, "port 1 is one without TLS, but KAFKA_SECURITY_PROTOCOL is SASL_SSL"),
        (True, KafkaUnavailable, "by peer"),
        (None, KafkaUnavailable, "by peer"),
    ],
)
def test_a_port_that_hangs_up_on_the_greeting_of_tls_is_asked_whether_it_speaks_tls(
    monkeypatch: pytest.MonkeyPatch, how: str, spoken: bool | None, kind: type[Exception], sentence: str
) -> None:
    monkeypatch.setattr(module, "speaks_tls", lambda _host, _port: spoken)
    diagnosis = Diagnosis(SCRAM)
    at = "sasl_ssl://127.0.0.1:1/bootstrap"
    diagnosis.on_error(KafkaError(KafkaError._TRANSPORT, said(f"Disconnected: {how}", "SSL_HANDSHAKE", at)))
    assert diagnosis.refused()
    explanation = diagnosis.explanation("Kafka does not serve us")
    assert type(explanation) is kind
    assert sentence in str(explanation)


def test_a_refusal_matters_more_than_a_broker_that_is_away() -> None:
    diagnosis = Diagnosis(SCRAM)
    diagnosis.on_error(KafkaError(KafkaError._AUTHENTICATION, WRONG_PASSWORD))
    diagnosis.on_error(KafkaError(KafkaError._TRANSPORT, UNRESOLVED))
    assert isinstance(diagnosis.explanation("x"), AccessRefused)


def test_silence_is_said_with_the_addresses_that_were_asked() -> None:
    explanation = Diagnosis(PLAIN).explanation("no topic")
    assert str(explanation) == "no topic: no answer from 127.0.0.1:1 (KAFKA_BOOTSTRAP_SERVERS) in time"


def test_what_is_no_complaint_of_a_broker_explains_nothing() -> None:
    diagnosis = Diagnosis(PLAIN)
    diagnosis.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert diagnosis.reason() == ""


def test_complaints_are_forgotten_when_brokers_answer_again() -> None:
    diagnosis = Diagnosis(PLAIN)
    diagnosis.on_error(KafkaError(KafkaError._TRANSPORT, NOBODY))
    assert diagnosis.reason().startswith("127.0.0.1:1: Connect to")
    diagnosis.clear()
    assert diagnosis.reason() == ""


def test_an_old_complaint_explains_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    diagnosis = Diagnosis(PLAIN)
    diagnosis.on_error(KafkaError(KafkaError._TRANSPORT, NOBODY))
    now += 31
    assert diagnosis.reason() == ""


def test_the_same_line_is_logged_once_a_minute_whatever_its_numbers(caplog: pytest.LogCaptureFixture) -> None:
    diagnosis = Diagnosis(PLAIN)
    for milliseconds in range(20):
        line = f"[thrd:a]: 127.0.0.1:1/bootstrap: Disconnected (after {milliseconds}ms in state UP)"
        diagnosis.log(40, "%s [%s] %s", "FAIL", "apistatus#producer-1", line)
    assert [record.getMessage() for record in caplog.records] == ["client.says"]


def test_where_a_failure_is_explained_the_words_of_the_client_are_for_debugging(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    diagnosis = Diagnosis(PLAIN, is_told=True)
    diagnosis.log(40, "%s [%s] %s", "FAIL", "apistatus#producer-1", f"[thrd:a/bootstrap]: {NOBODY}")
    diagnosis.log(40, "%s [%s] %s", "CONFWARN", "apistatus#producer-1", "something else")
    assert [record.levelname for record in caplog.records] == ["DEBUG", "WARNING"]
    assert "nothing listens there" in str(diagnosis.explanation("x"))


def test_a_note_about_a_key_of_the_other_kind_of_client_is_not_passed_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    line = "Configuration property fetch.min.bytes is a consumer property and will be ignored by this"
    Diagnosis(PLAIN).log(40, "%s [%s] %s", "CONFWARN", "apistatus#producer-1", line)
    assert not caplog.records
