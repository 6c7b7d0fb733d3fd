"""What every ResultPublisher does: in memory, on a broker, and with a spool before it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from apistatus.kafka.publisher import KafkaPublisher
from apistatus.kafka.subscriber import KafkaSubscriber
from apistatus.ports import End, Headers, ResultPublisher
from apistatus.runtime.clock import SystemClock
from apistatus.runtime.metrics import Metrics
from apistatus.spool.publisher import SpoolingPublisher
from apistatus.spool.store import Spool
from tests.fakes.publisher import MemoryPublisher
from tests.services.kafka_fixtures import Kafka

_PATIENCE_S = 60.0
Arrived = list[tuple[bytes, bytes, Headers]]


class Line(Protocol):
    """A publisher, what arrived at its topic, and one whose topic nobody serves."""

    def publisher(self) -> ResultPublisher: ...
    def publisher_without_a_broker(self) -> ResultPublisher: ...
    def arrived(self, count: int) -> Arrived: ...


class MemoryLine:
    def __init__(self) -> None:
        self._publisher = MemoryPublisher()

    def publisher(self) -> ResultPublisher:
        return self._publisher

    def publisher_without_a_broker(self) -> ResultPublisher:
        self._publisher.away = True
        return self._publisher

    def arrived(self, count: int) -> Arrived:
        return self._publisher.messages


class KafkaLine:
    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._settings = kafka.topic(partitions=4)

    def publisher(self) -> ResultPublisher:
        publisher = KafkaPublisher(self._settings, Metrics())
        publisher.topic_ready()
        return publisher

    def publisher_without_a_broker(self) -> ResultPublisher:
        publisher = KafkaPublisher(self._kafka.with_settings(bootstrap_servers="127.0.0.1:1"), Metrics())
        publisher.topic_ready()
        return publisher

    def arrived(self, count: int) -> Arrived:
        source = KafkaSubscriber(self._settings, Metrics())
        messages: Arrived = []
        until = time.monotonic() + _PATIENCE_S
        while len(messages) < count:
            assert time.monotonic() < until, f"only {len(messages)} of {count} arrived"
            source.start(dict.fromkeys(source.unstarted()))
            messages += [
                (message.key() or b"", message.value() or b"", tuple(message.headers() or ()))
                for message in source.poll(1000, 0.2)
            ]
        source.close()
        return messages


class SpooledLine:
    """Another line, with a spool before its publisher."""

    def __init__(self, inner: Line, folder: Path, stack: ExitStack, *, is_always: bool) -> None:
        self._inner, self._folder, self._stack, self._is_always = inner, folder, stack, is_always

    def publisher(self) -> ResultPublisher:
        return self._spooling(self._inner.publisher())

    def publisher_without_a_broker(self) -> ResultPublisher:
        return self._spooling(self._inner.publisher_without_a_broker())

    def arrived(self, count: int) -> Arrived:
        return self._inner.arrived(count)

    def _spooling(self, inner: ResultPublisher) -> ResultPublisher:
        clock = SystemClock()
        spool = Spool(self._folder, max_bytes=2**24, max_age_s=3600.0, clock=clock)
        publisher = SpoolingPublisher(
            inner, spool, clock, Metrics(), is_always=self._is_always, standstill_s=_PATIENCE_S
        )
        publisher.start()
        self._stack.callback(publisher.close)
        return publisher


@pytest.fixture(params=["memory", "kafka", "overflow", "always"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    if request.param == "memory":
        yield MemoryLine()
        return
    kafka = KafkaLine(request.getfixturevalue("kafka"))
    with ExitStack() as stack:
        is_spooled = request.param != "kafka"
        yield (
            SpooledLine(kafka, tmp_path, stack, is_always=request.param == "always") if is_spooled else kafka
        )


def test_every_message_arrives_once_in_the_order_of_its_key(line: Line) -> None:
    publisher = line.publisher()
    for n in range(200):
        publisher.publish(b"check-%d" % (n % 7), b"%d" % n)
    assert publisher.flush(_PATIENCE_S) == 0
    assert publisher.close() == 0
    arrived = line.arrived(200)
    assert sorted(int(value) for _key, value, _headers in arrived) == list(range(200))
    for number in range(7):
        of_key = [int(value) for key, value, _headers in arrived if key == b"check-%d" % number]
        assert of_key == list(range(number, 200, 7))


def test_headers_arrive_with_their_message(line: Line) -> None:
    publisher = line.publisher()
    publisher.publish(b"home", b"{}", (("ce_id", b"7"), ("ce_type", b"t")))
    publisher.publish(b"home", b"[]")
    assert publisher.flush(_PATIENCE_S) == 0
    publisher.close()
    assert line.arrived(2) == [
        (b"home", b"{}", (("ce_id", b"7"), ("ce_type", b"t"))),
        (b"home", b"[]", ()),
    ]


def test_every_message_ends_once_when_it_has_arrived(line: Line) -> None:
    publisher = line.publisher()
    ends: list[tuple[int, End]] = []
    for n in range(50):
        publisher.publish(b"home", b"%d" % n, (), lambda end, n=n: ends.append((n, end)))
    assert publisher.flush(_PATIENCE_S) == 0
    publisher.close()
    assert Counter(n for n, _end in ends) == Counter(range(50))
    assert {end for _n, end in ends} <= {End.ACKNOWLEDGED, End.ON_DISK}


def test_without_a_broker_nothing_blocks_and_everything_is_counted(line: Line) -> None:
    publisher = line.publisher_without_a_broker()
    ends: list[End] = []
    for n in range(50):
        publisher.publish(b"home", b"%d" % n, (), ends.append)
    assert publisher.flush(0.2) == 50
    abandoned = publisher.close()
    assert len(ends) == 50
    assert abandoned == ends.count(End.GIVEN_UP)
    assert End.ACKNOWLEDGED not in ends
    assert abandoned in {0, 50}
