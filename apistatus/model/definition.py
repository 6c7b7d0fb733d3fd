"""What the topic carries beside results: which checks are in force from when, which no longer, and gaps."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from apistatus.model.result import MAX_ERROR_CHARS, CheckId, Instant, Label, Location, Millis, Name, Text


class CheckDefined(Struct, kw_only=True, gc=False, omit_defaults=True):
    """A check as defined at one location from the tick `from_us` (UTC microseconds) on."""

    v: Literal[1]
    kind: Literal["check"]
    check: CheckId
    location: Location
    from_us: Instant
    name: Name
    site: Text
    endpoint: Text
    interval_ms: Millis
    producer: Annotated[str, Meta(max_length=64)]
    group: Label | None = None
    labels: dict[str, Label] | None = None
    sla_ms: Millis | None = None


class CheckRemoved(Struct, kw_only=True, gc=False, omit_defaults=True):
    """A check that has no tick at this location from `from_us` (UTC microseconds) on."""

    v: Literal[1]
    kind: Literal["check_removed"]
    check: CheckId
    location: Location
    from_us: Instant
    producer: Annotated[str, Meta(max_length=64)]


class Gap(Struct, kw_only=True, gc=False, omit_defaults=True):
    """Ticks of a check at a location that no producer made and that have no results of their own."""

    v: Literal[1]
    kind: Literal["gap"]
    check: CheckId
    location: Location
    from_us: Instant
    """The first tick that was not made."""
    until_us: Instant
    """The first one, by the same formula, that is not in the gap any more."""
    producer: Annotated[str, Meta(max_length=64)]
    reason: Annotated[str, Meta(max_length=MAX_ERROR_CHARS)]


Definition = CheckDefined | CheckRemoved
