"""Results added up, and what follows from the sums."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_COUNT_BITS: Final = 22
_COUNT_MASK: Final = (1 << _COUNT_BITS) - 1
_BUCKETS: Final = 512
"""More than there are: a time of 2**31 us is in bucket 496."""


@dataclass(slots=True)
class Counts:
    """Results by status, and the times of what worked (microseconds). Adds up."""

    up: int = 0
    degraded: int = 0
    down: int = 0
    missed: int = 0
    inconclusive: int = 0
    sla_judged: int = 0
    """Verdicts of checks with an SLA."""
    sla_met: int = 0
    measured: int = 0
    sum_us: int = 0
    max_us: int | None = None
    histogram: list[int] = field(default_factory=list)
    """Entries of bucket * 4194304 + count; a bucket may come more than once."""
    _packed: int = field(default=0, repr=False, compare=False)
    """So many entries were left when it was packed last."""

    @property
    def good(self) -> int:
        """Verdicts that say it works."""
        return self.up + self.degraded

    @property
    def made(self) -> int:
        """Verdicts."""
        return self.up + self.degraded + self.down

    @property
    def rows(self) -> int:
        return self.made + self.missed + self.inconclusive

    @property
    def uptime(self) -> float | None:
        """0 to 1, by ticks; None: no verdict."""
        return self.good / self.made if self.made else None

    @property
    def sla(self) -> float | None:
        """0 to 1: worked within the SLA, of the verdicts of checks that have one."""
        return self.sla_met / self.sla_judged if self.sla_judged else None

    @property
    def avg_ms(self) -> float | None:
        return self.sum_us / self.measured / 1000 if self.measured else None

    @property
    def max_ms(self) -> float | None:
        return None if self.max_us is None else self.max_us / 1000

    def add(self, other: Counts) -> None:
        self.up += other.up
        self.degraded += other.degraded
        self.down += other.down
        self.missed += other.missed
        self.inconclusive += other.inconclusive
        self.sla_judged += other.sla_judged
        self.sla_met += other.sla_met
        self.measured += other.measured
        self.sum_us += other.sum_us
        if other.max_us is not None:
            self.max_us = other.max_us if self.max_us is None else max(self.max_us, other.max_us)
        self.histogram += other.histogram

    def pack(self) -> None:
        """Let each bucket come once: what is asked of it, and added to others, is quick then."""
        if len(self.histogram) > self._packed:
            self.histogram = [bucket << _COUNT_BITS | count for bucket, count in _buckets(self.histogram)]
            self._packed = len(self.histogram)

    def percentiles_ms(self, fractions: Sequence[float]) -> list[float | None]:
        """As `apistatus.percentile` gives them, in milliseconds and never above the maximum."""
        self.pack()
        found = _of_buckets(
            [(entry >> _COUNT_BITS, entry & _COUNT_MASK) for entry in self.histogram], fractions
        )
        most = math.inf if self.max_us is None else self.max_us
        return [None if value is None else min(value, most) / 1000 for value in found]


def put(parts: dict[int, Counts], at: int, more: Counts) -> None:
    """Add to the part that is there, as a new one; without one, `more` itself is the part."""
    there = parts.get(at)
    parts[at] = more if there is None else total((there, more))


def total(parts: Iterable[Counts]) -> Counts:
    """The sum."""
    added = Counts()
    for part in parts:
        added.add(part)
    return added


def percentiles_us(histogram: Iterable[int], fractions: Sequence[float]) -> list[float | None]:
    """Percentiles between the middles of neighbouring buckets; each within 2.2 percent of the exact one.

    The same formula as the SQL function `apistatus.percentile` (migration 0006).
    """
    return _of_buckets(_buckets(histogram), fractions)


def _of_buckets(ordered: Sequence[tuple[int, int]], fractions: Sequence[float]) -> list[float | None]:
    total_count = sum(count for _, count in ordered)
    if not total_count:
        return [None] * len(fractions)
    return [_at_rank(ordered, fraction * (total_count - 1)) for fraction in fractions]


def _buckets(histogram: Iterable[int]) -> list[tuple[int, int]]:
    """Buckets that hold something, with their counts, in order."""
    counts = [0] * _BUCKETS
    for entry in histogram:  # a month of 1,000 checks is two million of them
        counts[entry >> _COUNT_BITS] += entry & _COUNT_MASK
    return [(bucket, count) for bucket, count in enumerate(counts) if count]


def _at_rank(ordered: Sequence[tuple[int, int]], rank: float) -> float:
    lower, upper = math.floor(rank), math.ceil(rank)
    below: float | None = None
    seen = 0
    for bucket, count in ordered:
        seen += count
        if below is None and seen > lower:
            below = bucket_us(bucket)
        if seen > upper and below is not None:
            return below + (rank - lower) * (bucket_us(bucket) - below)
    return bucket_us(ordered[-1][0])


def bucket_us(bucket: int) -> float:
    """The middle of a bucket: 16 of them double the time."""
    return math.exp((bucket + 0.5) * math.log(2) / 16) - 1


def weighted(parts: Mapping[int, Counts]) -> tuple[int, int]:
    """Microseconds that worked and that did not: each verdict stands for its interval (the key)."""
    good = sum(interval_us * counts.good for interval_us, counts in parts.items())
    bad = sum(interval_us * counts.down for interval_us, counts in parts.items())
    return good, bad
