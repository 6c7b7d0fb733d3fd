"""An inner publisher whose brokers do what a test says."""

from __future__ import annotations

from apistatus.ports import End, Headers, OnEnd


class ScriptedPublisher:
    """`ports.ResultPublisher`: takes what there is `room` for, and ends it when the test says."""

    def __init__(self) -> None:
        self.room = 1_000_000
        self.values: list[bytes] = []
        """Everything that was taken, in order."""
        self.waiting: dict[int, tuple[bytes, OnEnd]] = {}
        self.acknowledges = False
        self.closed = False

    def publish(self, key: bytes, value: bytes, headers: Headers = (), on_end: OnEnd | None = None) -> None:
        assert on_end is not None
        if self.closed or len(self.waiting) >= self.room:
            on_end(End.GIVEN_UP)
            return
        self.values.append(value)
        if self.acknowledges:
            on_end(End.ACKNOWLEDGED)
        else:
            self.waiting[len(self.values)] = (value, on_end)

    def end(self, value: bytes, end: End = End.ACKNOWLEDGED) -> None:
        """What becomes of the oldest message of this value."""
        number = next(number for number, (found, _) in self.waiting.items() if found == value)
        self.waiting.pop(number)[1](end)

    def end_all(self, end: End = End.ACKNOWLEDGED) -> None:
        waiting, self.waiting = self.waiting, {}
        for _value, on_end in waiting.values():
            on_end(end)

    def flush(self, timeout_s: float) -> int:
        return len(self.waiting)

    def close(self) -> int:
        self.closed = True
        abandoned = len(self.waiting)
        self.end_all(End.GIVEN_UP)
        return abandoned
