"""What storage is measured on: a throw-away PostgreSQL, and Kafka as it is named, or one in memory."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from apistatus.bench import cost
from apistatus.bench.kafka_used import kafka_used
from apistatus.demo.guard import MARKER, Guard
from apistatus.demo.postgres_server import PostgresServer
from apistatus.demo.processes import Child, Interrupted, apistatus, bare
from apistatus.errors import ConfigurationError, Problem
from apistatus.postgres.migrations import Migrator
from apistatus.runtime.stopping import Stop
from apistatus.settings.schema import KafkaSettings, MigrateSettings, PostgresSettings, RoleSettings, Secret

Connection = psycopg.Connection[tuple[Any, ...]]

_SERVER: Final = {
    "shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min", "jit": "off",
}  # fmt: skip
"""As a server of some size would be set; everything that keeps data safe stays on."""
_ROLE: Final = "bench"


@dataclass(frozen=True, slots=True)
class Database:
    """One database of the throw-away server."""

    server: PostgresServer
    name: str
    password: Secret

    @property
    def app(self) -> PostgresSettings:
        """The application role's connection."""
        server = self.server
        return PostgresSettings(server.host, server.port, "disable", _ROLE, self.password, self.name)

    def make(self) -> None:
        """Make it, with all tables, as `migrate` does."""
        server = self.server
        admin = PostgresSettings(
            server.host, server.port, "disable", server.superuser, Secret(server.password), "postgres"
        )
        Migrator(MigrateSettings(admin, self.name, RoleSettings(_ROLE, self.password))).apply()

    def drop(self) -> None:
        """Remove it, whoever is connected."""
        with closing(replace_database(self, "postgres").connect()) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(self.name)))

    def connect(self) -> Connection:
        """An autocommit connection of the superuser; close it."""
        server = self.server
        return psycopg.connect(
            host=server.host, port=server.port, user=server.superuser, password=server.password,
            dbname=self.name, sslmode="disable", autocommit=True,
        )  # fmt: skip

    def environ(self) -> dict[str, str]:
        """Environment of a command that uses it as the application role."""
        return {
            "PGHOST": self.server.host, "PGPORT": str(self.server.port), "PGSSLMODE": "disable",
            "PGAPPUSER": _ROLE, "PGAPPPW": str.__str__(self.password), "APPDB": self.name,
        }  # fmt: skip

    def psql(self, *commands: str) -> str:
        """What psql prints. Raises FileNotFoundError where there is none, CalledProcessError."""
        server = self.server
        ours = server.binary("psql")
        program = str(ours) if ours.exists() else "psql"
        where = ["-X", "-v", "ON_ERROR_STOP=1", "-h", server.host, "-p", str(server.port)]
        words = [word for command in commands for word in ("-c", command)]
        done = subprocess.run(  # noqa: S603  (psql, on our own server)
            [program, *where, "-U", server.superuser, "-d", self.name, *words],
            env={**bare(os.environ), "PGPASSWORD": server.password, "PGSSLMODE": "disable"}, text=True,
            capture_output=True, stdin=subprocess.DEVNULL, check=True, process_group=0,
        )  # fmt: skip
        return done.stdout


def replace_database(database: Database, name: str) -> Database:
    """Another database of the same server."""
    return replace(database, name=name)


@dataclass(frozen=True, slots=True)
class Services:
    """Both, for as long as a benchmark takes."""

    folder: Path
    server: PostgresServer
    kafka: KafkaSettings
    real: bool
    """Kafka itself, not the one in memory."""
    group: int
    """Process group of what is started beside us."""
    environ: Mapping[str, str]
    """Of the commands: how they reach Kafka."""
    password: Secret
    stop: Stop

    def go_on(self) -> None:
        """Raises Interrupted once a stop was asked for."""
        if self.stop.asked:
            raise Interrupted

    @property
    def described(self) -> dict[str, str]:
        """For the line on the machine."""
        with closing(self.database("postgres").connect()) as connection:
            version = connection.execute("show server_version").fetchall()[0][0]
        servers = self.kafka.bootstrap_servers
        return {"kafka": servers if self.real else "a broker in memory", "postgresql": str(version)}

    def database(self, name: str) -> Database:
        """A database of this name, which need not be there yet."""
        return Database(self.server, name, self.password)

    @contextmanager
    def fresh(self, name: str) -> Iterator[Database]:
        """A database that is made now and dropped at the end."""
        database = self.database(name)
        database.make()
        try:
            yield database
        finally:
            database.drop()

    def command(self, name: str, database: Database, **more: str) -> Child:
        """One of our long-running commands on this database; stop it."""
        environ = {**self.environ, **database.environ(), "APISTATUS_LOG_FORMAT": "json", **more}
        return Child(name, apistatus(name), environ, group=self.group)


@contextmanager
def services(folder: Path, environ: Mapping[str, str], stop: Stop) -> Iterator[Services]:
    """Started, and ended with everything they wrote. Kafka is what `KAFKA_BOOTSTRAP_SERVERS` names, with all
    other settings of `KAFKA_*`; without that name, the broker of the demo, which keeps 20 MiB.

    Raises ConfigurationError (also without the binaries of PostgreSQL), ServerFailed, KafkaUnavailable.
    """
    if not cost.is_known():
        raise ConfigurationError(
            [Problem("", "bench storage reads what PostgreSQL uses from /proc: it needs Linux")]
        )
    with ExitStack() as stack:
        used = stack.enter_context(kafka_used(folder, environ))
        guard = stack.enter_context(Guard(terminal=False))
        (folder / MARKER).touch()
        guard.watch(folder)
        server = stack.enter_context(PostgresServer(settings=_SERVER))
        yield Services(
            folder, server, used.settings, used.real, guard.group, {**bare(environ), **used.environ},
            Secret(secrets.token_urlsafe(12)), stop,
        )  # fmt: skip


def seconds_of_timing(said: str) -> float:
    """What psql's `\\timing` said last. Raises LookupError."""
    found = re.findall(r"^Time: ([0-9.]+) ms", said, re.MULTILINE)
    if not found:
        raise LookupError(f"psql did not say its time: {said}")
    return float(found[-1]) / 1000
