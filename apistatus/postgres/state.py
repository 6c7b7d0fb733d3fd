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
from operator import itemgetter
from typing import Any, Final

from apistatus.postgres import rows as columns
from apistatus.postgres.connect import Connection
from apistatus.postgres.rows import LAST_VERDICT, PG_EPOCH_US, Expiry, Ids, Row, instant, pg_us
from apistatus.postgres.statements import statement

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


def group(rows: Sequence[Row]) -> dict[Ids, list[Row]]:
    """Rows by check and location, each list in the order of ticks."""
    groups: defaultdict[Ids, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[columns.CHECK], row[columns.LOCATION]].append(row)
    for listed in groups.values():
        if len(listed) > 1:
            listed.sort(key=itemgetter(columns.TICK))
    return groups


def fold(rows: Sequence[Row], certificate: Expiry | None) -> Row:
    """The rows of one check, in the order of ticks, as one row of the table `folded_checks`."""
    verdict: Row | None = None
    since_at = unknown_since_at = None
    changed = 0
    for row in rows:
        if row[columns.STATUS] > LAST_VERDICT:
            if unknown_since_at is None:
                unknown_since_at = row[columns.TICK]
            continue
        if verdict is None:
            since_at = row[columns.TICK]
        elif row[columns.STATUS] != verdict[columns.STATUS]:
            since_at, changed = row[columns.TICK], 1
        verdict, unknown_since_at = row, None
    first, last = rows[0], rows[-1]
    at, said = (verdict[columns.TICK], verdict) if verdict else (None, _NOTHING)
    expires = None if certificate is None else certificate[1] - PG_EPOCH_US
    return (
        first[columns.TICK], last[columns.TICK], at, since_at, unknown_since_at, expires,
        first[columns.CHECK], said[columns.TOTAL], first[columns.LOCATION], said[columns.STATUS],
        said[columns.FAILURE], changed, said[columns.VALUE], said[columns.ERROR],
    )  # fmt: skip


_NOTHING: Final[Row] = (None,) * 20


def floor(state: State, rows: Sequence[Row]) -> int | None:
    """From which tick on the state has to be folded again after these rows (in the order of ticks) were
    stored; None when they change nothing."""
    first_at: int = rows[0][columns.TICK]
    if state.verdict_at is None or state.since_at is None or state.status is None:
        unknown_at = state.seen_at if state.unknown_since_at is None else state.unknown_since_at
        return min(first_at, unknown_at)
    matters = breaks_run = False
    for row in rows:
        at, status = row[columns.TICK], row[columns.STATUS]
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


class Folds:
    """The rows of a batch, check by check."""

    def __init__(self, rows: Sequence[Row], certificates: Mapping[Ids, Expiry]) -> None:
        self._groups = group(rows)
        self._rows = [fold(its_rows, certificates.get(of)) for of, its_rows in self._groups.items()]

    def keep_up(self, connection: Connection) -> None:
        """Bring `check_state` up to date with the rows, which this transaction has stored."""
        if not self._rows:
            return
        cursor = connection.cursor()
        with cursor.copy(statement("state_copy")) as copy:
            copy.set_types(_TYPES)
            for row in self._rows:
                copy.write_row(row)
        kept = cursor.execute(statement("state_advance")).rowcount
        if kept < len(self._rows):
            kept += cursor.execute(statement("state_begin")).rowcount
        if kept < len(self._rows):
            _fold_again(connection, self._groups)


def _fold_again(connection: Connection, groups: Mapping[Ids, Sequence[Row]]) -> None:
    marked: list[tuple[Any, ...]] = []
    for check_id, location_id, verdict_at, since_at, unknown_at, seen_at, status in connection.execute(
        statement("state_late")
    ).fetchall():
        times = [_us_or_none(moment) for moment in (verdict_at, since_at, unknown_at)]
        at = floor(State(times[0], times[1], times[2], pg_us(seen_at), status), groups[check_id, location_id])
        if at is not None:
            marked.append((check_id, location_id, instant(at), status, since_at))
    if marked:
        names = ("check_ids", "location_ids", "floors", "statuses", "sinces")
        lists = (list(column) for column in zip(*marked, strict=True))
        connection.execute(statement("state_refold"), dict(zip(names, lists, strict=True)))


def _us_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else pg_us(moment)
