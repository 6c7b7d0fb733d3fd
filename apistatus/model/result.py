"""A result: what one tick of one check gave. The struct is the wire form too: its bounds are what
`model.wire` enforces, because psycopg's binary integers wrap silently when they do not fit."""

from __future__ import annotations

from enum import IntFlag
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct
from msgspec.structs import replace

Status = Literal["up", "degraded", "down", "missed", "inconclusive"]
FailureKind = Literal[
    "dns", "connect_refused", "connect_unreachable", "connect_timeout", "connect_reset",
    "tls_untrusted", "tls_expired", "tls_hostname", "tls_handshake", "timeout", "disconnected",
    "protocol", "too_large", "redirect", "blocked", "auth", "status", "assertion", "extract", "internal",
]  # fmt: skip
Phase = Literal["resolve", "connect", "tls", "send", "processing", "transfer", "body"]
Origin = Literal["schedule", "once"]
Level = Literal["down", "degraded"]
"""What a check is when an assertion does not hold."""

# The position in these tuples is the number stored in PostgreSQL: append, never reorder.
STATUSES: tuple[Status, ...] = get_args(Status)
FAILURE_KINDS: tuple[FailureKind, ...] = get_args(FailureKind)
PHASES: tuple[Phase, ...] = get_args(Phase)
VERDICTS: frozenset[Status] = frozenset(("up", "degraded", "down"))

MAX_ERROR_CHARS = 1_000
MAX_VALUE_CHARS = 4_000
ID_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}\Z"
LOCATION_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,31}\Z"

_INT4_MAX = 2**31 - 1
Micros = Annotated[int, Meta(ge=0, le=_INT4_MAX)]
"""A duration in microseconds, up to 35 minutes: PostgreSQL int4."""
Instant = Annotated[int, Meta(ge=0, le=253_402_300_799_999_999)]
"""UTC microseconds since 1970, up to the end of the year 9999."""
Millis = Annotated[int, Meta(ge=1, le=_INT4_MAX)]
SmallCount = Annotated[int, Meta(ge=0, le=32_767)]
CheckId = Annotated[str, Meta(max_length=64)]
"""Of the form ID_PATTERN: `wire.decode` looks at each one once, for a pattern here runs on every message."""
Location = Annotated[str, Meta(max_length=32)]
"""Of the form LOCATION_PATTERN, likewise."""
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Label = Annotated[str, Meta(max_length=255)]
Text = Annotated[str, Meta(max_length=8_192)]


class Flag(IntFlag):
    """Bits of `results.flags`: how a result came about, for those who weigh its timings."""

    MAINTENANCE = 1
    LAG = 2
    KERNEL_CLOCK = 4
    RUSTLS = 8
    REUSED = 16
    ONCE = 32


class Asserted(Struct, frozen=True, kw_only=True, gc=False):
    """What became of one assertion of a check, in words: `json $.queue.depth` is expected to be
    `less_than 100`, and `250` was seen."""

    assertion: str
    expected: str
    seen: str
    """Shortened, secrets masked; with the outcome `error`, why nothing could be told."""
    outcome: Literal["held", "failed", "error"]
    level: Level


class Hop(Struct, frozen=True, kw_only=True, gc=False):
    """One request of an attempt and what came of it. Phases are microseconds, as in `Outcome`."""

    url: str
    """Without query and credentials."""
    method: str
    status_code: int | None = None
    ip: str | None = None
    reused: bool = False
    resolve_us: int | None = None
    connect_us: int | None = None
    tls_us: int | None = None
    processing_us: int | None = None
    transfer_us: int | None = None
    location: str | None = None
    """As it came, likewise."""


class Outcome(Struct, frozen=True, kw_only=True, gc=False):
    """What one probe found out, all attempts included: the part of a result that the target decides.

    Phases are integer microseconds and absent (None) when they did not happen; `total_us` runs from
    the attempt's start to the last byte of the body.
    """

    status: Status
    failure: FailureKind | None = None
    phase: Phase | None = None
    error: str | None = None
    status_code: int | None = None
    attempts: int = 1
    redirects: int = 0
    http_version: str | None = None
    ip: str | None = None
    reused: bool = False
    lagged: bool = False
    """True: our event loop was too busy (5 ms) to look at once at what the target sent."""
    size_bytes: int | None = None
    compressed_bytes: int | None = None
    """What the body had on its way, where it came compressed; `size_bytes` is what that decodes to."""
    value: str | None = None
    total_us: int | None = None
    resolve_us: int | None = None
    connect_us: int | None = None
    tls_us: int | None = None
    processing_us: int | None = None
    transfer_us: int | None = None
    clock: Literal["kernel", "user"] | None = None
    tls_engine: Literal["rustls", "openssl"] | None = None
    certificate_expires_at_us: int | None = None
    assertions: tuple[Asserted, ...] = ()
    """Of what was evaluated: none when there was no response of an expected status. Not on the topic."""
    hops: tuple[Hop, ...] = ()
    """Of the last attempt, where they are asked for. Not on the topic."""

    def excused(self, error: str) -> Outcome:
        """All that was found out, but no verdict: our own side may be at fault, and `error` says why."""
        return replace(self, status="inconclusive", error=error)


class Result(Struct, kw_only=True, gc=False, omit_defaults=True):
    """One result as it stands on the topic; field meanings are in the README's table of fields."""

    v: Literal[1]
    check: CheckId
    location: Location
    scheduled_at_us: Instant
    status: Status
    name: Name
    site: Text
    endpoint: Text
    interval_ms: Millis
    start_delay_us: Micros
    producer: Annotated[str, Meta(max_length=64)]
    origin: Origin
    attempts: SmallCount
    group: Label | None = None
    labels: dict[str, Label] | None = None
    sla_ms: Millis | None = None
    failure: FailureKind | None = None
    phase: Phase | None = None
    error: Annotated[str, Meta(max_length=MAX_ERROR_CHARS)] | None = None
    status_code: Annotated[int, Meta(ge=0, le=999)] | None = None
    redirects: SmallCount = 0
    http_version: Annotated[str, Meta(max_length=8)] | None = None
    ip: Annotated[str, Meta(max_length=64)] | None = None
    reused: bool = False
    lagged: bool = False
    size_bytes: Annotated[int, Meta(ge=0, le=_INT4_MAX)] | None = None
    compressed_bytes: Annotated[int, Meta(ge=0, le=_INT4_MAX)] | None = None
    value: Annotated[str, Meta(max_length=MAX_VALUE_CHARS)] | None = None
    total_us: Micros | None = None
    resolve_us: Micros | None = None
    connect_us: Micros | None = None
    tls_us: Micros | None = None
    processing_us: Micros | None = None
    transfer_us: Micros | None = None
    clock: Literal["kernel", "user"] | None = None
    tls_engine: Literal["rustls", "openssl"] | None = None
    certificate_expires_at_us: Instant | None = None
    kind: None = None
    """Always absent: what carries a `kind` is not a result."""


class OnceResult(Result, kw_only=True, gc=False, omit_defaults=True):
    """A result as `check-once` tells it: with what became of each assertion and hop."""

    assertions: tuple[Asserted, ...] = ()
    hops: tuple[Hop, ...] = ()
