"""Every message is kept until a delivery report says that the brokers have it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from apistatus.kafka import publisher as module
from apistatus.kafka.publisher import KafkaPublisher
from apistatus.runtime.metrics import Metrics
from apistatus.settings.schema import KafkaSettings
from tests.unit.kafka.scripted_producer import FATAL, ScriptedProducer

TIMED_OUT = KafkaError(KafkaError._MSG_TIMED_OUT)
TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)


class Line:
    """A publisher over producers that a test scripts; each new client is the next of them."""

    def __init__(self, *producers: ScriptedProducer, kept_max_bytes: int = 1_000_000) -> None:
        self.made: list[ScriptedProducer] = []
        scripted = iter(producers)

        def make(_config: object) -> ScriptedProducer:
            self.made.append(next(scripted))
            return self.made[-1]

        self.metrics = Metrics()
        self.publisher = KafkaPublisher(
            KafkaSettings(), self.metrics, kept_max_bytes=kept_max_bytes, make=make
        )  # fmt: skip

    def publish(self, *values: bytes) -> None:
        for value in values:
            self.publisher.publish(b"home", value)

    def counted(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"apistatus_messages_{name}")


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)


def test_messages_wait_until_the_topic_is_ready_and_then_flow_in_order() -> None:
    producer = ScriptedProducer()
    line = Line(producer)
    line.publish(b"1", b"2")
    assert line.publisher.flush(0.01) == 2
    assert producer.sent == []
    line.publisher.topic_ready()
    line.publish(b"3")
    assert producer.values == [b"1", b"2", b"3"]
    line.publisher.close()


def test_key_value_and_headers_arrive_as_they_are() -> None:
    producer = ScriptedProducer()
    line = Line(producer)
    line.publisher.topic_ready()
    line.publisher.publish(b"api", b"{}", (("ce_id", b"7"),))
    assert producer.sent == [(b"api", b"{}", [("ce_id", b"7")])]
    line.publisher.close()


def test_only_a_delivery_report_counts_as_published() -> None:
    producer = ScriptedProducer()
    line = Line(producer)
    line.publisher.topic_ready()
    line.publish(b"1", b"2")
    assert (line.counted("published_total"), line.counted("queued")) == (0, 2)
    producer.report(0)
    assert (line.counted("published_total"), line.counted("queued")) == (1, 1)
    assert line.publisher.flush(0.01) == 1
    producer.report(1)
    assert line.publisher.flush(10) == 0
    line.publisher.close()


def test_a_full_queue_of_the_client_holds_messages_back_in_order() -> None:
    producer = ScriptedProducer(room=2)
    line = Line(producer)
    line.publisher.topic_ready()
    line.publish(b"1", b"2", b"3", b"4")
    assert producer.values == [b"1", b"2"]
    producer.room = 10
    line.publish(b"5")
    assert producer.values == [b"1", b"2", b"3", b"4", b"5"]
    line.publisher.close()


def test_what_finds_no_room_is_given_up_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    line = Line(ScriptedProducer(), kept_max_bytes=1000)
    line.publish(*[b"x" * 100] * 5)
    assert line.publisher.given_up == 3
    assert line.counted("failed_total") == 3
    assert [record.getMessage() for record in caplog.records] == ["message.given_up"]
    assert line.publisher.close() == 2


def test_room_comes_back_with_the_reports() -> None:
    producer = ScriptedProducer()
    line = Line(producer, kept_max_bytes=800)
    line.publisher.topic_ready()
    line.publish(b"1", b"2")
    producer.report_all()
    line.publish(b"3", b"4")
    assert line.publisher.given_up == 0
    line.publisher.close()


def test_a_message_that_came_too_late_is_sent_again_before_newer_ones(
    caplog: pytest.LogCaptureFixture,
) -> None:
    producer = ScriptedProducer(room=2)
    line = Line(producer)
    line.publisher.topic_ready()
    line.publish(b"1", b"2", b"3")
    producer.report(0, TIMED_OUT)
    producer.report(1, TIMED_OUT)
    producer.room = 10
    line.publisher.topic_ready()
    assert producer.values == [b"1", b"2", b"1", b"2", b"3"]
    assert "messages.delayed" in [record.getMessage() for record in caplog.records]
    producer.report_all()
    assert line.publisher.flush(10) == 0
    assert line.publisher.given_up == 0
    line.publisher.close()


@pytest.mark.parametrize("at_once", [True, False])
def test_a_message_that_is_too_large_is_given_up_and_the_others_are_not(at_once: bool) -> None:
    producer = ScriptedProducer()
    line = Line(producer)
    line.publisher.topic_ready()
    producer.refuses = TOO_LARGE if at_once else None
    line.publish(b"1")
    if not at_once:
        producer.report(0, TOO_LARGE)
    producer.refuses = None
    line.publish(b"2")
    assert producer.values[-1] == b"2"
    producer.report_all()
    assert line.publisher.flush(10) == 0
    assert line.publisher.given_up == 1
    line.publisher.close()


@pytest.mark.parametrize("error", [KafkaException(FATAL), SystemError("returned a result with an exception")])
def test_after_a_fatal_error_a_new_client_sends_everything_undelivered(error: BaseException) -> None:
    first, second = ScriptedProducer(), ScriptedProducer(delivers=True)
    line = Line(first, second)
    line.publisher.topic_ready()
    line.publish(b"1", b"2", b"3")
    first.report(0)
    first.raises = error
    assert line.publisher.flush(10) == 0
    assert second.values == [b"2", b"3"]
    assert line.counted("published_total") == 3
    line.publish(b"4")
    assert line.publisher.flush(10) == 0
    assert len(line.made) == 2
    line.publisher.close()


def test_a_client_that_refuses_to_take_more_after_a_fatal_error_is_replaced() -> None:
    first, second = ScriptedProducer(), ScriptedProducer(delivers=True)
    line = Line(first, second)
    line.publisher.topic_ready()
    first.refuses = KafkaError(KafkaError._FATAL, "fatal", True)
    line.publish(b"1")
    assert line.publisher.flush(10) == 0
    assert second.values == [b"1"]
    line.publisher.close()


def test_reports_of_a_replaced_client_say_nothing() -> None:
    first, second = ScriptedProducer(), ScriptedProducer()
    line = Line(first, second)
    line.publisher.topic_ready()
    line.publish(b"1")
    late = first.waiting[0]
    first.refuses = KafkaError(KafkaError._FATAL, "fatal", True)
    line.publish(b"2")
    late(None, None)
    assert line.counted("published_total") == 0
    line.publisher.topic_ready()
    assert second.values == [b"1", b"2"]
    line.publisher.close()


def test_close_purges_counts_what_it_abandons_and_may_be_called_twice() -> None:
    producer = ScriptedProducer()
    line = Line(producer)
    line.publisher.topic_ready()
    line.publish(b"1", b"2")
    assert line.publisher.close() == 2
    assert producer.purged
    assert line.counted("failed_total") == 2
    assert line.counted("queued") == 0
    assert line.publisher.close() == 0


def test_nothing_goes_out_after_close() -> None:
    producer = ScriptedProducer()
    line = Line(producer)
    line.publisher.topic_ready()
    line.publisher.close()
    line.publish(b"late")
    assert producer.sent == []


def test_is_ready_until_messages_wait_too_long_without_any_report(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    producer = ScriptedProducer()
    line = Line(producer)
    line.publisher.topic_ready()
    now += 100
    assert line.publisher.readiness() is None
    line.publish(b"1")
    now += 29
    assert line.publisher.readiness() is None
    now += 2
    assert (line.publisher.readiness() or "").startswith("1 messages wait, none acknowledged for 31 s")
    producer.report(0)
    assert line.publisher.readiness() is None
    line.publisher.close()
