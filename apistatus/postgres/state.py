"""How a check stands now: the fold of its rows, kept up with each batch.

A state holds the last verdict, the first tick of the run of equal verdicts that it ends (`since`), and
the first tick after it that says nothing of the target (`unknown_since`). New rows that are all newer
than the state only carry it on. Late ones are looked at, and when they can matter, the state is
folded again from the stored rows, from a floor on that keeps this short.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from apistatus.postgres import rows as columns
from apistatus.postgres.connect import Connection
from apistatus.postgres.rows import (
    CHECK,
    ERROR,
    FAILURE,
    LAST_VERDICT,
    LOCATION,
    PG_EPOCH_US,
    STATUS,
    TICK,
    TOTAL,
    VALUE,
    Expiry,
    Ids,
    Row,
    instant,
    pg_us,
)
from apistatus.postgres.statements import statement

_Tick = tuple[int, int]
"""When a row's tick was, in PostgreSQL's microseconds, and its status."""

_TYPES: Final = (
    "int8", "int8", "int8", "int8", "int8", "int8", "int4", "int4", "int2", "int2", "int2", "int2", "text",
    "text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class State:
    """A check's stored state, instants in PostgreSQL's microseconds."""

    verdict_at: int | None
    since_at: int | None
    unknown_since_at: int | None
    seen_at: int
    status: int | None


class Folds:
    """What the rows of a batch come to, check by check. It keeps little of them: rows that are let go soon cost
    neither memory nor the time to reach it."""

    def __init__(self) -> None:
        self.certificates: dict[Ids, Expiry] = {}
        """Served last, where something is known of it."""
        self.begin_again()

    def begin_again(self, rows: Sequence[Row] = ()) -> None:
        """With these instead of all rows that were added; of certificates nothing is forgotten."""
        self.count = 0
        """Rows added."""
        self.hours: set[int] = set()
        """In which they lie, counted from 2000."""
        self._ticks: defaultdict[Ids, list[_Tick]] = defaultdict(list)
        self._verdicts: dict[Ids, Row] = {}
        self._folded: list[Row] | None = None
        self.add(rows)

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows, each of another tick of its check and location."""
        ticks, verdicts = self._ticks, self._verdicts
        for row in rows:
            of, tick, status = (row[CHECK], row[LOCATION]), row[TICK], row[STATUS]
            ticks[of].append((tick, status))
            if status <= LAST_VERDICT and verdicts.get(of, _BEFORE_ALL)[TICK] < tick:
                verdicts[of] = row
        self.count += len(rows)
        self.hours |= columns.hours(rows)
        self._folded = None

    def folded(self) -> list[Row]:
        """The rows of each check as one row of the table `folded_checks`."""
        if self._folded is None:
            certificates, verdicts = self.certificates, self._verdicts
            for ticks in self._ticks.values():
                ticks.sort()
            self._folded = [
                fold(of, ticks, verdicts.get(of), certificates.get(of)) for of, ticks in self._ticks.items()
            ]
        return self._folded

    def keep_up(self, connection: Connection) -> None:
        """Bring `check_state` up to date with the rows, which this transaction has stored."""
        folded = self.folded()
        if not folded:
            return
        cursor = connection.cursor()
        with cursor.copy(statement("state_copy")) as copy:
            copy.set_types(_TYPES)
            for row in folded:
                copy.write_row(row)
        kept = cursor.execute(statement("state_advance")).rowcount
        if kept < len(folded):
            kept += cursor.execute(statement("state_begin")).rowcount
        if kept < len(folded):
            _fold_again(connection, self._ticks)


def fold(of: Ids, ticks: Sequence[_Tick], verdict: Row | None, certificate: Expiry | None) -> Row:
    """What rows of one check come to, in the order of their ticks; `verdict` is the last of these that is one."""
    before = since_at = unknown_since_at = None
    changed = 0
    for tick, status in ticks:
        if status > LAST_VERDICT:
            if unknown_since_at is None:
                unknown_since_at = tick
            continue
        if before is None:
            since_at = tick
        elif status != before:
            since_at, changed = tick, 1
        before, unknown_since_at = status, None
    said = verdict or _NOTHING
    expires = None if certificate is None else certificate[1] - PG_EPOCH_US
    return (
        ticks[0][0], ticks[-1][0], said[TICK], since_at, unknown_since_at, expires, of[0], said[TOTAL], of[1],
        said[STATUS], said[FAILURE], changed, said[VALUE], said[ERROR],
    )  # fmt: skip


_NOTHING: Final[Row] = (None,) * 20
_BEFORE_ALL: Final[Row] = (-(2**63),)


def floor(state: State, ticks: Sequence[_Tick]) -> int | None:
    """From which tick on the state has to be folded again after rows of these, in their order, were stored; None
    when they change nothing."""
    first_at = ticks[0][0]
    if state.verdict_at is None or state.since_at is None or state.status is None:
        unknown_at = state.seen_at if state.unknown_since_at is None else state.unknown_since_at
        return min(first_at, unknown_at)
    matters = breaks_run = False
    for at, status in ticks:
        if at > state.verdict_at:
            matters = True
            breaks_run |= status <= LAST_VERDICT and status != state.status
        elif status <= LAST_VERDICT and (at >= state.since_at) == (status != state.status):
            # Inside the run only another verdict matters, before it only the same one.
            matters = breaks_run = True
    if not matters:
        return None
    return min(first_at, state.since_at) if breaks_run else state.verdict_at


def seen(connection: Connection, wanted: Collection[Ids]) -> dict[Ids, int]:
    """The newest tick folded in, in PostgreSQL's microseconds, of each of these that has a state."""
    ids = {"check_ids": [check for check, _ in wanted], "location_ids": [at for _, at in wanted]}
    found = connection.execute(statement("state_seen"), ids).fetchall()
    return {(check_id, location_id): pg_us(seen_at) for check_id, location_id, seen_at in found}


def _fold_again(connection: Connection, ticks: Mapping[Ids, Sequence[_Tick]]) -> None:
    marked: list[tuple[Any, ...]] = []
    for check_id, location_id, verdict_at, since_at, unknown_at, seen_at, status in connection.execute(
        statement("state_late")
    ).fetchall():
        times = [_us_or_none(moment) for moment in (verdict_at, since_at, unknown_at)]
        at = floor(State(times[0], times[1], times[2], pg_us(seen_at), status), ticks[check_id, location_id])
        if at is not None:
            marked.append((check_id, location_id, instant(at), status, since_at))
    if marked:
        names = ("check_ids", "location_ids", "floors", "statuses", "sinces")
        lists = (list(column) for column in zip(*marked, strict=True))
        connection.execute(statement("state_refold"), dict(zip(names, lists, strict=True)))


def _us_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else pg_us(moment)
