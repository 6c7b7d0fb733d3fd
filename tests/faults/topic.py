"""The topic as the suite itself reads it, from its first message to its last, without any of our code."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

VERDICTS = frozenset({"up", "degraded", "down"})
FAULT_HEADER = "fault"
"""A message that the suite sent on purpose and that must become a dead letter carries it."""
_PATIENCE_S = 60.0

Key = tuple[str, str, int]
"""Check, location, tick in UTC microseconds."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message, as it lies on the topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    fault: str | None
    """What is wrong with it, when the suite sent it; else None."""

    def result(self) -> dict[str, Any] | None:
        """The result it holds; None when it is something else."""
        if self.fault is not None or self.value is None:
            return None
        said: dict[str, Any] = json.loads(self.value)
        return None if said.get("kind") else said


@dataclass(slots=True)
class Topic:
    """All that lies on a topic."""

    messages: list[Message] = field(default_factory=list)
    highs: dict[int, int] = field(default_factory=dict)
    """By partition: the offset after its last message."""
    lows: dict[int, int] = field(default_factory=dict)
    results: dict[Key, dict[str, Any]] = field(default_factory=dict)
    """What each tick's row has to be: the first verdict, or without any the first that was said."""
    copies: int = 0
    """Results of ticks that the topic has already."""
    definitions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def faulty(self) -> list[Message]:
        return [message for message in self.messages if message.fault is not None]

    def where(self, key: Key) -> str:
        """Check and tick, and where on the topic it lies."""
        places = [
            f"{message.partition}/{message.offset}"
            for message in self.messages
            if (said := message.result())
            and (said["check"], said["location"], said["scheduled_at_us"]) == key
        ]
        return f"{key[0]}@{key[2]} at {' and '.join(places)}"

    def take(self, message: Message) -> None:
        """Add the next message of its partition."""
        self.messages.append(message)
        if message.fault is not None or message.value is None:
            return
        said = json.loads(message.value)
        if said.get("kind"):
            self.definitions.append(said)
            return
        key = (said["check"], said["location"], said["scheduled_at_us"])
        known = self.results.get(key)
        if known is not None:
            self.copies += 1
        if known is None or (said["status"] in VERDICTS and known["status"] not in VERDICTS):
            self.results[key] = said


def ends(servers: str, topic: str) -> tuple[dict[int, int], dict[int, int]]:
    """First offset and the one after the last, by partition."""
    reader = _reader(servers)
    try:
        partitions = reader.list_topics(topic, timeout=_PATIENCE_S).topics[topic].partitions
        found = {
            p: reader.get_watermark_offsets(TopicPartition(topic, p), timeout=_PATIENCE_S) for p in partitions
        }
    finally:
        reader.close()
    return {p: low for p, (low, _) in found.items()}, {p: high for p, (_, high) in found.items()}


def read(servers: str, topic: str) -> Topic:
    """Everything on the topic now. Raises AssertionError when it cannot be read in time."""
    lows, highs = ends(servers, topic)
    whole = Topic(highs=highs, lows=lows)
    reader = _reader(servers)
    try:
        reader.assign([TopicPartition(topic, p, low) for p, low in lows.items() if highs[p] > low])
        left = {p: high for p, high in highs.items() if high > lows[p]}
        until = time.monotonic() + _PATIENCE_S
        while left:
            assert time.monotonic() < until, f"topic {topic} could not be read to its end: {left}"
            for message in reader.consume(5000, 0.2):
                partition, offset = message.partition(), message.offset()
                if message.error() is not None or partition is None or offset is None:
                    continue
                if offset < highs[partition]:
                    headers = dict(message.headers() or ())
                    fault = headers.get(FAULT_HEADER)
                    whole.take(
                        Message(partition, offset, message.key(), message.value(), fault and fault.decode())
                    )
                if offset + 1 >= highs[partition]:
                    left.pop(partition, None)
    finally:
        reader.close()
    return whole


def read_raw(servers: str, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    """Key and value of every message, of a topic that need not be one of ours."""
    lows, highs = ends(servers, topic)
    left = {p: high for p, high in highs.items() if high > lows[p]}
    found: list[tuple[bytes | None, bytes | None]] = []
    reader = _reader(servers)
    try:
        reader.assign([TopicPartition(topic, p, lows[p]) for p in left])
        until = time.monotonic() + _PATIENCE_S
        while left:
            assert time.monotonic() < until, f"topic {topic} could not be read to its end: {left}"
            for message in reader.consume(500, 0.2):
                partition, offset = message.partition(), message.offset()
                if message.error() is None and partition is not None and offset is not None:
                    found.append((message.key(), message.value()))
                    if offset + 1 >= highs[partition]:
                        left.pop(partition, None)
    finally:
        reader.close()
    return found


def send(servers: str, topic: str, messages: list[tuple[bytes | None, bytes | None, str | None]]) -> None:
    """Put (key, value, fault) on the topic, in this order, and wait until all of it is acknowledged."""
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "acks": "all",
            "enable.idempotence": True,
            "log_level": 0,
            "partitioner": "murmur2_random",
            "message.max.bytes": 8_000_000,
        }
    )
    for key, value, fault in messages:
        headers: list[tuple[str, str | bytes | None]] = []
        if fault is not None:
            headers = [(FAULT_HEADER, fault.encode()), ("from", b"the fault suite \xff")]
        while True:
            try:
                producer.produce(topic, value, key, headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(_PATIENCE_S) == 0, "the suite's own messages were not acknowledged"


def admin(servers: str) -> AdminClient:
    """Keep a reference to it until its futures are done."""
    return AdminClient({"bootstrap.servers": servers, "log_level": 0})


def _reader(servers: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "fault-suite",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "log_level": 0,
            "fetch.queue.backoff.ms": 5,
        }
    )
