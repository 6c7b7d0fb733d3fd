"""The grammar of each variable."""

from __future__ import annotations

import pytest

from apistatus.settings.variables import NEEDS
from tests.unit.settings.environment import mistakes, settings

BAD = [
    ("LOG_LEVEL", "TRACE"),
    ("APISTATUS_LOG_FORMAT", "JSON"),
    ("KAFKA_BOOTSTRAP_SERVERS", "a:1,,b:2"),
    ("KAFKA_BOOTSTRAP_SERVERS", "a:0"),
    ("KAFKA_BOOTSTRAP_SERVERS", "a:99999"),
    ("KAFKA_BOOTSTRAP_SERVERS", "kafka://a:1"),
    ("KAFKA_STATUS_TOPIC", ".."),
    ("KAFKA_STATUS_TOPIC", "x" * 250),
    ("PGAPPUSER", "a\nb"),
    ("KAFKA_SASL_MECHANISM", "SCRAM"),
    ("KAFKA_SECURITY_PROTOCOL", "TLS"),
    ("KAFKA_CONSUMER_GROUP", "a\tb"),
    ("KAFKA_GROUP_PROTOCOL", "kip-848"),
    ("KAFKA_SESSION_TIMEOUT_MS", "999"),
    ("KAFKA_TOPIC_PARTITIONS", "0"),
    ("KAFKA_TOPIC_REPLICATION", "three"),
    ("READER_CONF_FILE", "a\x7fb"),
    ("API_READ_INTERVAL_SECS", "0.4"),
    ("API_READ_INTERVAL_SECS", "8d"),
    ("PGPORT", "65536"),
    ("PGSSLMODE", "Require"),
    ("PGHOST", "a\rb"),
    ("APISTATUS_LOCATION", "-eu"),
    ("APISTATUS_LOCATION", "x" * 33),
    ("APISTATUS_CLOUDEVENTS", "2"),
    ("APISTATUS_MAX_IN_FLIGHT", "0"),
    ("APISTATUS_GRACE_SECONDS", "-1"),
    ("APISTATUS_GRACE_SECONDS", "61m"),
    ("APISTATUS_LISTEN", "8080"),
    ("APISTATUS_SPOOL", "sometimes"),
    ("APISTATUS_DENY_NETWORKS", "10.0.0.1/8"),
    ("APISTATUS_DENY_NETWORKS", "10.0.0.0/8; 11.0.0.0/8"),
    ("APISTATUS_DENY_NETWORKS", "localhost"),
    ("APISTATUS_SPOOL_MAX_BYTES", "10kB"),
    ("APISTATUS_SPOOL_MAX_AGE", "5s"),
    ("APISTATUS_MISSED_BACKFILL", "8d"),
    ("APISTATUS_TLS_ENGINE", "boringssl"),
]
BAD += [
    ("APISTATUS_PROCESSES", "0"),
    ("APISTATUS_PROCESSES", "many"),
    ("APISTATUS_MAX_PER_HOST", "-1"),
    ("APISTATUS_RESOLVER", "unbound"),
    ("APISTATUS_NAME_SERVERS", "dns.example"),
    ("APISTATUS_NAME_SERVERS", "192.0.2.53:0"),
    ("APISTATUS_NAME_SERVERS", "192.0.2.53,"),
    ("APISTATUS_DEAD_LETTER_LIMIT", "1.5"),
    ("APISTATUS_DEAD_LETTER_LIMIT", "50%"),
    ("APISTATUS_DEAD_LETTER_LIMIT", "-0.5"),
    ("APISTATUS_CONSUME_ON_RECREATED_TOPIC", "ignore"),
    ("APISTATUS_CONSUME_ON_LOST_OFFSETS", "latest"),
]


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_bad_value_is_refused_by_its_name(name: str, text: str) -> None:
    [(where, message)] = mistakes(needs=NEEDS - {"migrate"}, **{name: text}).items()
    assert where == name
    assert message.startswith(("must be ", "must not hold control characters", "is not a duration"))
    assert message.endswith(f"(it is {text[:80]!r})")


def test_a_bad_secret_is_not_quoted() -> None:
    found = mistakes(KAFKA_SASL_PASSWORD_FILE="/none", KAFKA_SASL_PASSWORD="hunter2")
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        (None, ["169.254.0.0/16", "fe80::/10", "fd00:ec2::/32"]),
        ("", []),
        ("10.0.0.0/8,::1/128 , 192.0.2.1", ["10.0.0.0/8", "::1/128", "192.0.2.1/32"]),
    ],
)
def test_networks_are_denied_by_default_and_none_when_the_variable_is_empty(
    text: str | None, networks: list[str]
) -> None:
    given = {} if text is None else {"APISTATUS_DENY_NETWORKS": text}
    assert [str(network) for network in settings(**given).probe.deny_networks] == networks


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("192.0.2.53", ("192.0.2.53:53",)),
        (
            "192.0.2.53:5353, 2001:db8::53,[2001:db8::1]:54",
            ("192.0.2.53:5353", "[2001:db8::53]:53", "[2001:db8::1]:54"),
        ),
    ],
)
def test_name_servers_have_a_port_of_their_own_or_that_of_dns(text: str, servers: tuple[str, ...]) -> None:
    assert settings().probe.name_servers == ()
    assert settings(APISTATUS_NAME_SERVERS=text).probe.name_servers == servers


def test_name_servers_cannot_be_chosen_for_the_systems_resolver() -> None:
    found = mistakes(APISTATUS_RESOLVER="system", APISTATUS_NAME_SERVERS="192.0.2.53")
    assert found == {
        "APISTATUS_NAME_SERVERS": "cannot be chosen where APISTATUS_RESOLVER is system; unset one of them"
    }
