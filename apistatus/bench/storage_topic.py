"""A topic of the benchmark's own: made, filled as `produce` fills it, and deleted again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from confluent_kafka.admin import AdminClient

from apistatus.errors import ApistatusError
from apistatus.kafka.client_config import admin_config, open_client
from apistatus.kafka.diagnosis import Diagnosis
from apistatus.kafka.publisher import KafkaPublisher
from apistatus.kafka.subscriber import KafkaSubscriber
from apistatus.kafka.topics import ensure_topic
from apistatus.model import wire
from apistatus.model.result import Result
from apistatus.runtime.metrics import Metrics
from apistatus.settings.schema import KafkaSettings

_FLUSHED_EVERY: Final = 20_000
"""The publisher keeps 64 MiB: three times as many of our messages."""
_PATIENCE_S: Final = 60.0
_READ_AT_ONCE: Final = 500
"""As `consume` does when it is behind."""
_POLL_S: Final = 0.5


class NotMeasured(ApistatusError):
    """A figure could not be taken; the text says why."""


@contextmanager
def topic_of_its_own(settings: KafkaSettings, *, real: bool) -> Iterator[KafkaSettings]:
    """A new topic, and settings that name it and a consumer group of the same name.

    Raises KafkaUnavailable, AccessRefused, ConfigurationError.
    """
    name = f"apistatus-bench-{secrets.token_hex(4)}"
    own = replace(settings, topic=name, consumer_group=name)
    if not real:
        yield own
        return
    ensure_topic(own)
    try:
        yield own
    finally:
        admin = open_client(AdminClient, admin_config(own, Diagnosis(own)), own)
        admin.delete_topics([name], operation_timeout=_PATIENCE_S)[name].result(_PATIENCE_S)


@contextmanager
def publishing(settings: KafkaSettings) -> Iterator[KafkaPublisher]:
    """The producer of `produce`, open for messages. Raises ConfigurationError."""
    publisher = KafkaPublisher(settings, Metrics())
    try:
        publisher.topic_ready()
        yield publisher
    finally:
        publisher.close()


def fill(settings: KafkaSettings, results: Iterable[Result], go_on: Callable[[], None]) -> int:
    """Put these on the topic, acknowledged by all replicas; how many they were. Raises NotMeasured, and what
    `go_on` raises, which is called now and then."""
    sent = 0
    with publishing(settings) as publisher:
        for result in results:
            publisher.publish(result.check.encode(), wire.encode(result))
            sent += 1
            if sent % _FLUSHED_EVERY == 0:
                go_on()
                publisher.flush(_PATIENCE_S)
        left = publisher.flush(_PATIENCE_S)
        if left or publisher.given_up:
            raise NotMeasured(
                f"the topic could not be filled: {left + publisher.given_up} of {sent} messages were not "
                f"acknowledged; {publisher.readiness(0) or 'the brokers refused them'}"
            )
    return sent


def read(settings: KafkaSettings, count: int, go_on: Callable[[], None]) -> list[bytes]:
    """So many messages of the topic, in the order in which `consume` gets them. Raises NotMeasured, and what
    `go_on` raises, which is called now and then."""
    found: list[bytes] = []
    reader = KafkaSubscriber(replace(settings, consumer_group=f"{settings.consumer_group}-read"), Metrics())
    try:
        until = time.monotonic() + _PATIENCE_S
        while len(found) < count:
            go_on()
            if waiting := reader.unstarted():
                reader.start(dict.fromkeys(waiting))
            if polled := reader.poll(_READ_AT_ONCE, _POLL_S):
                found += [message.value() or b"" for message in polled]
                until = time.monotonic() + _PATIENCE_S
            elif time.monotonic() > until:
                raise NotMeasured(f"the topic gave {len(found)} of {count} messages")
    finally:
        reader.close()
    return found
