"""`apistatus report`, put together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apistatus.errors import ConfigurationError, Problem
from apistatus.wiring.loading import Environ, Flags, settings_for

if TYPE_CHECKING:
    from apistatus.model.evidence import Ids, InForce
    from apistatus.postgres.reads import Reads
    from apistatus.report.counts import Counts
    from apistatus.report.incidents import Change
    from apistatus.report.model import Report, Scope
    from apistatus.report.plan import Known, Span

_FINE_US = 3 * 86_400_000_000
"""Up to so long a time is shown by the hour."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants a report on. Instants as they were written."""

    from_text: str | None = None
    to_text: str | None = None
    month: str | None = None
    checks: tuple[str, ...] = ()
    """Ids or names; none: all."""
    groups: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    objective: float | None = None


def run(environ: Environ, flags: Flags, asked: Asked, within_s: float) -> Report:
    """The report; waits `within_s` seconds for PostgreSQL at the most and writes nothing.

    Raises ConfigurationError, PostgresUnavailable, AccessRefused, IncompatibleSchema.
    """
    from apistatus.postgres.reads import snapshot
    from apistatus.runtime.clock import SystemClock
    from apistatus.runtime.logs import Events
    from apistatus.runtime.retrying import until_it_answers
    from apistatus.runtime.stopping import Stop

    settings = settings_for(environ, flags, "postgres").settings
    # What nobody could read is told at once, and not after a wait for the database (and its clock).
    _scope(asked, SystemClock().wall_us())

    def work() -> Report:
        with snapshot(settings.app) as database:
            return made(database, asked)

    # Nothing has to be put in order after a signal: it ends the command where it stands.
    return until_it_answers(work, what="report", log=Events("report"), stop=Stop(), timeout_s=within_s)


def made(database: Reads, asked: Asked) -> Report:
    """The report out of one snapshot."""
    from apistatus.report import model, plan

    scope = _scope(asked, database.now_us)
    known = {number: plan.Known(*about) for number, about in database.checks().items()}
    chosen = _chosen(known, asked)
    definitions = [each for each in database.definitions() if each.ids[0] in chosen]
    spans = plan.spans(definitions, scope)
    read = plan.Read(list(_results(database, spans, scope)), _changes(database, chosen, scope))
    lines = plan.lines(scope, spans, read, known, database.locations(), removed_us=_removed(definitions))
    return model.make(scope, lines)


def _results(
    database: Reads, spans: Sequence[Span], scope: Scope
) -> Iterator[tuple[int, int, Counts]]:  # fmt: skip
    from apistatus.postgres.reads import Part
    from apistatus.report.counts import Counts
    from apistatus.report.pieces import Kind, Piece, Stored, pieces

    stored = Stored(database.open_hours, database.open_days, database.kept_from_us)
    divided: dict[tuple[int, int], list[Piece]] = {}
    parts: defaultdict[Kind, list[Part]] = defaultdict(list)
    for number, span in enumerate(spans):
        time = (span.from_us, span.to_us)
        if time not in divided:  # most checks share it
            divided[time] = pieces(*time, scope.step, stored)
        for piece in divided[time]:
            parts[piece.kind].append(Part(number, span.ids, piece.from_us, piece.to_us))
    for kind, listed in parts.items():
        for number, begins_us, sums in database.results(kind, listed, scope.step):
            yield number, begins_us, Counts(*sums)


def _changes(database: Reads, chosen: Sequence[int], scope: Scope) -> dict[Ids, list[Change]]:
    from apistatus.report.incidents import Change

    found: defaultdict[Ids, list[Change]] = defaultdict(list)
    for row in database.changes(scope.from_us, scope.to_us, chosen):
        found[row.ids].append(
            Change(row.at_us, row.status, row.failure, row.status_code, row.total_us, row.error)
        )
    return found


def _removed(definitions: Sequence[InForce]) -> dict[Ids, int]:
    """When a check was taken out, of those that are not in the file any more."""
    last: dict[Ids, int | None] = {}
    for definition in definitions:
        last[definition.ids] = definition.until_us
    return {ids: until_us for ids, until_us in last.items() if until_us is not None}


def _scope(asked: Asked, now_us: int) -> Scope:
    from apistatus.audit.instants import span_us
    from apistatus.report.model import Scope

    if asked.month is not None:
        if asked.from_text is not None or asked.to_text is not None:
            raise ConfigurationError([Problem("--month", "goes without --from and --to")])
        from_us, to_us = _month(asked.month)
        if from_us >= now_us:
            raise ConfigurationError([Problem("--month", f"{asked.month} has not begun yet")])
        to_us = min(to_us, now_us)
    else:
        from_us, to_us = span_us(asked.from_text or "-30d", asked.to_text or "now", now_us)
    step = "hour" if to_us - from_us <= _FINE_US else "day"
    return Scope(from_us, to_us, now_us, "hour" if step == "hour" else "day", asked.objective)


def _month(text: str) -> tuple[int, int]:
    try:
        begins = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        following = begins.replace(year=begins.year + begins.month // 12, month=begins.month % 12 + 1)
    except ValueError:
        raise ConfigurationError([Problem("--month", f"{text!r} is no month; write 2026-10")]) from None
    return int(begins.timestamp()) * 1_000_000, int(following.timestamp()) * 1_000_000


def _chosen(known: dict[int, Known], asked: Asked) -> list[int]:
    from apistatus.settings.quantities import nearest

    problems = []
    for what, option, wanted, there in (
        ("check", "--check", asked.checks,
         [text for about in known.values() for text in (about.check, about.name)]),
        ("group", "--group", asked.groups, [about.group for about in known.values() if about.group]),
        ("label", "--label", tuple(f"{key}={value}" for key, value in asked.labels.items()),
         [f"{key}={value}" for about in known.values() for key, value in about.labels.items()]),
    ):  # fmt: skip
        problems += [
            Problem(option, f"no {what} {text!r} is stored{nearest(text, there)}")
            for text in wanted
            if text not in there
        ]
    if problems:
        raise ConfigurationError(problems)
    return [
        number
        for number, about in known.items()
        if (not asked.checks or about.check in asked.checks or about.name in asked.checks)
        and (not asked.groups or about.group in asked.groups)
        and all(about.labels.get(key) == value for key, value in asked.labels.items())
    ]
