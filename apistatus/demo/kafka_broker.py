"""A Kafka broker in this process's memory: librdkafka's own, reachable from other processes.

It keeps at most 5 MiB a partition and nothing beyond the process's life, has no topic ids and makes
no topic on request (librdkafka 2.16, rdkafka_mock.c): right for a demo, wrong for a promise.
"""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException, Producer

from apistatus.errors import KafkaUnavailable

PARTITIONS: Final = 4
"""What the broker gives every topic (rdkafka_mock.c, `defaults.partition_cnt`); not ours to choose."""
_START_TIMEOUT_S: Final = 10.0


class _Silent:
    """The broker tells its own client about every disconnect: nothing a person needs."""

    def log(self, *_: object) -> None:
        """Drop a line."""


class InMemoryBroker:
    """Runs from `start` to `stop` on a loopback port that the kernel chose; a context manager."""

    durable: Final = False

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self._host: Producer | None = None
        self._bootstrap_servers = ""

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` of the running broker."""
        if self._host is None:
            raise RuntimeError("the in-memory broker is not running")
        return self._bootstrap_servers

    def start(self) -> None:
        """Start the broker and make the topic. Raises KafkaUnavailable."""
        host = Producer({"test.mock.num.brokers": 1, "logger": _Silent()})
        try:
            brokers = host.list_topics(self.topic, timeout=_START_TIMEOUT_S).brokers.values()
        except KafkaException as error:
            raise KafkaUnavailable(f"the in-memory broker did not start: {error.args[0].str()}") from error
        self._bootstrap_servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        self._host = host

    def stop(self) -> None:
        """End the broker; every message is gone."""
        host, self._host = self._host, None
        if host is not None:
            host.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
