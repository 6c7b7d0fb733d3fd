"""Every exception of ours, and what each one means to the caller.

    ApistatusError
    |-- ConfigurationError       the user has to change something; carries all problems found (exit 2)
    |-- AccessRefused            a service answered and said no: password, certificate, rights (exit 2)
    |-- IncompatibleSchema       the database is too old, too new or altered (exit 2)
    |-- RecreatedTopic           the topic is not the one the stored offsets belong to (exit 2)
    |-- LostMessages             Kafka deleted messages before they were stored
    |-- TooManyDeadLetters       too many of the last messages are none of ours
    |-- ServiceUnavailable       a service is away; the same call may work later (exit 75)
    |   |-- KafkaUnavailable
    |   `-- PostgresUnavailable
    |-- Fenced                   another consumer owns these partitions now; drop what was read
    |-- OffsetOutOfRange         the topic has no such offset (any more)
    |-- RowRejected              PostgreSQL refuses one row of a batch, and names it
    |-- BatchRejected            PostgreSQL refuses something of a batch, and does not name it
    `-- MalformedMessage         bytes on the topic that are no result

A failed check is none of these: it is a value (`model.result.Outcome`). Whether a call may be tried
again is a matter of type: only `ServiceUnavailable` says yes; the long-running commands also try
`AccessRefused` again, loudly, because secrets are rotated under them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


class ApistatusError(Exception):
    """What we could not do. The text is one block a person can act on; `exit_code` is the command's."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in the settings or a file: `where` is a variable name or `file:line:column`."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class ConfigurationError(ApistatusError):
    """Settings or files that cannot work; `problems` holds every one that was found."""

    exit_code = 2
    shown: ClassVar[int] = 50

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[: self.shown]]
        if len(self.problems) > self.shown:
            lines.append(f"... and {len(self.problems) - self.shown} more")
        super().__init__("\n".join(lines))


class AccessRefused(ApistatusError):
    """Kafka or PostgreSQL answered and refused us: password, certificate, TLS demand, missing right."""

    exit_code = 2


class IncompatibleSchema(ApistatusError):
    """The database's schema does not fit this version; the text names the command to run."""

    exit_code = 2


class RecreatedTopic(ApistatusError):
    """The stored offsets belong to another topic of the same name."""

    exit_code = 2


class LostMessages(ApistatusError):
    """Kafka deleted messages (retention) before they were stored, and nobody said to go on without them."""


class TooManyDeadLetters(ApistatusError):
    """So many of the last messages cannot be stored that something is wrong with all of them."""


class ServiceUnavailable(ApistatusError):
    """A service is away for now; the same call may succeed later."""

    exit_code = 75


class KafkaUnavailable(ServiceUnavailable):
    """No broker answers, or not in time."""


class PostgresUnavailable(ServiceUnavailable):
    """PostgreSQL is away, restarting, read-only, out of space or busy beyond a limit."""


class Fenced(ApistatusError):
    """Our claim on `partitions` no longer holds; nothing of the batch was stored.

    Another consumer has claimed them since we did, except those `set_back`, which nobody else owns: the
    database went back in time, or a claim of our own was not answered.
    """

    def __init__(self, partitions: Iterable[int], set_back: Iterable[int] = ()) -> None:
        self.partitions = frozenset(partitions)
        self.set_back = frozenset(set_back)
        super().__init__(f"partitions {sorted(self.partitions)} are owned by another consumer")


class OffsetOutOfRange(ApistatusError):
    """`partition` has no offset `position`: it holds those from `low` up to, but without, `high`."""

    def __init__(self, partition: int, position: int, *, low: int, high: int) -> None:
        self.partition, self.position, self.low, self.high = partition, position, low, high
        super().__init__(f"partition {partition} holds offsets {low} to {high}, and not {position}")


class RowRejected(ApistatusError):
    """PostgreSQL refuses result number `index` of the batch for `reason`; nothing was stored."""

    def __init__(self, index: int, reason: str) -> None:
        self.index = index
        self.reason = reason
        super().__init__(f"row {index}: {reason}")


class BatchRejected(ApistatusError):
    """PostgreSQL refuses something of the batch for `reason`, and does not say what; nothing was stored."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class MalformedMessage(ApistatusError):
    """Bytes that are no message of ours. `reason` is a short code, `message` a line for people."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        self.message = message
        super().__init__(f"{reason}: {message}")
