"""What the subscriber makes of errors that no broker of a test run gives on demand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError

from apistatus.errors import ApistatusError, ConfigurationError
from apistatus.kafka import membership as module
from apistatus.kafka.subscriber import KafkaSubscriber
from apistatus.runtime.metrics import Metrics
from apistatus.settings.schema import KafkaSettings


@pytest.fixture
def source() -> Iterator[KafkaSubscriber]:
    """A member whose broker is away."""
    subscriber = KafkaSubscriber(KafkaSettings(bootstrap_servers="127.0.0.1:1"), Metrics())
    yield subscriber
    subscriber.close()


def test_a_member_without_a_broker_has_nothing_and_breaks_nothing(source: KafkaSubscriber) -> None:
    assert list(source.poll(10, 0)) == []
    assert source.assigned() == source.unstarted() == frozenset()
    source.start({3: None})
    source.release([3])
    source.hold()
    source.commit({3: 7})
    assert source.lag() is None
    source.close()
    source.close()


def test_a_group_protocol_that_the_cluster_does_not_know_is_blamed_on_its_variable(
    source: KafkaSubscriber,
) -> None:
    error = KafkaError(KafkaError.UNSUPPORTED_VERSION, "API version not supported", True)
    with pytest.raises(ConfigurationError, match=r"^KAFKA_GROUP_PROTOCOL: .*set it to 'classic'"):
        source._on_error(error)


def test_a_client_at_its_end_ends_the_run(source: KafkaSubscriber) -> None:
    with pytest.raises(ApistatusError, match="start it again: fenced"):
        source._on_error(KafkaError(KafkaError.FENCED_INSTANCE_ID, "fenced", True))


def test_any_other_error_is_said_once_and_waited_out(
    source: KafkaSubscriber, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        source._on_error(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    assert [record.getMessage() for record in caplog.records] == ["poll.failed"]


def test_a_group_that_assigns_nothing_for_a_minute_is_a_loud_error(
    source: KafkaSubscriber, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.poll(1, 0)
    joined_at = source._membership._waiting_since_mono_s
    assert joined_at is not None
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: joined_at + 59))
    source.poll(1, 0)
    assert "group.no_assignment" not in [record.getMessage() for record in caplog.records]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: joined_at + 61))
    source.poll(1, 0)
    source.poll(1, 0)
    said = [record for record in caplog.records if record.getMessage() == "group.no_assignment"]
    assert [record.levelname for record in said] == ["ERROR"]


def test_it_waits_for_the_group_from_its_first_poll_on(
    source: KafkaSubscriber, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, `consume` waits for PostgreSQL, or for a topic to be made."""
    late = time.monotonic() + 1_000
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: late))
    source.poll(1, 0)
    assert "group.no_assignment" not in [record.getMessage() for record in caplog.records]
    assert "for 0 s" in (source.membership() or "")
