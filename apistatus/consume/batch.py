"""What goes into one transaction, and when it is full or old enough (pure: no I/O, no clock)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apistatus.errors import MalformedMessage
from apistatus.model import wire
from apistatus.model.result import Result
from apistatus.ports import Batch, DeadLetter, Message

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """How large and how old a batch may grow: bounds memory, and how late a row becomes visible."""

    max_messages: int = 10_000
    max_age_s: float = 0.05
    """Measured from the batch's first message; 50 ms keep 100 results/s below 20 transactions/s."""
    oldest_us: int = 90 * DAY_US
    """Results older than this are dead letters, or a wrong clock would make partitions for ever."""
    newest_us: int = DAY_US


class Collector:
    """Takes messages until there is a batch to store."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._first_mono_ns: int | None = None
        self.batch = Batch()

    @property
    def size(self) -> int:
        """Messages taken, dead letters and definitions included."""
        batch = self.batch
        return len(batch.results) + len(batch.definitions) + len(batch.dead_letters)

    @property
    def room(self) -> int:
        """How many more messages fit."""
        return max(0, self._policy.max_messages - self.size)

    def take(self, messages: Iterable[Message], *, wall_us: int, mono_ns: int) -> None:
        """Decode and add; what is no message of ours is added as a dead letter."""
        batch = self.batch
        results, sources, positions = batch.results, batch.messages, batch.positions
        oldest, newest = wall_us - self._policy.oldest_us, wall_us + self._policy.newest_us
        for message in messages:
            positions[message.partition()] = message.offset() + 1
            try:
                decoded = wire.decode(message.value())
            except MalformedMessage as error:
                batch.dead_letters.append(dead_letter(message, error.reason, error.message))
                continue
            if not isinstance(decoded, Result):
                batch.definitions.append(decoded)
            elif oldest <= decoded.scheduled_at_us <= newest:
                results.append(decoded)
                sources.append(message)
            else:
                batch.dead_letters.append(
                    dead_letter(message, "out_of_window", "scheduled more than 90 days ago or a day ahead")
                )
        if positions and self._first_mono_ns is None:
            self._first_mono_ns = mono_ns

    def reject(self, index: int, reason: str) -> None:
        """Turn result number `index`, which PostgreSQL refuses, into a dead letter."""
        del self.batch.results[index]
        message = self.batch.messages.pop(index)
        self.batch.dead_letters.append(dead_letter(message, "refused_by_postgresql", reason))

    def is_due(self, mono_ns: int) -> bool:
        """Whether the batch is full or old enough to be stored now."""
        return self.room == 0 or (self._first_mono_ns is not None and self.due_in_s(mono_ns) <= 0)

    def due_in_s(self, mono_ns: int) -> float:
        """Seconds until the batch is old enough; the whole age while it is empty."""
        if self._first_mono_ns is None:
            return self._policy.max_age_s
        return self._policy.max_age_s - (mono_ns - self._first_mono_ns) / 1e9

    def clear(self) -> None:
        """Begin a new batch; what was in the old one is stored, or will be read again."""
        self.batch = Batch()
        self._first_mono_ns = None


def dead_letter(message: Message, reason: str, explanation: str) -> DeadLetter:
    """The message as it came, with the reason why it cannot be stored."""
    _kind, timestamp_ms = message.timestamp()
    return DeadLetter(
        partition=message.partition(),
        offset=message.offset(),
        reason=reason,
        message=explanation[:1000].replace("\0", "\ufffd"),
        key=message.key(),
        value=message.value(),
        headers=tuple(message.headers() or ()),
        timestamp_ms=timestamp_ms if timestamp_ms >= 0 else None,
    )
