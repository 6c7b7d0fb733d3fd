"""Results and messages to put on a topic."""

from __future__ import annotations

from apistatus.model import wire
from apistatus.model.check import Check
from apistatus.model.result import Result
from tests.fakes.clock import NOW_US


def check(check_id: str = "home", interval_s: float = 1.0, **fields: object) -> Check:
    """A valid check; its timeout is half its interval."""
    facts: dict[str, object] = {
        "id": check_id, "name": check_id, "url": "http://x.example/", "site": "http://x.example",
        "endpoint": "/", "interval_us": round(interval_s * 1e6), "timeout_us": round(interval_s * 5e5),
        **fields,
    }  # fmt: skip
    return Check(**facts)


def result(number: int, check: str = "home", **fields: object) -> Result:
    """A result of one check, a second after the one before."""
    facts: dict[str, object] = {
        "v": 1, "check": check, "location": "local", "scheduled_at_us": NOW_US + number * 1_000_000,
        "name": check, "site": "http://x", "endpoint": "/", "interval_ms": 1000, "status": "up",
        "start_delay_us": 0, "producer": "p", "origin": "schedule", "attempts": 1, **fields,
    }  # fmt: skip
    return Result(**facts)


def encoded(*numbers: int, check: str = "home") -> list[bytes | None]:
    """The wire form of so many results."""
    return [wire.encode(result(number, check)) for number in numbers]


class MemoryMessage:
    """One message, as `ports.Message` has it."""

    def __init__(self, partition: int, offset: int, value: bytes | None, key: bytes | None = b"home") -> None:
        self._at, self._value, self._key = (partition, offset), value, key

    def value(self) -> bytes | None:
        return self._value

    def key(self) -> bytes | None:
        return self._key

    def headers(self) -> list[tuple[str, bytes]] | None:
        return [("a", b"b")]

    def partition(self) -> int:
        return self._at[0]

    def offset(self) -> int:
        return self._at[1]

    def timestamp(self) -> tuple[int, int]:
        return (1, 1_800_000_000_000)
