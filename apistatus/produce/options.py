"""What a producer is told at its start, and what it says at its end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Who checks, and within which bounds."""

    location: str
    producer: str
    cloudevents: bool = False
    max_in_flight: int = 2000
    max_per_host: int = 0
    """Checks of one host and port under way at once; 0: no limit."""
    grace_s: float = 25.0
    """How long open checks may go on after a stop was asked for."""
    backfill_us: int = 3_600_000_000
    """How far back ticks of an earlier stop are told one by one."""


@dataclass(slots=True)
class Summary:
    """What a run gave: results of probes, `missed` results (those of `abandoned` checks among them)."""

    made: int = 0
    missed: int = 0
    abandoned: int = 0
