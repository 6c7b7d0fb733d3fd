"""`apistatus audit`, put together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apistatus.errors import ConfigurationError, Problem
from apistatus.wiring.loading import Environ, Flags, settings_for

if TYPE_CHECKING:
    from apistatus.audit.report import Evidence, Names, Report, Scope
    from apistatus.model.evidence import InForce, StoredOffset, TopicEnds
    from apistatus.postgres.audit import Snapshot
    from apistatus.settings.schema import KafkaSettings, Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants audited. Instants as they were written."""

    from_text: str
    to_text: str
    checks: tuple[str, ...]
    """Ids of checks; none: all."""
    with_kafka: bool


def run(environ: Environ, flags: Flags, asked: Asked, within_s: float) -> Report:
    """The audit; waits `within_s` seconds for each service at the most and writes nothing.

    Raises ConfigurationError, PostgresUnavailable, KafkaUnavailable, AccessRefused, IncompatibleSchema.
    """
    from apistatus.audit.instants import span_us
    from apistatus.postgres.audit import snapshot
    from apistatus.runtime.clock import SystemClock
    from apistatus.runtime.logs import Events
    from apistatus.runtime.retrying import until_it_answers
    from apistatus.runtime.stopping import Stop

    needs = ("postgres", "kafka") if asked.with_kafka else ("postgres",)
    settings = settings_for(environ, flags, *needs).settings
    # What nobody could read is told at once, and not after a wait for the database (and its clock).
    span_us(asked.from_text, asked.to_text, SystemClock().wall_us())

    def work() -> Report:
        with snapshot(settings.app) as database:
            return _audit(database, settings, asked, within_s)

    # Nothing has to be put in order after a signal: it ends the command where it stands.
    return until_it_answers(work, what="audit", log=Events("audit"), stop=Stop(), timeout_s=within_s)


def _audit(database: Snapshot, settings: Settings, asked: Asked, within_s: float) -> Report:
    from apistatus.audit import offsets, report, spans
    from apistatus.audit.instants import span_us

    from_us, to_us = span_us(asked.from_text, asked.to_text, database.now_us)
    definitions = database.definitions()
    chosen = _chosen(definitions, asked.checks)
    stored = database.offsets()
    # Asked after the snapshot was taken: an offset of the snapshot is never above an honest topic's end.
    topic = _topic(settings.kafka, stored, within_s) if asked.with_kafka else None
    kept_us = database.kept_from_us
    too_old = kept_us is not None and any(_reaches(found, from_us, kept_us) for found in chosen)
    begin_us = max(from_us, kept_us) if too_old and kept_us is not None else from_us
    scope = report.Scope(
        database=f"{settings.app.database} at {settings.app.host}:{settings.app.port}",
        topic=topic.topic if topic else None, from_us=min(begin_us, to_us), to_us=to_us, now_us=database.now_us,
        settled_us=offsets.settled_us(database.now_us, topic), kept_from_us=kept_us if too_old else None,
    )  # fmt: skip
    planned = spans.spans(chosen, scope.from_us, scope.to_us, scope.settled_us)
    evidence = report.Evidence(spans=planned, partitions=offsets.held_against(stored, topic))
    only = {found.ids[0] for found in chosen} if asked.checks else None
    names = report.Names.of(definitions)
    return _gathered(database, scope, evidence, only, names=names, chosen=chosen)


def _gathered(
    database: Snapshot, scope: Scope, evidence: Evidence, only: Collection[int] | None,
    *, names: Names, chosen: list[InForce],
) -> Report:  # fmt: skip
    from apistatus.audit import report

    limits = (scope.from_us, scope.to_us)
    evidence.tallies = database.tallies(evidence.spans, *limits, only)
    evidence.copies = database.copies(*limits, only)
    short = report.short(evidence.spans, evidence.tallies, all_of_them=bool(evidence.copies))
    evidence.runs = database.runs(short, *limits)
    if evidence.runs:
        evidence.gaps = database.gaps(*limits)
        evidence.letter_values = database.letter_values(scope.from_us)
    straying = report.straying(evidence.spans, evidence.tallies)
    evidence.strays = database.strays(
        straying, evidence.spans, chosen, from_us=scope.from_us, to_us=scope.to_us
    )
    evidence.states, evidence.state_differences = database.states(scope.from_us, only)
    evidence.lost = database.lost(scope.from_us)
    evidence.letters = database.letter_counts(scope.from_us)
    return report.make(scope, evidence, names)


def _chosen(definitions: list[InForce], checks: tuple[str, ...]) -> list[InForce]:
    from apistatus.settings.quantities import nearest

    known = sorted({definition.check for definition in definitions})
    unknown = [check for check in checks if check not in known]
    if unknown:
        raise ConfigurationError(
            [
                Problem("--check", f"no check with id {check!r} is stored{nearest(check, known)}")
                for check in unknown
            ]
        )
    return [found for found in definitions if not checks or found.check in checks]


def _reaches(definition: InForce, from_us: int, kept_us: int) -> bool:
    """Whether it was in force in the part of the time whose rows are no longer kept."""
    begin_us = max(from_us, definition.from_us)
    return begin_us < min(kept_us, kept_us if definition.until_us is None else definition.until_us)


def _topic(settings: KafkaSettings, stored: list[StoredOffset], within_s: float) -> TopicEnds:
    from apistatus.kafka.ends import topic_ends
    from apistatus.kafka.topics import TIMEOUT_S

    offsets = {
        at.partition: at.next_offset
        for at in stored
        if at.topic == settings.topic and at.next_offset is not None
    }
    return topic_ends(settings, offsets, min(TIMEOUT_S, within_s))
