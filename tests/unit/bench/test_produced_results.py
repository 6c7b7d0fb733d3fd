"""The topic of a measured `produce`, as its reader finds it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from apistatus.bench import produced_results
from apistatus.bench.produced_results import Results
from apistatus.bench.storage_topic import NotMeasured
from apistatus.settings.schema import KafkaSettings

SETTINGS = KafkaSettings(bootstrap_servers="127.0.0.1:1", topic="fresh")


class Hearing:
    """A client of a broker that hears of the topic after so many questions; of another never."""

    def __init__(self, after: int) -> None:
        self.unanswered = after
        self.assigned: list[TopicPartition] = []

    def list_topics(self, topic: str, timeout: float) -> Any:
        self.unanswered -= 1
        partitions = {} if self.unanswered >= 0 else {0: None, 1: None}
        return SimpleNamespace(topics={topic: SimpleNamespace(partitions=partitions)})

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned = partitions

    def consume(self, _messages: int, _timeout_s: float) -> list[Any]:
        return []

    def close(self) -> None:
        pass


def test_a_topic_of_which_the_broker_has_not_heard_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Hearing(after=2)
    monkeypatch.setattr(produced_results, "open_client", lambda *_: client)
    monkeypatch.setattr(produced_results, "_LOOK_S", 0.0)
    with Results(SETTINGS) as results:
        assert results.between(0, 1, 0).ticks == 0
    assert [(at.topic, at.partition, at.offset) for at in client.assigned] == [
        ("fresh", 0, 0),
        ("fresh", 1, 0),
    ]


def test_a_topic_of_which_no_broker_ever_hears_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(produced_results, "open_client", lambda *_: Hearing(after=10**9))
    monkeypatch.setattr(produced_results, "_LOOK_S", 0.0)
    monkeypatch.setattr(produced_results, "_PATIENCE_S", 0.01)
    with pytest.raises(NotMeasured, match="the topic fresh is not there"):
        Results(SETTINGS)
