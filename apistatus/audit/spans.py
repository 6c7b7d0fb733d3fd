"""Which ticks are expected of which definition, by the formula alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from apistatus.model.evidence import InForce, Span

LONGEST_PROBE_US: Final = 600_000_000
"""The longest timeout a check may have."""
SLACK_US: Final = 60_000_000
"""From the end of a probe to its row: late starts, delivery, the batch, and clocks that differ."""


def settle_us(interval_us: int) -> int:
    """How old a tick must be to have a row: all attempts of a probe fit its interval, and on from there."""
    return min(interval_us, LONGEST_PROBE_US) + SLACK_US


def spans(definitions: Iterable[InForce], from_us: int, to_us: int, settled_us: int) -> list[Span]:
    """The parts of these definitions that lie in [from_us, to_us), numbered from 0.

    `settled_us`: every result that Kafka took before this instant is stored.
    """
    made: list[Span] = []
    for definition in definitions:
        begin = max(from_us, definition.from_us)
        until = to_us if definition.until_us is None else min(to_us, definition.until_us)
        if begin >= until:
            continue
        end = max(begin, min(until, settled_us - settle_us(definition.interval_us)))
        first = definition.tick_at_or_after(begin)
        ticks = max(0, -(-(end - first) // definition.interval_us)) if definition.announced else 0
        made.append(Span(len(made), definition, begin, until, end, first, ticks))
    return made
