"""A topic that only takes: what was published, in order."""

from __future__ import annotations

from apistatus.model import wire
from apistatus.model.definition import Definition
from apistatus.model.result import Result
from apistatus.ports import Headers


class MemoryPublisher:
    """`ports.ResultPublisher`; `away` makes `flush` and `close` count what no broker has acknowledged."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, bytes, Headers]] = []
        self.acknowledged = 0
        self.away = False
        self.closed = False

    def publish(self, key: bytes, value: bytes, headers: Headers = ()) -> None:
        assert not self.closed, "published after close"
        self.messages.append((key, value, headers))

    def flush(self, timeout_s: float) -> int:
        if not self.away:
            self.acknowledged = len(self.messages)
        return len(self.messages) - self.acknowledged

    def close(self) -> int:
        self.closed = True
        return len(self.messages) - self.acknowledged

    def decoded(self) -> list[Result | Definition]:
        """Every message as its reader sees it."""
        return [wire.decode(value) for _key, value, _headers in self.messages]

    @property
    def results(self) -> list[Result]:
        return [message for message in self.decoded() if isinstance(message, Result)]

    @property
    def definitions(self) -> list[Definition]:
        return [message for message in self.decoded() if not isinstance(message, Result)]
