"""Incidents: from the first verdict `down` to the next one that says it works."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apistatus.model.result import Status


@dataclass(frozen=True, slots=True)
class Change:
    """A verdict that may differ from the one before it, at a tick (UTC microseconds)."""

    at_us: int
    status: Status
    failure: str | None = None
    status_code: int | None = None
    total_us: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """A time in which a check was down, and what its first failure was."""

    from_us: int
    until_us: int | None
    """The first tick that worked again; None: none did until the end of the report."""
    failure: str | None
    status_code: int | None
    error: str | None

    def duration_us(self, end_us: int) -> int:
        """How long it took, or has taken by `end_us`."""
        return (end_us if self.until_us is None else self.until_us) - self.from_us


def distinct(changes: Iterable[Change]) -> list[Change]:
    """Those that differ from the one before, in the order of time."""
    kept: list[Change] = []
    for change in sorted(changes, key=lambda change: change.at_us):
        if not kept or kept[-1].status != change.status:
            kept.append(change)
    return kept


def incidents(
    changes: Iterable[Change], from_us: int, to_us: int, *, removed_us: int | None = None
) -> list[Incident]:
    """The incidents that reach into [from_us, to_us), in the order of time.

    A check that is taken out of the file while it is down ends its incident at `removed_us`.
    """
    found: list[Incident] = []
    began: Change | None = None
    for change in sorted(changes, key=lambda change: change.at_us):
        if change.at_us >= to_us:
            break
        if change.status == "down":
            began = began or change
        elif began is not None:
            found.append(_incident(began, change.at_us))
            began = None
    if began is not None:
        over = removed_us is not None and began.at_us < removed_us <= to_us
        found.append(_incident(began, removed_us if over else None))
    return [incident for incident in found if incident.until_us is None or incident.until_us > from_us]


def _incident(began: Change, until_us: int | None) -> Incident:
    return Incident(began.at_us, until_us, began.failure, began.status_code, began.error)
