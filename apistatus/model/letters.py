"""Dead letters as they are kept: what a person chooses among, looks at, sends again or gives up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Headers = tuple[tuple[str, bytes | None], ...]
Stage = Literal["decode", "validate", "store"]

MAX_REPLAYS: Final = 3
"""A letter that was sent to its own topic so often, in whatever message, is not sent again."""
REPLAY_HEADER: Final = "apistatus.replay"
"""On a message that is a replay: the number of the dead letter it was, and how often it was replayed."""

_DECODE: Final = frozenset({"empty", "not_utf8", "not_json"})
_STORE: Final = frozenset({"refused_by_postgresql"})


def stage(reason: str) -> Stage:
    """Where a message failed, from the reason."""
    return "decode" if reason in _DECODE else "store" if reason in _STORE else "validate"


def replays_so_far(headers: Headers) -> int:
    """How often what came in a message with these headers was replayed before."""
    for name, value in reversed(headers):
        if name == REPLAY_HEADER and value is not None:
            _number, _, times = value.partition(b":")
            return min(int(times), MAX_REPLAYS) if times.isdigit() and len(times) < 10 else 0
    return 0


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter with its fate."""

    id: int
    cluster_id: str
    topic: str
    partition: int
    offset: int
    received_at: datetime
    message_at: datetime | None
    """Kafka's timestamp of the message."""
    reason: str
    message: str
    attempts: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    forwarded_at: datetime | None = None
    forward_error: str | None = None
    replayed_at: datetime | None = None
    discarded_at: datetime | None = None

    @property
    def state(self) -> Literal["open", "replayed", "discarded"]:
        """What a person has done about it."""
        return "discarded" if self.discarded_at else "replayed" if self.replayed_at else "open"

    def replay_headers(self) -> Headers:
        """Its headers for the next replay."""
        told = f"{self.id}:{self.attempts + 1}".encode()
        return (
            *((name, value) for name, value in self.headers if name != REPLAY_HEADER),
            (REPLAY_HEADER, told),
        )

    def forward_headers(self, *, group: str, version: str) -> Headers:
        """Its headers for the dead letter topic: its own, and why it is there."""
        at_ms = None if self.message_at is None else round(self.message_at.timestamp() * 1000)
        facts = {
            "topic": self.topic, "partition": self.partition, "offset": self.offset, "timestamp": at_ms,
            "group": group, "stage": stage(self.reason), "code": self.reason, "message": self.message,
            "version": version, "at": self.received_at.isoformat(), "attempts": self.attempts, "id": self.id,
        }  # fmt: skip
        said = (
            (f"apistatus.error.{name}", str(fact).encode())
            for name, fact in facts.items()
            if fact is not None
        )
        return (*self.headers, *said)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters are meant; None, and an empty tuple, leave a field open."""

    ids: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()
    partition: int | None = None
    offsets: tuple[int, int] | None = None
    """First and last offset."""
    since: datetime | None = None
    topic: str | None = None
    cluster_id: str | None = None
    states: tuple[Literal["open", "replayed", "discarded"], ...] = ("open", "replayed")
    unforwarded: bool = False
    """Only those that the dead letter topic shall have and has not."""

    @property
    def is_open(self) -> bool:
        """Whether a person has named nothing at all."""
        chosen = (self.ids, self.reasons, self.partition, self.offsets, self.since)
        return all(choice is None or choice == () for choice in chosen)
