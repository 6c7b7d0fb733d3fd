"""One round of checks as it is to be told: which results are bad, how many of each, what follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Final

from apistatus.model.result import STATUSES, Result

TRY_AGAIN: Final = 75
"""sysexits.h, EX_TEMPFAIL."""

_WORST_LAST: Final = (0, TRY_AGAIN, 1)


@dataclass(frozen=True, slots=True)
class Answer:
    """The results of one round and how the user wants to look at them."""

    results: Sequence[Result]
    strict: bool = False
    """Degraded counts as bad."""
    quiet: bool = False
    """Only what is bad is shown."""
    zone: tzinfo = UTC
    timeouts_us: Mapping[str, int] = field(default_factory=dict)
    """Timeout of one attempt, by check id."""
    trouble: str | None = None
    """Why the results did not reach the topic."""

    def is_bad(self, result: Result) -> bool:
        """Whether the result is no good news: down, not made, and with `strict` degraded too."""
        return result.status != "up" and (self.strict or result.status != "degraded")

    @property
    def shown(self) -> list[Result]:
        return [result for result in self.results if not self.quiet or self.is_bad(result)]

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each status, those without any too."""
        counted = Counter(result.status for result in self.results)
        return {status: counted[status] for status in STATUSES}

    @property
    def summary(self) -> dict[str, int]:
        return {"total": len(self.results), **self.counts}

    @property
    def exit_code(self) -> int:
        """1 when a check is down (or, if strict, degraded), 75 when no check gave a verdict, else 0."""
        counts = self.counts
        if counts["down"] or (self.strict and counts["degraded"]):
            return 1
        return TRY_AGAIN if self.results and not counts["up"] + counts["degraded"] else 0


def worst(exit_codes: Sequence[int]) -> int:
    """The exit code of a run of several rounds: a bad answer outweighs none, and none a good one."""
    return max(exit_codes, key=_WORST_LAST.index, default=0)
