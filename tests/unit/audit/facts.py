"""Definitions, spans and rows to audit, from round numbers."""

from __future__ import annotations

from apistatus.audit import spans
from apistatus.model.evidence import InForce, Span, Tally

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOON = 20_000 * DAY + 12 * HOUR
"""An instant of which nothing depends."""


def definition(
    check: str = "home", *, number: int = 1, from_us: int = NOON - DAY, until_us: int | None = None,
    interval_us: int = MINUTE, announced: bool = True,
) -> InForce:  # fmt: skip
    return InForce((number, 1), check, "local", from_us, until_us, interval_us, announced)


def span(*definitions: InForce, from_us: int = NOON - HOUR, to_us: int = NOON) -> Span:
    """The one span that these definitions give, all of its ticks long settled."""
    (only,) = spans.spans(definitions or [definition()], from_us, to_us, to_us + HOUR)
    return only


def tally(of: Span, **counts: int) -> Tally:
    """Rows of a span: a verdict a tick, unless said otherwise."""
    zero = dict.fromkeys(("missed", "inconclusive", "off_tick", "once", "settling"), 0)
    facts = {"verdicts": of.ticks, **zero, **counts}
    return Tally(of.definition.ids, of.number, **facts)
