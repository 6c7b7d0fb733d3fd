"""The services that the benchmarks run against: real Kafka and the wheel's PostgreSQL, on loopback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from apistatus.demo.postgres_server import PostgresServer
from tests.services import command
from tests.services.kafka_jars import java_command
from tests.services.kafka_server import KafkaServer, single_node

_POSTGRES = {"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min", "jit": "off"}
"""As a server of its size would be set; everything that keeps data safe stays on."""
_APP_USER, _APP_PASSWORD = "bench", "bench-password"


@dataclass(frozen=True, slots=True)
class Services:
    """A broker and a database server, for as long as a benchmark takes."""

    folder: Path
    bootstrap_servers: str
    postgres: PostgresServer

    def kafka(self, topic: str, **more: str) -> dict[str, str]:
        """Environment of a command that uses this topic."""
        return {"KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers, "KAFKA_STATUS_TOPIC": topic, **more}

    def app(self, database: str) -> dict[str, str]:
        """Environment of a command that uses this database as the application role."""
        return {
            "PGHOST": self.postgres.host, "PGPORT": str(self.postgres.port), "APPDB": database,
            "PGAPPUSER": _APP_USER, "PGAPPPW": _APP_PASSWORD,
        }  # fmt: skip

    def migrate(self, database: str) -> None:
        """Make the database and its tables."""
        admin = {"PGUSER": self.postgres.superuser, "PGPW": self.postgres.password}
        done = command.run("migrate", env={**self.app(database), **admin})
        if done.returncode:
            raise RuntimeError(f"migrate: {done.stderr}")

    def running(self, name: str, args: list[str], env: Mapping[str, str]) -> command.Command:
        """A long-running command with a page of its own."""
        return command.Command([*args, "--listen", "127.0.0.1:0"], env, self.folder / f"{name}.log")


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    """Started, and ended with everything they wrote. Raises NoKafka without Java and Maven."""
    kafka = folder / "kafka"
    kafka.mkdir()
    node, shape = single_node(kafka, {})
    broker = KafkaServer(java_command(), node, shape)
    with PostgresServer(settings=_POSTGRES) as postgres:
        broker.start()
        try:
            broker.wait()
            yield Services(folder, broker.bootstrap_servers, postgres)
        finally:
            broker.stop()
