"""What bounds the consumer's loop, and what it counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from apistatus.consume.batch import Policy
from apistatus.ports import Batch, Stored
from apistatus.runtime.logs import Events, OncePerMinute
from apistatus.runtime.metrics import Metrics

log = Events("consume")

GARBAGE_AFTER: Final = 100_000
"""New objects until garbage is looked for: a batch leaves no cycles behind, and looking costs 0.1 us a row."""


@dataclass(slots=True)
class Options:
    """Bounds of the loop, and what a person has decided beforehand."""

    policy: Policy = field(default_factory=Policy)
    fence_pause_s: float = 20.0
    """How long a fenced partition waits for a new assignment before it is claimed again: twice the
    session timeout, by when a frozen member knows that it lost its partitions."""
    dead_letter_limit: float = 1.0
    """A larger share of bad ones among the last 1,000 messages ends the run."""
    on_recreated_topic: Literal["fail", "restart"] = "fail"
    on_lost_offsets: Literal["fail", "earliest"] = "fail"
    on_dead_letters: Callable[[], None] = lambda: None
    """Called when dead letters may wait to be forwarded."""


@dataclass(slots=True)
class Totals:
    """What this process has stored so far."""

    rows: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    batches: int = 0
    _once: OncePerMinute = field(default_factory=OncePerMinute, repr=False)

    def count(self, batch: Batch, stored: Stored, metrics: Metrics) -> None:
        """A batch was stored. Its dead letters are told once a minute and reason."""
        metrics.batches.inc()
        metrics.rows.inc(stored.rows)
        metrics.duplicates.inc(stored.duplicates)
        for letter in batch.dead_letters:
            metrics.dead_letters.labels(letter.reason).inc()
            held_back = self._once.admits(letter.reason)
            if held_back is not None:
                log.warning(
                    "message.dead", reason=letter.reason, partition=letter.partition, offset=letter.offset,
                    cause=letter.message, held_back=held_back,
                )  # fmt: skip
        self.batches += 1
        self.rows += stored.rows
        self.duplicates += stored.duplicates
        self.dead_letters += stored.dead_letters
