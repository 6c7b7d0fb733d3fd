"""In place of confluent_kafka.Producer: a client that does what a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException

Report = Callable[[KafkaError | None, Any], None]
FATAL = KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "out of order", True)


class ScriptedProducer:
    """Takes messages while there is `room`; reports come from `report`, or by themselves when `delivers`."""

    def __init__(self, *, room: int = 1_000_000, delivers: bool = False) -> None:
        self.room, self.delivers = room, delivers
        self.sent: list[tuple[bytes, bytes, list[tuple[str, bytes]]]] = []
        self.waiting: dict[int, Report] = {}
        self.refuses: KafkaError | None = None
        self.raises: BaseException | None = None
        """What `poll` and `flush` raise, as librdkafka does after a fatal error."""
        self.purged = False
        self.leader: int | None = None
        """Of the topic's partition, as the brokers say; None: they do not answer."""
        self._wakes = threading.Event()

    def produce(
        self, topic: str, value: bytes, key: bytes, *, headers: list[tuple[str, bytes]], on_delivery: Report
    ) -> None:
        assert topic == "statuses"
        if self.refuses is not None:
            raise KafkaException(self.refuses)
        if len(self.waiting) >= self.room:
            raise BufferError("Local: Queue full")
        self.waiting[len(self.sent)] = on_delivery
        self.sent.append((key, value, headers))

    def report(self, number: int, error: KafkaError | None = None) -> None:
        """The delivery report of message `number`."""
        self.waiting.pop(number)(error, None)

    def report_all(self, error: KafkaError | None = None) -> None:
        for number in list(self.waiting):
            self.report(number, error)

    def poll(self, timeout: float) -> int:
        if self.delivers:
            self.report_all()
        if self.raises is not None:
            raise self.raises
        self._wakes.wait(timeout)
        return 0

    def flush(self, timeout: float) -> int:
        if self.purged:
            self.report_all(KafkaError(KafkaError._PURGE_QUEUE))
        self.poll(0)
        return len(self.waiting)

    def list_topics(self, topic: str, timeout: float) -> Any:
        if self.leader is None:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return SimpleNamespace(
            topics={topic: SimpleNamespace(partitions={0: SimpleNamespace(leader=self.leader)})}
        )

    def purge(self) -> None:
        self.purged = True

    @property
    def values(self) -> list[bytes]:
        return [value for _key, value, _headers in self.sent]
