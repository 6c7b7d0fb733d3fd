"""The service that the benchmarks of whole commands run against: real Kafka, on loopback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services import command
from tests.services.kafka_jars import java_command
from tests.services.kafka_server import KafkaServer, single_node


@dataclass(frozen=True, slots=True)
class Services:
    """A broker, for as long as a benchmark takes."""

    folder: Path
    bootstrap_servers: str

    def kafka(self, topic: str, **more: str) -> dict[str, str]:
        """Environment of a command that uses this topic."""
        return {"KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers, "KAFKA_STATUS_TOPIC": topic, **more}

    def running(self, name: str, args: list[str], env: Mapping[str, str]) -> command.Command:
        """A long-running command with a page of its own."""
        return command.Command([*args, "--listen", "127.0.0.1:0"], env, self.folder / f"{name}.log")


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    """Started, and ended with everything it wrote. Raises NoKafka without Java and Maven."""
    kafka = folder / "kafka"
    kafka.mkdir()
    node, shape = single_node(kafka, {})
    broker = KafkaServer(java_command(), node, shape)
    broker.start()
    try:
        broker.wait()
        yield Services(folder, broker.bootstrap_servers)
    finally:
        broker.stop()
