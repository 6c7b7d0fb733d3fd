"""The Kafka group: what follows from what, and what contradicts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from apistatus.errors import ConfigurationError
from apistatus.settings.load import load
from tests.services.certificates import Authority
from tests.unit.settings.environment import NOW, loaded, mistakes, settings

SCRAM = {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "KAFKA_SASL_USERNAME": "me", "KAFKA_SASL_PASSWORD": "x"}


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, str]:
    authority = Authority(tmp_path)
    pair = authority.client("service")
    return {
        "KAFKA_SSL_CA_FILE": str(authority.ca),
        "KAFKA_SSL_CERT_FILE": str(pair.cert),
        "KAFKA_SSL_KEY_FILE": str(pair.key),
    }


def test_any_certificate_file_turns_tls_on(tls: dict[str, str]) -> None:
    found = loaded(**tls)
    kafka = found.settings.kafka
    assert kafka.security_protocol == "SSL"
    assert found.origins["KAFKA_SECURITY_PROTOCOL"] == "derived"
    files = [str(file) for file in (kafka.ssl_ca_file, kafka.ssl_cert_file, kafka.ssl_key_file)]
    assert files == list(tls.values())
    assert settings(KAFKA_SSL_CA_FILE=tls["KAFKA_SSL_CA_FILE"]).kafka.security_protocol == "SSL"


def test_a_password_goes_over_tls_unless_one_says_otherwise() -> None:
    assert settings(**SCRAM).kafka.security_protocol == "SASL_SSL"
    plain = settings(**SCRAM, KAFKA_SECURITY_PROTOCOL="sasl_plaintext").kafka
    assert plain.security_protocol == "SASL_PLAINTEXT"
    assert (plain.sasl_mechanism, plain.sasl_username, plain.sasl_password) == ("SCRAM-SHA-512", "me", "x")
    assert "'x'" not in repr(plain)


def test_tls_with_the_systems_trust_store_needs_no_file() -> None:
    assert settings(KAFKA_SECURITY_PROTOCOL="SSL").kafka.ssl_ca_file is None


def test_certificates_without_tls_contradict(tls: dict[str, str]) -> None:
    assert mistakes(**tls, KAFKA_SECURITY_PROTOCOL="PLAINTEXT") == {
        "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT is without TLS, but KAFKA_SSL_*_FILE names certificates"
    }


def test_half_a_client_certificate_is_a_mistake(tls: dict[str, str]) -> None:
    assert mistakes(KAFKA_SSL_CERT_FILE=tls["KAFKA_SSL_CERT_FILE"]) == {
        "KAFKA_SSL_KEY_FILE": "not set, but KAFKA_SSL_CERT_FILE is; a client certificate needs both"
    }
    assert mistakes(KAFKA_SSL_KEY_FILE=tls["KAFKA_SSL_KEY_FILE"]) == {
        "KAFKA_SSL_CERT_FILE": "not set, but KAFKA_SSL_KEY_FILE is; a client certificate needs both"
    }


def test_every_bad_file_is_told_at_once(tls: dict[str, str], tmp_path: Path) -> None:
    other = Authority(tmp_path / "other").client("other")
    found = mistakes(
        KAFKA_SSL_CA_FILE="/none",
        KAFKA_SSL_CERT_FILE=tls["KAFKA_SSL_CERT_FILE"],
        KAFKA_SSL_KEY_FILE=str(other.key),
    )
    assert found["KAFKA_SSL_CA_FILE"] == "cannot read /none: no such file or directory"
    assert "does not fit the certificate" in found["KAFKA_SSL_KEY_FILE"]


def test_dates_are_held_against_now_and_by_default_against_the_clock(tls: dict[str, str]) -> None:
    environ = {"HOME": "/home/user", **tls}
    assert load(environ).settings.kafka.security_protocol == "SSL"
    with pytest.raises(ConfigurationError, match=r"KAFKA_SSL_CERT_FILE: .* expired on"):
        load(environ, now=NOW + timedelta(days=400))


def test_the_password_of_the_key_is_used(tmp_path: Path) -> None:
    pair = Authority(tmp_path).client("locked", password="opensesame")
    files = {"KAFKA_SSL_CERT_FILE": str(pair.cert), "KAFKA_SSL_KEY_FILE": str(pair.key)}
    assert settings(**files, KAFKA_SSL_KEY_PASSWORD="opensesame").kafka.ssl_key_password == "opensesame"
    assert mistakes(**files) == {"KAFKA_SSL_KEY_FILE": f"{pair.key} is encrypted; set KAFKA_SSL_KEY_PASSWORD"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"},
            {"KAFKA_SASL_MECHANISM": "not set, but KAFKA_SECURITY_PROTOCOL is SASL_SSL"},
        ),
        (
            {"KAFKA_SASL_USERNAME": "me"},
            {"KAFKA_SASL_MECHANISM": "not set, but KAFKA_SASL_USERNAME is"},
        ),
        (
            {"KAFKA_SASL_PASSWORD": "x"},
            {"KAFKA_SASL_MECHANISM": "not set, but KAFKA_SASL_PASSWORD is"},
        ),
        (
            {**SCRAM, "KAFKA_SECURITY_PROTOCOL": "SSL"},
            {"KAFKA_SECURITY_PROTOCOL": "SSL is without SASL, but KAFKA_SASL_MECHANISM is set"},
        ),
        (
            {"KAFKA_SASL_MECHANISM": "PLAIN"},
            {
                "KAFKA_SASL_USERNAME": "not set, but KAFKA_SASL_MECHANISM is PLAIN",
                "KAFKA_SASL_PASSWORD": "not set, but KAFKA_SASL_MECHANISM is PLAIN",
            },
        ),
        (
            {"KAFKA_SASL_MECHANISM": "SCRAM", "KAFKA_SASL_USERNAME": "me"},
            {
                "KAFKA_SASL_MECHANISM": "must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, GSSAPI, "
                "OAUTHBEARER (it is 'SCRAM')"
            },
        ),
    ],
)
def test_half_of_sasl_is_a_mistake(environ: dict[str, str], expected: dict[str, str]) -> None:
    assert mistakes(**environ) == expected


def test_mechanisms_without_a_password_need_none() -> None:
    assert settings(KAFKA_SASL_MECHANISM="gssapi").kafka.sasl_mechanism == "GSSAPI"
