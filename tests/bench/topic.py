"""A topic filled with results as `produce` makes them."""

from __future__ import annotations

import time
from collections.abc import Iterator

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from apistatus.model import wire
from apistatus.model.result import Result

CHECKS = 2_000
_INTERVAL_S = 30
_PARTITIONS = 12


def results(count: int) -> Iterator[Result]:
    """`count` results of 2,000 checks, tick after tick, the last of them now; one in 50 is a failure."""
    ticks = -(-count // CHECKS)
    first_us = (int(time.time()) // _INTERVAL_S - ticks) * _INTERVAL_S * 1_000_000
    for number in range(count):
        tick, check = divmod(number, CHECKS)
        down = number % 50 == 0
        spread_us = number * 7919 % 40_000
        yield Result(
            v=1, check=f"check-{check:04}", location="bench", status="down" if down else "up",
            scheduled_at_us=first_us + tick * _INTERVAL_S * 1_000_000, name=f"Check {check}",
            site="https://service.example", endpoint=f"/api/v1/things/{check}", sla_ms=500, attempts=1,
            interval_ms=_INTERVAL_S * 1000, start_delay_us=spread_us % 900, producer="bench-0123456789ab",
            origin="schedule", status_code=500 if down else 200, failure="status" if down else None,
            phase="processing" if down else None, error="expected status 2xx, got 500" if down else None,
            http_version="1.1", ip="192.0.2.17", size_bytes=512 + spread_us % 4_000,
            value=None if down else f"2026-11-25T18:{spread_us % 60:02}:00Z", total_us=41_000 + spread_us,
            resolve_us=300 + spread_us % 500, connect_us=9_000, tls_us=18_000,
            processing_us=13_000 + spread_us, transfer_us=700, clock="user", tls_engine="openssl",
        )  # fmt: skip


def fill(bootstrap_servers: str, topic: str, count: int) -> None:
    """Make the topic and put `count` results into it, keyed and compressed as `produce` does."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(topic, _PARTITIONS, 1)])[topic].result(30)
    producer = Producer({
        "bootstrap.servers": bootstrap_servers, "acks": "all", "compression.type": "lz4", "linger.ms": 20,
        "partitioner": "murmur2_random", "queue.buffering.max.messages": 1_000_000,
    })  # fmt: skip
    failed: list[str] = []

    def delivered(error: object, _message: object) -> None:
        if error is not None:
            failed.append(str(error))

    for result in results(count):
        while True:
            try:
                producer.produce(topic, wire.encode(result), result.check.encode(), on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if producer.flush(120) or failed:
        raise RuntimeError(f"the topic could not be filled: {failed[:1]}")
