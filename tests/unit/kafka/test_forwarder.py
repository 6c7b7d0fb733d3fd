"""Dead letters onto a topic: what became of each is known, or it is said that it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from apistatus.errors import KafkaUnavailable
from apistatus.kafka import forwarder
from apistatus.kafka.forwarder import LetterSender
from apistatus.ports import Outgoing
from apistatus.settings.schema import KafkaSettings

TOO_LARGE = KafkaError.MSG_SIZE_TOO_LARGE
Report = Callable[[KafkaError | None, Any], None]


class Client:
    """A producer that answers on flush; a batch with a message over `limit` is refused as a whole."""

    def __init__(
        self, limit: int = 100, fault: int | None = None, *, silent: bool = False, full: int = 0
    ) -> None:
        self.limit, self.fault, self.silent, self.full = limit, fault, silent, full
        self.queued: list[tuple[bytes, Report]] = []
        self.sent: list[bytes] = []
        self.purged = False

    def produce(self, topic: str, value: bytes, key: bytes, headers: object, on_delivery: Report) -> None:
        assert (topic, key, headers) == ("statuses.dlq", b"k", [("h", b"x")])
        if len(value) > 10 * self.limit:
            raise KafkaException(KafkaError(TOO_LARGE))
        if self.full:
            self.full -= 1
            raise BufferError
        self.queued.append((value, on_delivery))

    def poll(self, _timeout_s: float) -> int:
        return 0

    def flush(self, _timeout_s: float) -> int:
        if self.silent:
            return len(self.queued)
        batch, self.queued = self.queued, []
        large = any(len(value) > self.limit for value, _ in batch)
        code = TOO_LARGE if large else self.fault
        for value, report in batch:
            if code is None:
                self.sent.append(value)
            report(None if code is None else KafkaError(code), None)
        return 0

    def purge(self) -> None:
        self.purged = True


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str | None]]:
    monkeypatch.setattr(forwarder, "ensure_topic", lambda _settings: None)

    def sent(client: Client, *values: bytes) -> list[str | None]:
        def make(_config: object) -> Any:
            return client

        sender = LetterSender.to_dead_letter_topic(KafkaSettings())
        sender._make = make
        answers = sender.send([Outgoing(b"k", value, (("h", b"x"),)) for value in values])
        assert client.purged
        return answers

    return sent


def test_every_message_is_acknowledged(send: Callable[..., list[str | None]]) -> None:
    client = Client(full=2)
    assert send(client, b"a", b"b", b"c") == [None, None, None]
    assert client.sent == [b"a", b"b", b"c"]


def test_one_that_is_too_large_does_not_take_its_neighbours_with_it(
    send: Callable[..., list[str | None]],
) -> None:
    client = Client()
    first, large, giant, last = send(client, b"a", b"x" * 101, b"x" * 5000, b"b")
    assert (first, last) == (None, None)
    assert large is not None
    assert giant is not None
    assert client.sent == [b"a", b"b"]


@pytest.mark.parametrize(
    "client", [Client(fault=KafkaError.TOPIC_AUTHORIZATION_FAILED), Client(silent=True), Client(full=10**9)]
)
def test_what_did_not_become_known_is_said(
    send: Callable[..., list[str | None]], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarder, "_FLUSH_S", 0.05)
    with pytest.raises(KafkaUnavailable, match=r"topic 'statuses\.dlq' does not take messages"):
        send(client, b"a")
    assert client.purged
