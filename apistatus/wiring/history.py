"""`apistatus history`, put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from apistatus.errors import ConfigurationError, Problem
from apistatus.wiring.loading import Environ, Flags, settings_for

if TYPE_CHECKING:
    from apistatus.model.evidence import Ids
    from apistatus.postgres.reads import Reads
    from apistatus.report.history import Entry, History, Standing
    from apistatus.report.incidents import Change
    from apistatus.runtime.stopping import Stop
    from apistatus.settings.schema import PostgresSettings

_PERIOD_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose history a person wants."""

    check: str
    """Its id or its name."""
    location: str | None = None
    """None: every location that it has."""
    from_text: str = "-90d"
    limit: int = 20


def run(environ: Environ, flags: Flags, asked: Asked, within_s: float) -> list[History]:
    """The history at each location; waits `within_s` seconds for PostgreSQL at the most, writes nothing.

    Raises ConfigurationError, PostgresUnavailable, AccessRefused, IncompatibleSchema.
    """
    from apistatus.runtime.stopping import Stop

    app = settings_for(environ, flags, "postgres").settings.app
    # Nothing has to be put in order after a signal: it ends the command where it stands.
    return _once(app, asked, Stop(), within_s)


def follow(
    environ: Environ, flags: Flags, asked: Asked, within_s: float
) -> Iterator[list[tuple[Standing, Entry]]]:  # fmt: skip
    """What comes after now, as it comes, oldest first, until a signal; PostgreSQL may go away meanwhile."""
    from apistatus.runtime.retrying import Stopped
    from apistatus.runtime.stopping import Stop, signals

    app = settings_for(environ, flags, "postgres").settings.app
    stop = Stop()
    with signals(stop):
        try:
            seen = _newest(_once(app, asked, stop, within_s))
            while not stop.wait(_PERIOD_S):
                found = _once(app, asked, stop, None)
                news = [
                    (each.standing, entry)
                    for each in found
                    for entry in reversed(each.entries)
                    if entry.from_us > seen.get(each.standing.location, -1)
                ]
                seen |= _newest(found)
                yield news
        except Stopped:
            return


def _newest(found: list[History]) -> dict[str, int]:
    return {each.standing.location: each.entries[0].from_us for each in found if each.entries}


def _once(app: PostgresSettings, asked: Asked, stop: Stop, within_s: float | None) -> list[History]:
    from apistatus.postgres.reads import snapshot
    from apistatus.runtime.clock import SystemClock
    from apistatus.runtime.logs import Events
    from apistatus.runtime.retrying import until_it_answers

    # What nobody could read is told at once, and not after a wait for the database (and its clock).
    _from_us(asked, SystemClock().wall_us())

    def work() -> list[History]:
        with snapshot(app) as database:
            return made(database, asked)

    return until_it_answers(work, what="history", log=Events("history"), stop=stop, timeout_s=within_s)


def _from_us(asked: Asked, now_us: int) -> int:
    from apistatus.audit.instants import instant_us

    try:
        return instant_us(asked.from_text, now_us)
    except ValueError as error:
        raise ConfigurationError([Problem("--from", f"{asked.from_text!r} {error}")]) from error


def made(database: Reads, asked: Asked) -> list[History]:
    """The histories out of one snapshot, a location after the other."""
    from apistatus.report import history

    number, check, name = _chosen(database, asked.check)
    from_us = _from_us(asked, database.now_us)
    places = database.locations()
    removed = _removed(database)
    changes = _changes(database, number, from_us)
    gaps = database.gaps(from_us, database.now_us)
    found = []
    for now in sorted(database.now(number), key=lambda now: places[now.location_id]):
        ids = (number, now.location_id)
        if asked.location not in (None, places[now.location_id]):
            continue
        entries = history.entries(
            changes.get(ids, []), [gap for gap in gaps if gap.ids == ids], removed.get(ids)
        )
        standing = history.Standing(
            check, name, places[now.location_id], database.now_us, now.status, now.since_us, now.verdict_us,
            now.total_us, now.error, now.unknown_since_us, removed.get(ids),
        )  # fmt: skip
        bins = database.half_hours(ids, history.first_bin_us(database.now_us), database.now_us)
        found.append(history.History(standing, entries[: asked.limit], bins))
    if not found:
        there = ", ".join(sorted(places[now.location_id] for now in database.now(number))) or "none yet"
        raise ConfigurationError(
            [Problem("--location", f"{name} has no result of {asked.location or 'anywhere'}; of: {there}")]
        )
    return found


def _chosen(database: Reads, wanted: str) -> tuple[int, str, str]:
    from apistatus.settings.quantities import nearest

    known = database.checks()
    for position in (0, 1):  # an id is meant before a name
        for number, about in known.items():
            if about[position] == wanted:
                return number, about[0], about[1]
    texts = [text for about in known.values() for text in about[:2] if text]
    raise ConfigurationError([Problem("CHECK", f"no check {wanted!r} is stored{nearest(wanted, texts)}")])


def _removed(database: Reads) -> dict[Ids, int]:
    last = {each.ids: each.until_us for each in database.definitions()}
    return {ids: until_us for ids, until_us in last.items() if until_us is not None}


def _changes(database: Reads, number: int, from_us: int) -> dict[Ids, list[Change]]:
    from apistatus.report.incidents import Change

    found: dict[Ids, list[Change]] = {}
    for row in database.changes(from_us, database.now_us + 1, [number]):
        found.setdefault(row.ids, []).append(
            Change(row.at_us, row.status, row.failure, row.status_code, row.total_us, row.error)
        )
    return found
