"""One round with a result of every kind, names that no format likes among them."""

from __future__ import annotations

from typing import Any

from apistatus.cli.outputs.verdict import Answer
from apistatus.model.result import Result
from tests.fakes.messages import result

HOSTILE = "a|b 'c' \"d\" <e> &amp; ]]> \\f =g\n\x1b[31mh\x00\ud800\ufffe ü"
"""What a name or an error cannot be after it was validated, but must not break anything either."""

UP = result(
    0, "shop", name="Shop", group="web", status_code=200, ip="127.0.0.1", size_bytes=512, value="42",
    total_us=38_100, connect_us=4_500, processing_us=33_500, transfer_us=100, sla_ms=500,
    certificate_expires_at_us=1_900_000_000_000_000,
)  # fmt: skip
DEGRADED = result(
    1, "page", name="Page", group="web", status="degraded", error="took 2.1 s", total_us=2_100_000
)
DOWN = result(
    2, "pay", name="Pay", status="down", failure="status", phase="processing", status_code=500,
    error="status 500 Internal Server Error, expected 200-299", total_us=1_000, sla_ms=200,
)  # fmt: skip
REFUSED = result(
    3, "gone", name="Gone", status="down", failure="connect_refused", phase="connect",
    error="127.0.0.1:1 refused the connection",
)  # fmt: skip
MISSED = result(4, "late", name="Late", status="missed", attempts=0, error="stopped before the check ended")
INCONCLUSIVE = result(
    5, "ours", name="Ours", status="inconclusive", failure="internal", error="our own fault: no files"
)
UGLY = result(
    6, "ugly", name=HOSTILE, group=HOSTILE, status="down", failure="extract", phase="body", error=HOSTILE,
    value=HOSTILE, total_us=1,
)  # fmt: skip
ALL = (UP, DEGRADED, DOWN, REFUSED, MISSED, INCONCLUSIVE, UGLY)


def answer(*results: Result, **look: Any) -> Answer:
    """An answer with these results."""
    return Answer(results, **look)
