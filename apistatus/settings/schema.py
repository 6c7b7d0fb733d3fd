"""Every setting, frozen after `load`: meaning, unit, default and why. Nothing else reads the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal


class Secret(str):
    """A string that no log, error or `config show` prints: `repr` is `***`; use `str.__str__` knowingly."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'" if self else "''"


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How the program speaks on standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "WARNING"
    format: Literal["text", "json"] = "text"


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """The broker, the topic and the consumer group."""

    bootstrap_servers: str = "localhost:9092"
    topic: str = "statuses"
    ssl_ca_file: Path | None = None
    ssl_cert_file: Path | None = None
    ssl_key_file: Path | None = None
    ssl_key_password: Secret | None = None
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: Secret | None = None
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Derived from the files and the mechanism unless given: see `load`."""
    client_config_file: Path | None = None
    client_config: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """The `key=value` lines of that file; they may hold secrets."""
    client_config_lines: tuple[int, ...] = field(default=(), repr=False)
    """Line number of each of them, so that a key the client refuses is reported as `file:line`."""
    consumer_group: str = "apistatus"
    group_protocol: Literal["classic", "consumer"] = "classic"
    session_timeout_ms: int = 10_000
    topic_partitions: int = 12
    topic_replication: int | None = None
    """None: as many as the cluster has brokers, at most 3."""


@dataclass(frozen=True, slots=True)
class PostgresSettings:
    """PostgreSQL as one role sees it. The other variables of libpq keep their meaning in libpq."""

    host: str = "localhost"
    port: int = 5432
    sslmode: str | None = None
    user: str = "postgres"
    password: Secret | None = None
    """None: libpq looks into PGPASSFILE."""
    database: str = "api_statuses"


@dataclass(frozen=True, slots=True)
class RoleSettings:
    """A role that `migrate` makes and grants to."""

    user: str
    password: Secret | None


@dataclass(frozen=True, slots=True)
class MigrateSettings:
    """`migrate`: the administrative connection, and what is to be made with it."""

    admin: PostgresSettings
    """`database` is PGDB, the one to connect to while APPDB does not exist yet."""
    database: str
    """APPDB: the database that holds the results."""
    app_role: RoleSettings
    read_role: RoleSettings | None = None


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """Where the checks come from, and what applies to those that say nothing."""

    path: Path = Path("conf/apireader")
    default_interval_us: int = 30_000_000


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """The prober and its place."""

    location: str = "local"
    state_dir: Path = Path()
    max_in_flight: int = 2000
    cloudevents: bool = False
    tls_engine: Literal["auto", "rustls", "openssl"] = "auto"
    deny_networks: tuple[IPv4Network | IPv6Network, ...] = (
        IPv4Network("169.254.0.0/16"), IPv6Network("fe80::/10"), IPv6Network("fd00:ec2::/32"),
    )  # fmt: skip
    """Link-local addresses and those at which clouds answer questions about the machine."""
    max_per_host: int = 0
    """0: no limit."""
    resolver: Literal["auto", "system"] = "auto"
    name_servers: tuple[str, ...] = ()
    """`ip:port` of each; none: the system's."""
    spool: Literal["overflow", "always", "off"] = "overflow"
    spool_max_bytes: int = 2**30
    spool_max_age_us: int = 86_400_000_000
    missed_backfill_us: int = 3_600_000_000
    processes: int = 1


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """How long what is stored is kept."""

    retention_days: int = 90
    """Raw results; rollups stay."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How a long-running command runs and stops."""

    grace_s: float = 25.0
    listen: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class ConsumeSettings:
    """What `consume` does when something is wrong with the topic; see `consume.options.Options`."""

    dead_letter_limit: float = 0.5
    on_recreated_topic: Literal["fail", "restart"] = "fail"
    on_lost_offsets: Literal["fail", "earliest"] = "fail"


@dataclass(frozen=True, slots=True)
class Settings:
    """All of them. `app` is the application role's connection (consume and the reading commands)."""

    log: LogSettings
    kafka: KafkaSettings
    app: PostgresSettings
    migrate: MigrateSettings
    reader: ReaderSettings
    probe: ProbeSettings
    service: ServiceSettings
    consume: ConsumeSettings = ConsumeSettings()
    storage: StorageSettings = StorageSettings()
