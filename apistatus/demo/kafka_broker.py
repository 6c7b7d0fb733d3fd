"""A Kafka broker in memory: librdkafka's own, in a process of its own that ends with ours.

It keeps at most 5 MiB a partition and nothing beyond the process's life, has no topic ids and makes
no topic on request (librdkafka 2.16, rdkafka_mock.c): right for a demo, wrong for a promise.
In our own process librdkafka now and then aborts or hangs when it destroys the broker while clients
that end still connect (an assertion on its mutexes); a process is just ended.
"""

from __future__ import annotations

import os
import subprocess
import sys
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException, Producer

from apistatus.demo.processes import python
from apistatus.errors import KafkaUnavailable

PARTITIONS: Final = 4
"""What the broker gives every topic (rdkafka_mock.c, `defaults.partition_cnt`); not ours to choose."""
_START_TIMEOUT_S: Final = 10.0
_READY: Final = "ready "


class _Silent:
    """The broker tells its own client about every disconnect: nothing a person needs."""

    def log(self, *_: object) -> None:
        """Drop a line."""


class InMemoryBroker:
    """Runs from `start` to `stop` on a loopback port that the kernel chose; a context manager."""

    durable: Final = False

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self._process: subprocess.Popen[str] | None = None
        self._bootstrap_servers = ""

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` of the running broker."""
        if self._process is None:
            raise RuntimeError("the in-memory broker is not running")
        return self._bootstrap_servers

    def start(self) -> None:
        """Start the broker and make the topic. Raises KafkaUnavailable."""
        # In a group of its own, or Ctrl+C would end it before those who still have something to send.
        self._process = subprocess.Popen(  # noqa: S603  (our own module)
            [*python(), "-m", "apistatus.demo.kafka_broker", self.topic],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0,
        )  # fmt: skip
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        if not said.startswith(_READY):
            self.stop()
            raise KafkaUnavailable(f"the in-memory broker did not start: {said or 'it ended at once'}")
        self._bootstrap_servers = said.removeprefix(_READY)

    def stop(self) -> None:
        """End the broker; every message is gone."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            # Closes the pipes too, and waits.
            with process:
                return

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _run(topic: str) -> None:
    """Be the broker until standard input ends, as it does when the process that holds it is gone."""
    host = Producer({"test.mock.num.brokers": 1, "logger": _Silent()})
    try:
        brokers = host.list_topics(topic, timeout=_START_TIMEOUT_S).brokers.values()
        said = _READY + ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    except (KafkaException, RuntimeError) as error:
        said = str(error)
    sys.stdout.write(f"{said}\n")
    sys.stdout.flush()
    # Also after a failure: whoever started us ends us.
    sys.stdin.buffer.read()
    # Nothing is destroyed in order.
    os._exit(0)


if __name__ == "__main__":
    _run(sys.argv[1])
