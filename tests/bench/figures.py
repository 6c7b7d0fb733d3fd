"""The figures of `apistatus bench`, by names that say which way is better."""

from __future__ import annotations

import json
from collections.abc import Sequence

from apistatus.bench.figures import Figure, at_least, document, machine, table
from apistatus.bench.figures import figure as at_most

__all__ = ["Figure", "as_json", "as_table", "at_least", "at_most"]


def as_json(figures: Sequence[Figure]) -> str:
    """`{machine, figures: [{name, value, min, max, unit, target, met}]}`."""
    return json.dumps(document(figures, machine()), indent=2)


def as_table(figures: Sequence[Figure]) -> str:
    """The same for people."""
    return table(figures, machine())
