"""The results of a `produce` that is measured, read off its topic while they come."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from confluent_kafka import Consumer, KafkaException, TopicPartition

from apistatus.bench.storage_topic import NotMeasured
from apistatus.kafka.client_config import admin_config, open_client
from apistatus.kafka.diagnosis import Diagnosis
from apistatus.model import wire
from apistatus.model.result import Result
from apistatus.settings.schema import KafkaSettings

_AT_ONCE: Final = 2_000
_QUIET_S: Final = 1.0
"""When nothing more is written and nothing came for so long, everything has come."""
_PATIENCE_S: Final = 60.0
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of the ticks of some time."""

    ticks: int
    """That there had to be."""
    missed: int
    """Told as missed, or without any result."""
    not_up: int
    """Of those that were made."""
    late_ms: list[float]
    """How late each of those started that were made."""


class Results:
    """Reads a topic from its beginning until it is left; a context manager."""

    def __init__(self, topic: KafkaSettings) -> None:
        """Raises ConfigurationError, KafkaException, NotMeasured."""
        config = {
            **admin_config(topic, Diagnosis(topic)), "group.id": f"apistatus-bench-{secrets.token_hex(4)}",
            "enable.auto.commit": False, "fetch.wait.max.ms": 100,
        }  # fmt: skip
        self._consumer = open_client(Consumer, config, topic)
        self._partitions = _partitions(self._consumer, topic.topic)
        self._seen: dict[tuple[str, int], tuple[str, int]] = {}
        self._ending = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="results", daemon=True)

    def has_any(self) -> bool:
        """Whether a result has come. Raises NotMeasured."""
        if self._failure is not None:
            raise NotMeasured(f"the results could not be read: {self._failure}")
        return bool(self._seen)

    def between(self, from_us: int, until_us: int, ticks: int) -> Seen:
        """Of the ticks, so many, in [from_us, until_us). Call it when nothing more is written. Raises NotMeasured."""
        self._ending = True
        self._thread.join(_PATIENCE_S)
        if self._failure is not None or self._thread.is_alive():
            raise NotMeasured(f"the results could not be read: {self._failure or 'no answer'}")
        counted = [found for (_, tick_us), found in self._seen.items() if from_us <= tick_us < until_us]
        late_ms = [delay_us / 1000 for status, delay_us in counted if status != "missed"]
        up = sum(status == "up" for status, _ in counted)
        return Seen(ticks, max(0, ticks - len(late_ms)), len(late_ms) - up, late_ms)

    def _run(self) -> None:
        try:
            self._consumer.assign(self._partitions)
            while (messages := self._consumer.consume(_AT_ONCE, _QUIET_S)) or not self._ending:
                for message in messages:
                    if message.error() is not None:
                        raise KafkaException(message.error())
                    self._take(message.value())
        except Exception as error:  # noqa: BLE001 - it is told by the thread that asks for the results
            self._failure = error

    def _take(self, value: bytes | None) -> None:
        found = wire.decode(value)
        if isinstance(found, Result):
            self._seen[found.check, found.scheduled_at_us] = found.status, found.start_delay_us

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending = True
        self._thread.join(_PATIENCE_S)
        self._consumer.close()


def _partitions(consumer: Consumer, topic: str) -> list[TopicPartition]:
    """From their beginning. Of several brokers, one may hear a little later of a topic that another has made."""
    until_mono_s = time.monotonic() + _PATIENCE_S
    while not (found := consumer.list_topics(topic, timeout=_PATIENCE_S).topics[topic].partitions):
        if time.monotonic() > until_mono_s:
            raise NotMeasured(f"the topic {topic} is not there")
        time.sleep(_LOOK_S)
    return [TopicPartition(topic, number, 0) for number in found]
