"""A topic that only takes: what was published, in order."""

from __future__ import annotations

from apistatus.model import wire
from apistatus.model.definition import Definition, Gap
from apistatus.model.result import Result
from apistatus.ports import End, Headers, OnEnd


class MemoryPublisher:
    """`ports.ResultPublisher` that acknowledges at once; while `away`, what is published waits for `flush`;
    while `full` it is given up, and when `dead` nothing happens any more."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, bytes, Headers]] = []
        """What the topic has."""
        self.waiting: list[tuple[tuple[bytes, bytes, Headers], OnEnd | None]] = []
        self.away = self.full = self.dead = False
        self.closed = False

    def publish(self, key: bytes, value: bytes, headers: Headers = (), on_end: OnEnd | None = None) -> None:
        assert not self.closed, "published after close"
        if self.dead:
            return
        if self.full and on_end is not None:
            on_end(End.GIVEN_UP)
        elif not self.full:
            self.waiting.append(((key, value, headers), on_end))
            self.flush(0)

    def flush(self, timeout_s: float) -> int:
        if not self.away:
            self._end_all(End.ACKNOWLEDGED)
        return len(self.waiting)

    def close(self) -> int:
        self.closed = True
        abandoned = len(self.waiting)
        self._end_all(End.GIVEN_UP)
        return abandoned

    def _end_all(self, end: End) -> None:
        waiting, self.waiting = self.waiting, []
        for message, on_end in waiting:
            if end is End.ACKNOWLEDGED:
                self.messages.append(message)
            if on_end is not None:
                on_end(end)

    def decoded(self) -> list[Result | Definition | Gap]:
        """Every message as its reader sees it."""
        return [wire.decode(value) for _key, value, _headers in self.messages]

    @property
    def results(self) -> list[Result]:
        return [message for message in self.decoded() if isinstance(message, Result)]

    @property
    def definitions(self) -> list[Definition]:
        return [message for message in self.decoded() if not isinstance(message, Result | Gap)]

    @property
    def gaps(self) -> list[Gap]:
        return [message for message in self.decoded() if isinstance(message, Gap)]
