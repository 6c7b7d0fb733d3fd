"""Members of a group, polled until something is so."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from apistatus.kafka.publisher import KafkaPublisher
from apistatus.kafka.subscriber import KafkaSubscriber
from apistatus.ports import Message
from apistatus.runtime.metrics import Metrics
from apistatus.settings.schema import KafkaSettings

PATIENCE_S = 90.0


class Member:
    """A subscriber that starts what it is assigned, where `stored` says, and keeps what it reads."""

    def __init__(self, settings: KafkaSettings, stored: dict[int, int] | None = None) -> None:
        self.source = KafkaSubscriber(settings, Metrics())
        self.stored = {} if stored is None else stored
        """Offsets to go on from, shared by the members of a test as PostgreSQL is."""
        self.read: list[Message] = []

    def step(self, timeout_s: float = 0.1) -> None:
        waiting = self.source.unstarted()
        if waiting:
            self.source.start({partition: self.stored.get(partition) for partition in waiting})
        for message in self.source.poll(1000, timeout_s):
            self.read.append(message)
            self.stored[message.partition()] = message.offset() + 1

    @property
    def values(self) -> list[bytes]:
        return [message.value() or b"" for message in self.read]

    def close(self) -> None:
        self.source.close()


def poll_until(members: Sequence[Member], so: Callable[[], bool], what: str) -> None:
    """Let all members take turns until it is `so`."""
    until = time.monotonic() + PATIENCE_S
    while not so():
        assert time.monotonic() < until, f"not within {PATIENCE_S:g} s: {what}"
        for member in members:
            member.step()


def publish(settings: KafkaSettings, numbers: Sequence[int], keys: int = 50) -> None:
    """Put numbers on the topic as values, each under one of so many keys, and wait for the brokers."""
    publisher = KafkaPublisher(settings, Metrics())
    publisher.topic_ready()
    for number in numbers:
        publisher.publish(b"check-%d" % (number % keys), b"%d" % number)
    assert publisher.flush(PATIENCE_S) == 0
    publisher.close()
    assert publisher.given_up == 0
