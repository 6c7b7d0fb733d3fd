"""Dead letters go on to their topic, and nothing that fails there reaches the loop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from apistatus.consume.forwarding import Forwarding
from apistatus.errors import AccessRefused, ApistatusError, KafkaUnavailable, PostgresUnavailable
from apistatus.model.letters import Letter
from apistatus.ports import Outgoing
from apistatus.runtime.metrics import Metrics

PATIENCE_S = 60.0
AT = datetime(2026, 11, 25, tzinfo=UTC)


class Box:
    """Letters that wait, and what was noted of each."""

    def __init__(self, count: int) -> None:
        self.waiting = [
            Letter(n, "c", "statuses", 0, n, AT, None, "empty", "no value", 0, b"k", None, ())
            for n in range(count)
        ]
        self.noted: dict[int, str | None] = {}
        self.failures: list[ApistatusError] = []
        self.empty = threading.Event()

    def forward(self, send: Callable[[Sequence[Letter]], list[str | None]]) -> int:
        if self.failures:
            raise self.failures.pop(0)
        taken = self.waiting[:2]
        if taken:
            self.noted |= dict(zip((letter.id for letter in taken), send(taken), strict=True))
        del self.waiting[:2]
        if not self.waiting:
            self.empty.set()
        return len(taken)


class Topic:
    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.failures: list[ApistatusError] = []
        self.refuses: set[int] = set()

    def send(self, messages: Sequence[Outgoing]) -> list[str | None]:
        if self.failures:
            raise self.failures.pop(0)
        self.sent += messages
        return ["too large" if _number(message) in self.refuses else None for message in messages]


def _number(message: Outgoing) -> int:
    return int(dict(message.headers)["apistatus.error.id"] or b"")


@contextmanager
def running(box: Box, topic: Topic, metrics: Metrics | None = None) -> Iterator[Forwarding]:
    forwarding = Forwarding(box, topic, metrics or Metrics(), group="g", retry_s=0.01)
    forwarding.start()
    yield forwarding
    forwarding.close()


def test_everything_is_forwarded_once_and_counted() -> None:
    box, topic, metrics = Box(5), Topic(), Metrics()
    with running(box, topic, metrics) as forwarding:
        forwarding.wake()
        assert box.empty.wait(PATIENCE_S)
    assert [_number(message) for message in topic.sent] == [0, 1, 2, 3, 4]
    assert box.noted == dict.fromkeys(range(5))
    assert metrics.registry.get_sample_value("apistatus_dead_letters_forwarded_total") == 5


@pytest.mark.parametrize("error", [KafkaUnavailable("away"), AccessRefused("no right")])
def test_what_fails_is_tried_again(error: ApistatusError) -> None:
    box, topic = Box(3), Topic()
    topic.failures = [error] * 3
    box.failures = [PostgresUnavailable("away")] * 2
    with running(box, topic) as forwarding:
        forwarding.wake()
        assert box.empty.wait(PATIENCE_S)
    assert box.noted == dict.fromkeys(range(3))
    assert len(topic.sent) == 3


def test_what_the_topic_can_never_take_is_noted_and_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    box, topic = Box(4), Topic()
    topic.refuses = {1}
    with running(box, topic) as forwarding:
        forwarding.wake()
        assert box.empty.wait(PATIENCE_S)
    assert box.noted == {0: None, 1: "too large", 2: None, 3: None}
    assert "letter.unforwardable" in caplog.text


def test_what_was_asked_for_last_is_finished_at_the_end() -> None:
    box, topic = Box(3), Topic()
    with running(box, topic) as forwarding:
        forwarding.wake()
    assert box.noted == dict.fromkeys(range(3))


def test_nothing_is_asked_while_nobody_calls() -> None:
    box, topic = Box(3), Topic()
    forwarding = Forwarding(box, topic, Metrics(), group="g")
    forwarding.close()
    assert box.noted == {}
