"""The one table of all variables: name, default, grammar, meaning, and which commands need it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from apistatus.model.result import LOCATION_PATTERN
from apistatus.settings import processors, quantities

Parse: TypeAlias = Callable[[str], object]
IpNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

NEEDS: Final = frozenset({"kafka", "postgres", "migrate", "readers", "probe", "service", "consume"})
"""The groups a command may ask for; `log` is always read."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting. `needs` are the groups it belongs to: a command outside them does not look at it."""

    name: str
    default: str | None
    meaning: str
    parse: Parse
    needs: frozenset[str]
    secret: bool = False
    """Never shown; `NAME_FILE` names a file that holds it."""
    empty: bool = False
    """Empty is a value of its own, and not the same as not set."""


def _text(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("must not hold control characters")
    return text


def _path(text: str) -> Path:
    try:
        return Path(_text(text)).expanduser()
    except RuntimeError as error:
        raise ValueError("names the home of a user who does not exist") from error


def _one_of(*values: str, fold: Callable[[str], str] = str) -> Parse:
    def parse(text: str) -> str:
        if fold(text) not in values:
            raise ValueError(f"must be one of {', '.join(values)}")
        return fold(text)

    return parse


def _matching(pattern: str, told: str) -> Parse:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(told)
        return text

    return parse


def _servers(text: str) -> str:
    servers = [server.strip() for server in text.split(",")]
    for server in servers:
        bare = re.fullmatch(r"[\w.-]+|\[[0-9A-Fa-f:.]+\]", server, re.ASCII)
        try:
            port = 1 if bare else quantities.host_and_port(server)[1]
        except ValueError:
            port = 0
        if not port:
            raise ValueError("must be a list of HOST:PORT with commas between")
    return ",".join(servers)


def _interval_us(text: str) -> int:
    return quantities.duration_within(text, "500ms", "7d")


def _grace_s(text: str) -> float:
    return quantities.duration_within(text, "0s", "1h") / 1_000_000


def _spool_bytes(text: str) -> int:
    value_bytes = quantities.size_bytes(text)
    if not quantities.size_bytes("1MiB") <= value_bytes <= quantities.size_bytes("1024GiB"):
        raise ValueError("must be from 1MiB to 1024GiB")
    return value_bytes


def _spool_age_us(text: str) -> int:
    return quantities.duration_within(text, "1m", "365d")


def _backfill_us(text: str) -> int:
    return quantities.duration_within(text, "0s", "7d")


def _networks(text: str) -> tuple[IpNetwork, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"must be networks like 10.0.0.0/8 with commas between: {error}") from error


def _name_servers(text: str) -> tuple[str, ...]:
    try:
        return tuple(quantities.ip_and_port(part.strip(), port=53) for part in text.split(","))
    except ValueError as error:
        raise ValueError("must be IP addresses like 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53 with commas "
                         "between") from error  # fmt: skip


def _share(text: str) -> float:
    if not re.fullmatch(r"(0?\.[0-9]{1,6}|[01](\.[0-9]{1,6})?)", text, re.ASCII) or float(text) > 1:
        raise ValueError("must be a share from 0 to 1, such as 0.5")
    return float(text)


def _count(least: int, most: int) -> Parse:
    return partial(quantities.whole_number, least=least, most=most)


_LOG = frozenset({"log"})
_KAFKA = frozenset({"kafka"})
_READERS = frozenset({"readers"})
_PROBE = frozenset({"probe"})
_SERVICE = frozenset({"service"})
_CONSUME = frozenset({"consume"})
_MIGRATE = frozenset({"migrate"})
_POSTGRES = frozenset({"postgres"})
_DATABASE = frozenset({"postgres", "migrate"})

_LEVELS = _one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", fold=str.upper)
_TOPIC = _matching(
    r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,249}", "must be a topic name: 1 to 249 of A-Z a-z 0-9 . _ -"
)
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "OAUTHBEARER")
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

# fmt: off
VARIABLES: Final[tuple[Variable, ...]] = (
    Variable("LOG_LEVEL", "WARNING", "how much is said on standard error", _LEVELS, _LOG),
    Variable("APISTATUS_LOG_FORMAT", "text", "`text` or `json`, on standard error", _one_of("text", "json"), _LOG),
    Variable("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092", "where Kafka is; several with commas", _servers, _KAFKA),
    Variable("KAFKA_STATUS_TOPIC", "statuses", "the topic of the results", _TOPIC, _KAFKA),
    Variable("KAFKA_SSL_CA_FILE", None, "certificate authority of the brokers, PEM; turns TLS on", _path, _KAFKA),
    Variable("KAFKA_SSL_CERT_FILE", None, "our client certificate, PEM", _path, _KAFKA),
    Variable("KAFKA_SSL_KEY_FILE", None, "its private key, PEM", _path, _KAFKA),
    Variable("KAFKA_SSL_KEY_PASSWORD", None, "the password of that key", str, _KAFKA, secret=True),
    Variable("KAFKA_SASL_MECHANISM", None, "`PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `GSSAPI`, `OAUTHBEARER`",
             _one_of(*_MECHANISMS, fold=str.upper), _KAFKA),
    Variable("KAFKA_SASL_USERNAME", None, "user name for SASL", _text, _KAFKA),
    Variable("KAFKA_SASL_PASSWORD", None, "password for SASL", str, _KAFKA, secret=True),
    Variable("KAFKA_SECURITY_PROTOCOL", None, "from the above: `SSL` with any of the files, `SASL_SSL` with a "
             "mechanism, else `PLAINTEXT`; the system's trust store when no CA file is named",
             _one_of(*_PROTOCOLS, fold=str.upper), _KAFKA),
    Variable("KAFKA_CLIENT_CONFIG_FILE", None, "a librdkafka `key=value` file for everything else", _path, _KAFKA),
    Variable("KAFKA_CONSUMER_GROUP", "apistatus", "the consumer group of `consume`",
             _matching(r"[^\x00-\x1f\x7f]{1,255}", "must be 1 to 255 characters"), _KAFKA),
    Variable("KAFKA_GROUP_PROTOCOL", "classic", "`classic`, or `consumer` (KIP-848)",
             _one_of("classic", "consumer", fold=str.lower), _KAFKA),
    Variable("KAFKA_SESSION_TIMEOUT_MS", "10000", "silence after which Kafka gives a consumer up",
             _count(1_000, 3_600_000), _KAFKA),
    Variable("KAFKA_TOPIC_PARTITIONS", "12", "used once, when the topic is made", _count(1, 10_000), _KAFKA),
    Variable("KAFKA_TOPIC_REPLICATION", None, "likewise; at most 3 and at most the brokers when not given",
             _count(1, 32_767), _KAFKA),
    Variable("READER_CONF_FILE", "conf/apireader", "the reader file (`.yml`, `.yaml` may be left out) or a directory "
             "of them", _path, _READERS),
    Variable("API_READ_INTERVAL_SECS", "30", "interval of checks that name none", _interval_us, _READERS),
    Variable("PGHOST", "localhost", "where PostgreSQL is", _text, _DATABASE),
    Variable("PGPORT", "5432", "its port", _count(1, 65_535), _DATABASE),
    Variable("PGSSLMODE", None, "`disable` to `verify-full`, as in libpq", _one_of(*_SSLMODES), _DATABASE),
    Variable("PGUSER", "postgres", "administrative role, for `migrate` only", _text, _DATABASE),
    Variable("PGPW", "postgres", "its password; else PGPASSWORD, else PGPASSFILE", str, _DATABASE, secret=True),
    Variable("PGDB", "postgres", "database to connect to while APPDB is not there yet", _text, _MIGRATE),
    Variable("PGAPPUSER", "postgres", "application role: `consume` and the reading commands", _text, _DATABASE),
    Variable("PGAPPPW", "postgres", "its password; else PGPASSWORD, else PGPASSFILE", str, _DATABASE, secret=True),
    Variable("PGPASSWORD", None, "serves where PGPW or PGAPPPW is not set", str, _DATABASE, secret=True),
    Variable("PGPASSFILE", None, "libpq's password file, for both roles, where neither is set", _path, _DATABASE),
    Variable("APPDB", "api_statuses", "the database of the results", _text, _DATABASE),
    Variable("PGREADUSER", None, "a read-only role for dashboards, made when named", _text, _MIGRATE),
    Variable("PGREADPW", None, "its password", str, _MIGRATE, secret=True),
    Variable("APISTATUS_RETENTION_DAYS", "90", "days that raw results are kept; rollups stay", _count(1, 36_500),
             _POSTGRES),
    Variable("APISTATUS_LOCATION", "local", "where the prober stands; part of a result's identity",
             _matching(LOCATION_PATTERN, "must be 1 to 32 of a-z 0-9 . _ -, a letter or digit first"), _PROBE),
    Variable("APISTATUS_STATE_DIR", None, "`$XDG_STATE_HOME/apistatus`, else `~/.local/state/apistatus`; a volume in "
             "containers", _path, _PROBE),
    Variable("APISTATUS_CLOUDEVENTS", "false", "CloudEvents headers on each message", quantities.truth, _PROBE),
    Variable("APISTATUS_MAX_IN_FLIGHT", "2000", "checks under way at once", _count(1, 1_000_000), _PROBE),
    Variable("APISTATUS_SPOOL", "overflow", "what waits for Kafka on disk: `overflow`: what cannot be sent at once; "
             "`always`: every result, before it is sent; `off`: nothing",
             _one_of("overflow", "always", "off", fold=str.lower), _PROBE),
    Variable("APISTATUS_SPOOL_MAX_BYTES", "1GiB", "more than this: the oldest are dropped and counted", _spool_bytes,
             _PROBE),
    Variable("APISTATUS_SPOOL_MAX_AGE", "24h", "older than this: dropped and counted", _spool_age_us, _PROBE),
    Variable("APISTATUS_MISSED_BACKFILL", "1h", "how far back ticks of a stop become `missed` results at the next "
             "start; a longer stop is one recorded gap", _backfill_us, _PROBE),
    Variable("APISTATUS_TLS_ENGINE", "auto", "whose TLS a check speaks: `auto` (rustls; where its handshake fails, "
             "OpenSSL has the last word), `rustls`, `openssl`", _one_of("auto", "rustls", "openssl", fold=str.lower),
             _PROBE),
    Variable("APISTATUS_DENY_NETWORKS", "169.254.0.0/16, fe80::/10, fd00:ec2::/32", "addresses no check may reach, "
             "tested after name resolution and on every redirect; empty: none", _networks, _PROBE, empty=True),
    Variable("APISTATUS_GRACE_SECONDS", "25", "how long an orderly stop may take", _grace_s, _SERVICE),
    Variable("APISTATUS_LISTEN", None, "HOST:PORT of /live, /ready, /metrics; off when not given",
             quantities.host_and_port, _SERVICE),
    Variable("APISTATUS_DEAD_LETTER_LIMIT", "0.5", "more bad ones than this share of the last 1,000 messages (at least "
             "100, counted over restarts): `consume` stops with exit 1; `1`: never", _share, _CONSUME),
    Variable("APISTATUS_CONSUME_ON_RECREATED_TOPIC", "fail", "the topic is another one than the stored offsets belong "
             "to: `fail`, or `restart`, from its beginning", _one_of("fail", "restart"), _CONSUME),
    Variable("APISTATUS_CONSUME_ON_LOST_OFFSETS", "fail", "Kafka deleted messages before they were stored: `fail`, or "
             "`earliest`, go on behind them and record them as lost", _one_of("fail", "earliest"), _CONSUME),
    Variable("APISTATUS_PROCESSES", "1", "processes of `produce`, or `auto`: one per core; limits of checks and "
             "bytes are those of all together", processors.processes, _PROBE),
    Variable("APISTATUS_MAX_PER_HOST", "0", "checks open to one host and port at once; `0`: as many as are due",
             _count(0, 1_000_000), _PROBE),
    Variable("APISTATUS_RESOLVER", "auto", "who looks names up: `auto`: /etc/hosts and DNS, then the system where it "
             "may know more; `system`: getaddrinfo alone, in threads", _one_of("auto", "system", fold=str.lower),
             _PROBE),
    Variable("APISTATUS_NAME_SERVERS", None, "name servers to ask, and no others: IP addresses, also with `:PORT`, and "
             "commas between; those of resolv.conf when not given", _name_servers, _PROBE),
)
# fmt: on
