"""Dead letters onto a topic: the one beside the results' (`<topic>.dlq`), or their own once more."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from apistatus.errors import KafkaUnavailable
from apistatus.kafka.client_config import Config, open_client, producer_config
from apistatus.kafka.diagnosis import Diagnosis
from apistatus.kafka.topics import ensure_topic
from apistatus.ports import Outgoing
from apistatus.settings.schema import KafkaSettings

SUFFIX: Final = ".dlq"
_DELIVERY_S: Final = 8.0
_FLUSH_S: Final = 10.0
"""Long enough for every message to have ended one way or the other."""
_PURGE_S: Final = 1.0
_MAX_BYTES: Final = 64 * 2**20
"""A letter is as large as its own topic allowed, and a few headers more: what is too much the broker says."""
_TOO_LARGE: Final = frozenset(
    {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE, KafkaError.INVALID_RECORD}
)


class LetterSender:
    """Sends a few messages at a time, and waits until it is known of each what became of it."""

    def __init__(self, settings: KafkaSettings, *, make: Callable[[Config], Producer] = Producer) -> None:
        self._settings, self._make = settings, make
        self._topic_is_there = False

    @classmethod
    def to_dead_letter_topic(cls, settings: KafkaSettings) -> LetterSender:
        """The topic beside that of the results; it is made, with one partition, when it is missing."""
        return cls(replace(settings, topic=settings.topic + SUFFIX, topic_partitions=1))

    @property
    def topic(self) -> str:
        return self._settings.topic

    def send(self, messages: Sequence[Outgoing]) -> list[str | None]:
        """None for each that the brokers have acknowledged, else why this topic can never take it.

        Raises KafkaUnavailable when one of them was neither within seconds: any of them may be on the
        topic nonetheless. Raises AccessRefused, ConfigurationError.
        """
        if not self._topic_is_there:
            ensure_topic(self._settings)
            self._topic_is_there = True
        sending = _Sending(self._settings, self._make)
        try:
            return sending.send(messages)
        finally:
            sending.close()


class _Sending:
    """One client for one call: what it has not delivered when it ends must not come later."""

    def __init__(self, settings: KafkaSettings, make: Callable[[Config], Producer]) -> None:
        self._settings = settings
        self._diagnosis = Diagnosis(settings)
        config = {
            **producer_config(settings, self._diagnosis),
            "linger.ms": 5,
            "delivery.timeout.ms": round(_DELIVERY_S * 1000),
        }
        config.setdefault("message.max.bytes", _MAX_BYTES)
        self._producer = open_client(make, config, settings)
        self._ends: dict[int, KafkaError | None] = {}

    def send(self, messages: Sequence[Outgoing]) -> list[str | None]:
        self._send_together(list(enumerate(messages)))
        # A topic's limit is held against a whole batch: only alone a message shows that it is too large.
        suspects = [number for number, end in self._ends.items() if end is not None and len(messages) > 1]
        for number in suspects:
            del self._ends[number]
            self._send_together([(number, messages[number])])
        return [end.str() if (end := self._ends[number]) else None for number in range(len(messages))]

    def _send_together(self, messages: Sequence[tuple[int, Outgoing]]) -> None:
        """Afterwards it is known of each that it was delivered or is too large. Raises KafkaUnavailable."""
        until_mono_s = time.monotonic() + _FLUSH_S
        try:
            for number, message in messages:
                self._produce(number, message, until_mono_s)
            while self._unknown(messages) and (left_s := until_mono_s - time.monotonic()) > 0:
                self._producer.flush(left_s)
        except (KafkaException, SystemError) as error:
            # SystemError: the binding's, when a delivery callback runs while a fatal error is raised.
            raise KafkaUnavailable(f"cannot send to topic '{self._settings.topic}': {error}") from error
        faults = [end for end in self._ends.values() if end is not None and end.code() not in _TOO_LARGE]
        if faults or self._unknown(messages):
            said = faults[0].str() if faults else "no answer in time"
            raise self._diagnosis.explanation(
                f"topic '{self._settings.topic}' does not take messages ({said})"
            )

    def _unknown(self, messages: Sequence[tuple[int, Outgoing]]) -> bool:
        return any(number not in self._ends for number, _ in messages)

    def _produce(self, number: int, message: Outgoing, until_mono_s: float) -> None:
        while True:
            try:
                self._producer.produce(
                    self._settings.topic, message.value, message.key, headers=list(message.headers),
                    on_delivery=partial(self._reported, number),
                )  # fmt: skip
                return
            except BufferError:
                if time.monotonic() > until_mono_s:
                    return
                self._producer.poll(0.1)
            except KafkaException as error:
                if error.args[0].code() not in _TOO_LARGE:
                    raise
                self._ends[number] = error.args[0]
                return

    def _reported(self, number: int, error: KafkaError | None, _message: Message) -> None:
        self._ends[number] = error

    def close(self) -> None:
        self._producer.purge()
        self._producer.flush(_PURGE_S)
