"""What a publisher tells of each message's end, and a client that stands still without an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import KafkaError

from apistatus.kafka import publisher as module
from apistatus.kafka.publisher import KafkaPublisher
from apistatus.kafka.standstill import Standstill
from apistatus.ports import End
from apistatus.runtime.metrics import Metrics
from apistatus.settings.schema import KafkaSettings
from tests.services.command import wait_until
from tests.unit.kafka.scripted_producer import FATAL, ScriptedProducer

TIMED_OUT = KafkaError(KafkaError._MSG_TIMED_OUT)
TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)


class Line:
    """A publisher over scripted clients, and how each message ended."""

    def __init__(self, *clients: ScriptedProducer, **options: object) -> None:
        scripted = iter(clients)
        self.metrics = Metrics()
        self.publisher = KafkaPublisher(
            KafkaSettings(),
            self.metrics,
            make=lambda _config: next(scripted),
            **options,
        )
        self.publisher.topic_ready()
        self.ends: list[tuple[bytes, End]] = []

    def publish(self, *values: bytes) -> None:
        for value in values:
            self.publisher.publish(
                b"home", value, (), lambda end, value=value: self.ends.append((value, end))
            )  # fmt: skip

    @property
    def failed(self) -> float | None:
        return self.metrics.registry.get_sample_value("apistatus_messages_failed_total")


@contextmanager
def line(*clients: ScriptedProducer, **options: object) -> Iterator[Line]:
    made = Line(*clients, **options)
    yield made
    made.publisher.close()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)


def test_a_delivery_report_ends_its_message_and_no_other() -> None:
    client = ScriptedProducer()
    with line(client) as made:
        made.publish(b"1", b"2")
        client.report(1)
        assert made.ends == [(b"2", End.ACKNOWLEDGED)]


def test_what_came_too_late_has_not_ended() -> None:
    client = ScriptedProducer()
    with line(client) as made:
        made.publish(b"1")
        client.report(0, TIMED_OUT)
        assert made.ends == []


@pytest.mark.parametrize("at_once", [True, False])
def test_what_can_never_be_sent_is_refused(at_once: bool) -> None:
    client = ScriptedProducer()
    client.refuses = TOO_LARGE if at_once else None
    with line(client) as made:
        made.publish(b"1")
        if not at_once:
            client.report(0, TOO_LARGE)
        assert made.ends == [(b"1", End.REFUSED)]
        assert made.failed == 1


def test_what_finds_no_room_is_given_up_at_once() -> None:
    with line(ScriptedProducer(), kept_max_bytes=500) as made:
        made.publish(b"1" * 200, b"2" * 200)
        assert made.ends == [(b"2" * 200, End.GIVEN_UP)]
        assert made.failed == 1


def test_closing_gives_up_what_is_left_in_its_order() -> None:
    with line(ScriptedProducer()) as made:
        made.publish(b"1", b"2")
        assert made.publisher.close() == 2
        made.publish(b"3")
        assert made.ends == [(b"1", End.GIVEN_UP), (b"2", End.GIVEN_UP), (b"3", End.GIVEN_UP)]


def test_a_publisher_that_is_not_the_last_resort_counts_nothing_as_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with line(ScriptedProducer(), kept_max_bytes=500, is_last_resort=False) as made:
        made.publish(b"1" * 200, b"2" * 200)
        made.publisher.close()
        assert [end for _value, end in made.ends] == [End.GIVEN_UP, End.GIVEN_UP]
        assert made.failed == 0
        assert made.publisher.given_up == 0
        assert caplog.messages == []


def test_a_message_ends_once_when_its_client_was_replaced() -> None:
    first, second = ScriptedProducer(), ScriptedProducer()
    with line(first, second) as made:
        made.publish(b"1")
        late = first.waiting[0]
        first.refuses = FATAL
        made.publish(b"2")
        made.publisher.topic_ready()
        late(None, None)
        assert made.ends == []
        second.report_all()
        assert made.ends == [(b"1", End.ACKNOWLEDGED), (b"2", End.ACKNOWLEDGED)]


def test_a_client_that_stands_still_while_the_brokers_answer_is_replaced(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = ScriptedProducer(), ScriptedProducer(delivers=True)
    first.leader = 1
    with line(first, second, standstill_s=0.05) as made:
        made.publish(b"1", b"2")
        wait_until(lambda: len(made.ends) == 2, "the second client's reports")
        assert second.values == [b"1", b"2"]
        assert "client.replaced" in caplog.messages


@pytest.mark.parametrize("leader", [None, -1])
def test_a_client_whose_brokers_do_not_answer_or_have_no_leader_is_not_at_fault(leader: int | None) -> None:
    asked = []
    client = ScriptedProducer()
    client.leader = leader
    list_topics = client.list_topics

    def ask(topic: str, timeout: float) -> object:
        asked.append(topic)
        return list_topics(topic, timeout)

    client.list_topics = ask
    with line(client, standstill_s=0.05) as made:
        made.publish(b"1")
        wait_until(lambda: len(asked) >= 2, "two questions to the brokers")
        assert made.ends == []
        client.report(0)
        assert made.ends == [(b"1", End.ACKNOWLEDGED)]


def test_a_standstill_is_asked_about_now_and_then_and_a_new_client_gets_longer_each_time() -> None:
    standstill = Standstill(60.0)
    assert not standstill.is_suspected(59.0, 0.0)
    assert standstill.is_suspected(60.0, 0.0)
    assert not standstill.is_suspected(69.0, 0.0)
    assert standstill.is_suspected(70.0, 0.0)
    standstill.replaced(70.0)
    assert not standstill.is_suspected(130.0, 0.0)
    assert standstill.is_suspected(200.0, 0.0)
    standstill.replaced(200.0)
    assert not standstill.is_suspected(320.0, 0.0)
    standstill.over()
    assert standstill.is_suspected(400.0, 300.0)
