"""A topic that was made again is noticed."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from apistatus.errors import KafkaUnavailable
from apistatus.kafka import topic_watch
from apistatus.kafka.topic_watch import TopicWatch
from apistatus.ports import TopicIdentity
from apistatus.settings.schema import KafkaSettings

FIRST = TopicIdentity("cluster", "statuses", "one")
SECOND = TopicIdentity("cluster", "statuses", "two")
PATIENCE_S = 60.0


class Cluster:
    """Says what is asked of it, and lets a test wait for so many questions."""

    def __init__(self) -> None:
        self.topic: TopicIdentity | None = FIRST
        self._asked, self._news = 0, threading.Condition()

    def identify(self, _settings: KafkaSettings) -> TopicIdentity:
        with self._news:
            self._asked += 1
            topic = self.topic
            self._news.notify_all()
        if topic is None:
            raise KafkaUnavailable("there is no topic")
        return topic

    def wait_for_questions(self, count: int) -> None:
        """So many that begin from now on: when the last one does, the answers to the others were looked at."""
        with self._news:
            until = self._asked + count
            assert self._news.wait_for(lambda: self._asked >= until, PATIENCE_S)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(topic_watch, "identify", made.identify)
    return made


@pytest.fixture
def watch(cluster: Cluster) -> Iterator[TopicWatch]:
    watch = TopicWatch(KafkaSettings(), period_s=0.001)
    watch.know(FIRST)
    yield watch
    watch.close()


def test_another_topic_of_the_same_name_is_noticed_until_it_is_known(
    cluster: Cluster, watch: TopicWatch
) -> None:
    cluster.wait_for_questions(3)
    assert not watch.changed
    cluster.topic = None
    cluster.wait_for_questions(5)
    assert not watch.changed
    cluster.topic = SECOND
    cluster.wait_for_questions(20)
    assert watch.changed
    watch.know(SECOND)
    cluster.wait_for_questions(20)
    assert not watch.changed


def test_a_broker_without_topic_ids_is_not_asked() -> None:
    watch = TopicWatch(KafkaSettings(), period_s=0.001)
    watch.know(TopicIdentity("mockCluster", "statuses", None))
    assert watch._thread is None
