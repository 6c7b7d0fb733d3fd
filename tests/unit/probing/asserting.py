"""Assertions as they come out of an evaluation, with everything that a test does not care about filled in."""

from __future__ import annotations

from typing import Literal

from apistatus.model.result import Asserted, Level


def asserted_as(
    outcome: Literal["held", "failed", "error"],
    subject: str,
    *,
    expected: str = "less_than 5",
    seen: str = "7",
    level: Level = "down",
) -> Asserted:
    """As told of `subject`."""
    return Asserted(assertion=subject, expected=expected, seen=seen, outcome=outcome, level=level)
