"""Kafka as the environment names it; without a name, a broker in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from apistatus.demo.kafka_broker import InMemoryBroker
from apistatus.settings.schema import KafkaSettings
from apistatus.wiring.loading import settings_for

_WAIT_MS: Final = 100
"""The in-memory broker holds an empty answer for this long even when messages come meanwhile."""


@dataclass(frozen=True, slots=True)
class KafkaUsed:
    """How it is reached: by us, and by our commands."""

    settings: KafkaSettings
    environ: Mapping[str, str]
    """What of a command's environment speaks of Kafka."""
    real: bool
    """Kafka itself, not the one in memory."""

    @property
    def described(self) -> str:
        """For the line on the machine."""
        return self.settings.bootstrap_servers if self.real else "a broker in memory"


@contextmanager
def kafka_used(folder: Path, environ: Mapping[str, str], topic: str = "statuses") -> Iterator[KafkaUsed]:
    """What `KAFKA_BOOTSTRAP_SERVERS` names, with all other settings of `KAFKA_*`; without that name, the broker
    of the demo, which keeps 20 MiB and has this topic. Raises ConfigurationError, KafkaUnavailable."""
    real = bool(environ.get("KAFKA_BOOTSTRAP_SERVERS"))
    used = {name: value for name, value in environ.items() if real or not name.startswith("KAFKA_")}
    given = settings_for(used, {}, "kafka").settings.kafka
    if real:
        kept = {name: value for name, value in environ.items() if name.startswith("KAFKA_")}
        yield KafkaUsed(given, kept, real)
        return
    with InMemoryBroker(topic) as broker:
        client_file = folder / "client.properties"
        client_file.write_text(f"fetch.wait.max.ms={_WAIT_MS}\n")
        kept = {
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "KAFKA_CLIENT_CONFIG_FILE": str(client_file),
        }
        given = replace(given, bootstrap_servers=broker.bootstrap_servers, topic=topic)
        yield KafkaUsed(given, kept, real)
