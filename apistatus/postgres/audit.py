"""What an audit reads of the database: one snapshot, in one transaction that can write nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from apistatus.model.evidence import (
    Copies,
    InForce,
    LetterCount,
    Lost,
    Run,
    Span,
    StateDifference,
    StoredOffset,
    Strays,
    Tally,
)
from apistatus.postgres.connect import Connection
from apistatus.postgres.one_instant import Instant, at_one_instant
from apistatus.postgres.rows import Ids, instant_of_unix, unix_us
from apistatus.settings.schema import PostgresSettings

_DAY_US: Final = 86_400_000_000


@contextmanager
def snapshot(settings: PostgresSettings) -> Iterator[Snapshot]:
    """The database as it is at one instant, until the end of the block.

    Raises PostgresUnavailable, AccessRefused, IncompatibleSchema, also from within the block.
    """
    with at_one_instant(settings) as connection:
        yield Snapshot(connection)


class Snapshot(Instant):
    """What an audit asks of it."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, "audit_begin")
        kept_from = self._rows("audit_kept_from")[0][0]
        self.kept_from_us: int | None = None if kept_from is None else unix_us(kept_from)
        """Rows of ticks before it are no longer kept; None: there is no partition at all."""

    def tallies(
        self, spans: Sequence[Span], from_us: int, to_us: int, only: Collection[int] | None
    ) -> list[Tally]:
        """Rows by span, and by check and location those in no span; `only`: of these checks."""
        parameters = {**_of_spans(spans), **_limits(from_us, to_us, only)}
        return [
            Tally((check_id, location_id), number, *counts)
            for check_id, location_id, number, *counts in self._rows("audit_tallies", parameters)
        ]

    def copies(self, from_us: int, to_us: int, only: Collection[int] | None) -> list[Copies]:
        """Ticks with more than one row, which the primary key forbids: counted, not believed."""
        found = []
        # A day at a time: a tick's rows are of one day, and the sum of a quarter need not be kept at once.
        for begin_us in range(from_us, to_us, _DAY_US):
            limits = _limits(begin_us, min(to_us, begin_us + _DAY_US), only)
            found += [
                Copies((check_id, location_id), unix_us(at), count)
                for check_id, location_id, at, count in self._rows("audit_copies", limits)
            ]
        return found

    def runs(self, spans: Sequence[Span], from_us: int, to_us: int) -> list[Run]:
        """The ticks of these spans that have no row."""
        if not spans:
            return []
        parameters = {**_of_spans(spans), **_limits(from_us, to_us, None)}
        return [Run(*row) for row in self._rows("audit_holes", parameters)]

    def strays(
        self, pairs: Collection[Ids], spans: Sequence[Span], formulas: Sequence[InForce],
        *, from_us: int, to_us: int,
    ) -> list[Strays]:  # fmt: skip
        """Rows of these checks and locations at no tick of the definition in force.

        `formulas` are the definitions, of whatever time, whose ticks they may be.
        """
        if not pairs:
            return []
        parameters = {
            **_of_spans(spans), **_limits(from_us, to_us, None),
            "stray_checks": [check for check, _ in pairs], "stray_locations": [place for _, place in pairs],
            "formula_checks": [formula.ids[0] for formula in formulas],
            "formula_locations": [formula.ids[1] for formula in formulas],
            "tick_at": [instant_of_unix(formula.tick_at_or_after(from_us)) for formula in formulas],
            "formula_interval_us": [formula.interval_us for formula in formulas],
        }  # fmt: skip
        return [
            Strays((check_id, location_id), of_another, count, unix_us(first_at), unix_us(last_at))
            for check_id, location_id, of_another, count, first_at, last_at
            in self._rows("audit_strays", parameters)
        ]  # fmt: skip

    def states(
        self, from_us: int, only: Collection[int] | None
    ) -> tuple[frozenset[Ids], list[StateDifference]]:
        """Which states there are, and where one is not the fold of its rows.

        The verdicts of a run of equal ones are looked through from `from_us` on.
        """
        parameters = {
            **_limits(from_us, from_us, only), "kept_at": instant_of_unix(self.kept_from_us or 0)
        }  # fmt: skip
        rows = self._rows("audit_states", parameters)
        differences = [found for row in rows for found in self._compared(row)]
        return frozenset((row[0], row[1]) for row in rows), differences

    def offsets(self) -> list[StoredOffset]:
        """How far each partition is stored."""
        return [StoredOffset(*row) for row in self._rows("audit_offsets")]

    def lost(self, from_us: int) -> list[Lost]:
        """Messages that Kafka deleted before they were stored, as noticed from this instant on."""
        limits = {"begin_at": instant_of_unix(from_us)}
        return [
            Lost(topic, partition, from_offset, until_offset, unix_us(found_at))
            for topic, partition, from_offset, until_offset, found_at in self._rows("audit_lost", limits)
        ]

    def letter_counts(self, from_us: int) -> list[LetterCount]:
        """Dead letters put aside from this instant on, by reason."""
        return [
            LetterCount(*row) for row in self._rows("audit_letters", {"begin_at": instant_of_unix(from_us)})
        ]

    def letter_values(self, from_us: int) -> list[bytes]:
        """The values of those that may be a result of ours, as they came."""
        limits = {"begin_at": instant_of_unix(from_us)}
        return [value for (value,) in self._rows("audit_letter_values", limits)]

    def _compared(self, row: tuple[Any, ...]) -> Iterator[StateDifference]:
        ids, texts = (row[0], row[1]), row[2:8]
        kept_at = instant_of_unix(self.kept_from_us or 0)
        verdict_at, folded_verdict_at = row[4], row[5]
        if row[2] < kept_at and row[3] is None:
            return  # every row of it is of the time that is no longer kept
        verdict_is_gone = verdict_at is not None and verdict_at < kept_at and folded_verdict_at is None
        for column, stored, folded in zip(_INSTANTS, texts[::2], texts[1::2], strict=True):
            gone = stored is not None and stored < kept_at and column != "seen_at"
            if stored != folded and not (gone or (verdict_is_gone and column == "verdict_at")):
                yield StateDifference(ids, column, _text(stored), _text(folded))
        if verdict_is_gone:
            return
        for column, stored, folded in zip(_FACTS, row[8:14:2], row[9:14:2], strict=True):
            if stored != folded:
                yield StateDifference(ids, column, _text(stored), _text(folded))
        for column, equal in zip(("value", "error"), row[14:16], strict=True):
            if not equal:
                yield StateDifference(ids, column, None, None)
        since_at, since_fits = row[16:]
        if since_at is None or folded_verdict_at is None:
            since_fits = since_at is None and folded_verdict_at is None
        if not since_fits:
            yield StateDifference(ids, "since_at", _text(since_at), None)


_INSTANTS: Final = ("seen_at", "verdict_at", "unknown_since_at")
_FACTS: Final = ("status", "failure", "total_us")
"""Columns of a state, in the order of audit_states.sql: each stored and folded."""


def _of_spans(spans: Sequence[Span]) -> dict[str, list[Any]]:
    return {
        "numbers": [span.number for span in spans],
        "checks": [span.definition.ids[0] for span in spans],
        "locations": [span.definition.ids[1] for span in spans],
        "from_at": [instant_of_unix(span.from_us) for span in spans],
        "until_at": [instant_of_unix(span.until_us) for span in spans],
        "end_at": [instant_of_unix(span.end_us) for span in spans],
        "first_at": [instant_of_unix(span.first_us) for span in spans],
        "interval_us": [span.definition.interval_us for span in spans],
        "ticks": [span.ticks for span in spans],
        "announced": [span.definition.announced for span in spans],
    }


def _limits(from_us: int, to_us: int, only: Collection[int] | None) -> dict[str, Any]:
    return {
        "begin_at": instant_of_unix(from_us),
        "to_at": instant_of_unix(to_us),
        "only": None if only is None else sorted(only),
    }


def _text(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return None if value is None else str(value)
