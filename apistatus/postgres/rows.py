"""Results as the rows of a binary COPY. Hot: about a microsecond a row, so everything is a table look-up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any, Final

from apistatus.model.result import FAILURE_KINDS, PHASES, STATUSES, Flag, Result

Row = tuple[Any, ...]
Pair = tuple[str, str]
"""Check and location as they are on the topic."""
Ids = tuple[int, int]
"""The same as numbers of the tables `checks` and `locations`."""
Expiry = tuple[int, int]
"""A tick, and when the certificate served then expires; UTC microseconds since 1970."""

PG_EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01 in UTC microseconds since 1970: PostgreSQL counts from there (its timestamp.h)."""
_PG_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)
HOUR_US: Final = 3_600_000_000

# A timestamptz travels as an int8 of microseconds since 2000, so psycopg may take it for one.
TYPES: Final = (
    "int8", "int4", "int4", "int4", "int4", "int4", "int4", "int4", "int4", "int4", "int4", "int2", "int2",
    "int2", "int2", "int2", "int2", "int2", "text", "text",
)  # fmt: skip
"""Types of a row's columns, in the order of results_copy.sql."""
TICK, CHECK, TOTAL, LOCATION, STATUS, ATTEMPTS, FLAGS = 0, 1, 3, 11, 12, 13, 14
FAILURE, VALUE, ERROR = 16, 18, 19
"""Positions in a row."""
tick_of_check: Final = itemgetter(CHECK, LOCATION, TICK)
"""A row's key."""
_TICK_OF: Final = itemgetter(TICK)
_PAIR: Final[Callable[[Result], Pair]] = attrgetter("check", "location")
_SCHEDULED_AT_US: Final[Callable[[Result], int]] = attrgetter("scheduled_at_us")
LAST_VERDICT: Final = STATUSES.index("down")
"""Numbers up to this one are verdicts, those above say nothing of the target."""

_STATUS: Final = {name: number for number, name in enumerate(STATUSES)}
_FAILURE: Final[dict[str | None, int]] = {name: number for number, name in enumerate(FAILURE_KINDS)}
_PHASE: Final[dict[str | None, int]] = {name: number for number, name in enumerate(PHASES)}
_LAG, _KERNEL, _RUSTLS, _REUSED, _ONCE = map(
    int, (Flag.LAG, Flag.KERNEL_CLOCK, Flag.RUSTLS, Flag.REUSED, Flag.ONCE)
)


def encode(results: Sequence[Result], ids: Mapping[Pair, Ids]) -> list[Row]:
    """One row a result, in order. Raises KeyError for a check or location without a number."""
    status, failure, phase = _STATUS, _FAILURE.get, _PHASE.get
    rows: list[Row] = []
    append = rows.append
    for r in results:
        check_id, location_id = ids[r.check, r.location]
        append((
            r.scheduled_at_us - PG_EPOCH_US, check_id, r.start_delay_us, r.total_us, r.resolve_us,
            r.connect_us, r.tls_us, r.processing_us, r.transfer_us, r.size_bytes, r.sla_ms, location_id,
            status[r.status], None if r.attempts == 1 else r.attempts,
            (r.clock == "kernel" and _KERNEL) | (r.tls_engine == "rustls" and _RUSTLS)
            | (r.reused and _REUSED) | (r.lagged and _LAG) | (r.origin == "once" and _ONCE),
            r.status_code, failure(r.failure), phase(r.phase), r.value, r.error,
        ))  # fmt: skip
    return rows


def pairs(results: Iterable[Result]) -> set[Pair]:
    """Checks and locations of these."""
    return set(map(_PAIR, results))


def ticks_us(results: Iterable[Result]) -> set[int]:
    """When these were due."""
    return set(map(_SCHEDULED_AT_US, results))


def hours(rows: Sequence[Row]) -> set[int]:
    """In which they lie, counted from 2000."""
    # Most rows share their tick with others.
    return {tick // HOUR_US for tick in set(map(_TICK_OF, rows))}


def note_certificates(
    newest: dict[Ids, Expiry], results: Iterable[Result], ids: Mapping[Pair, Ids]
) -> None:  # fmt: skip
    """Put into `newest` what each check and location has served last, as far as these results tell it."""
    for result in results:
        if result.certificate_expires_at_us is not None:
            pair = ids[result.check, result.location]
            seen = (result.scheduled_at_us, result.certificate_expires_at_us)
            newest[pair] = max(seen, newest.get(pair, seen))


def first_of_each_tick(rows: Sequence[Row]) -> list[int]:
    """Indexes of the rows that count where several are of one tick: the first verdict, else the first."""
    keys: list[tuple[int, int, int]] = list(map(tick_of_check, rows))
    if len(set(keys)) == len(keys):
        return list(range(len(keys)))
    chosen: dict[tuple[int, int, int], int] = {}
    for index, (key, row) in enumerate(zip(keys, rows, strict=True)):
        other = chosen.setdefault(key, index)
        if other != index and rows[other][STATUS] > LAST_VERDICT >= row[STATUS]:
            chosen[key] = index
    return sorted(chosen.values())


def instant(pg_us: int) -> datetime:
    """The UTC datetime of PostgreSQL's microseconds."""
    return _PG_EPOCH + timedelta(microseconds=pg_us)


def instant_of_unix(unix_us: int) -> datetime:
    """The UTC datetime of microseconds since 1970."""
    return instant(unix_us - PG_EPOCH_US)


def pg_us(moment: datetime) -> int:
    """PostgreSQL's microseconds of an aware datetime."""
    return (moment - _PG_EPOCH) // _US


def unix_us(moment: datetime) -> int:
    """UTC microseconds since 1970 of an aware datetime."""
    return pg_us(moment) + PG_EPOCH_US


def unix_us_or_none(moment: datetime | None) -> int | None:
    """The same, where there may be none."""
    return None if moment is None else unix_us(moment)
