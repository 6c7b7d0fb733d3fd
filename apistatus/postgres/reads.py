"""What reports and histories read: rollups where they are in force, rows elsewhere; in one snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from apistatus.model.evidence import Ids
from apistatus.model.result import FAILURE_KINDS, STATUSES, Status
from apistatus.postgres.connect import Connection
from apistatus.postgres.one_instant import Instant, at_one_instant
from apistatus.postgres.rows import instant_of_unix, unix_us, unix_us_or_none
from apistatus.postgres.statements import statement
from apistatus.settings.schema import PostgresSettings

Kind = Literal["day", "hour", "rows"]
_STATEMENTS: Final[Mapping[Kind, str]] = {
    "day": "report_days", "hour": "report_hours", "rows": "report_rows",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a time, UTC microseconds, of one check at one location; `number` comes back with its results."""

    number: int
    ids: Ids
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A verdict that may differ from the one before it."""

    ids: Ids
    at_us: int
    status: Status
    failure: str | None
    status_code: int | None
    total_us: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Now:
    """How a check stands at a location; instants in UTC microseconds."""

    location_id: int
    status: Status | None
    since_us: int | None
    verdict_us: int | None
    total_us: int | None
    error: str | None
    unknown_since_us: int | None
    seen_us: int


@contextmanager
def snapshot(settings: PostgresSettings) -> Iterator[Reads]:
    """The database as it is at one instant, until the end of the block.

    Raises PostgresUnavailable, AccessRefused, IncompatibleSchema, also from within the block.
    """
    with at_one_instant(settings) as connection:
        yield Reads(connection)


class Reads(Instant):
    """What reports and histories ask of it."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, "report_begin")
        [(hours, days, kept_from)] = self._rows("report_stored")
        self.open_hours: frozenset[int] = frozenset(map(unix_us, hours))
        """Beginnings of the hours whose rollup is not in force."""
        midnight = datetime.min.time()
        self.open_days: frozenset[int] = frozenset(
            unix_us(datetime.combine(day, midnight, UTC)) for day in days
        )
        self.kept_from_us: int | None = None if kept_from is None else unix_us(kept_from)
        """From when on rows are kept; None: all are."""

    def checks(self) -> dict[int, tuple[str, str, str | None, dict[str, str]]]:
        """Id, name, group and labels, as last defined, by number."""
        return {
            number: (check, name, group, labels or {})
            for number, check, name, group, labels in self._rows("report_checks")
        }

    def locations(self) -> dict[int, str]:
        """Names by number."""
        return dict(self._rows("report_locations"))

    def results(
        self, kind: Kind, parts: Sequence[Part], step: Literal["hour", "day"]
    ) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
        """Number of the part, beginning of the hour or day, and the sums in the order of `rollup_hours`:
        up, degraded, down, missed, inconclusive, sla_judged, sla_met, measured, sum_us, max_us, histogram."""
        if not parts:
            return
        parameters = {
            "numbers": [part.number for part in parts], "checks": [part.ids[0] for part in parts],
            "locations": [part.ids[1] for part in parts],
            "from_at": [instant_of_unix(part.from_us) for part in parts],
            "to_at": [instant_of_unix(part.to_us) for part in parts],
            "least_at": instant_of_unix(min(part.from_us for part in parts)),
            "most_at": instant_of_unix(max(part.to_us for part in parts)),
            "step": step,
        }  # fmt: skip
        # Binary, for the histograms: as text they would take longer than all the rest.
        cursor = self._connection.cursor(binary=True)
        for number, begins_at, *sums in cursor.execute(statement(_STATEMENTS[kind]), parameters):
            yield number, unix_us(begins_at), tuple(sums)

    def changes(self, from_us: int, to_us: int, checks: Collection[int]) -> list[ChangeRow]:
        """Verdicts that differ from the one before them in [from_us, to_us), the last change before, and of
        open hours every verdict that differs from the one before it in its hour; by check and time."""
        hours = sorted(hour for hour in self.open_hours if hour < to_us)
        parameters = {
            "checks": list(checks), "from_at": instant_of_unix(from_us), "to_at": instant_of_unix(to_us),
            "open_hours": [instant_of_unix(hour) for hour in hours],
            "least_at": instant_of_unix(min(hours, default=from_us)),
        }  # fmt: skip
        return [
            ChangeRow((check_id, location_id), unix_us(at), STATUSES[status],
                      None if failure is None else FAILURE_KINDS[failure], status_code, total_us, error)
            for check_id, location_id, at, status, failure, status_code, total_us, error
            in self._rows("report_changes", parameters)
        ]  # fmt: skip

    def now(self, check_id: int) -> list[Now]:
        """How one check stands, at each location."""
        return [
            Now(location_id, status, unix_us_or_none(since), unix_us_or_none(verdict), total_us, error,
                unix_us_or_none(unknown), unix_us(seen))
            for location_id, status, since, verdict, total_us, error, unknown, seen
            in self._rows("history_now", (check_id,))
        ]  # fmt: skip

    def half_hours(self, ids: Ids, from_us: int, to_us: int) -> dict[int, tuple[int, int, float | None]]:
        """Ticks that worked, ticks that did not, and the mean microseconds of the former, by beginning."""
        parameters = {
            "check": ids[0], "location": ids[1], "from_at": instant_of_unix(from_us), "to_at": instant_of_unix(to_us)
        }  # fmt: skip
        return {
            unix_us(at): (good, bad, None if mean_us is None else float(mean_us))
            for at, good, bad, mean_us in self._rows("history_bins", parameters)
        }
