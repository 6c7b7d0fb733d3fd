"""Checks and locations as the small numbers that rows hold, and the history of their definitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from apistatus.model.definition import CheckDefined, Definition, Gap
from apistatus.model.result import Result
from apistatus.postgres import versions
from apistatus.postgres.connect import Connection
from apistatus.postgres.rows import Ids, Pair, instant_of_unix, pairs, unix_us, unix_us_or_none
from apistatus.postgres.statements import statement
from apistatus.postgres.versions import Facts, Version


class Registry:
    """Numbers learnt so far. They belong to one database: after a new connection, begin with a new one."""

    def __init__(self) -> None:
        self._ids: dict[Pair, Ids] = {}
        self._checks: dict[str, int] = {}
        self._locations: dict[str, int] = {}

    @property
    def ids(self) -> Mapping[Pair, Ids]:
        """Numbers by check and location."""
        return self._ids

    def knows(self, messages: Iterable[Result | Definition | Gap]) -> bool:
        """Whether the checks and locations of all of these have their numbers here."""
        return all((message.check, message.location) in self._ids for message in messages)

    def learn(
        self, connection: Connection, results: Sequence[Result], definitions: Sequence[Definition],
        gaps: Sequence[Gap] = (),
    ) -> None:  # fmt: skip
        """Give every check and location of these a number, outside the batch's transaction: a number
        outlives a batch that fails, and no consumer waits for another's batch."""
        told: dict[Pair, Result | CheckDefined] = {}
        if pairs(results) - self._ids.keys():
            for result in results:
                told.setdefault((result.check, result.location), result)
        announced, removed = set(), {(gap.check, gap.location) for gap in gaps}
        for definition in definitions:
            pair = (definition.check, definition.location)
            if isinstance(definition, CheckDefined):
                announced.add(pair)
                told[pair] = definition
            else:
                removed.add(pair)
        self._look_up(connection, removed - told.keys() - self._ids.keys())
        new = {pair: source for pair, source in told.items() if pair not in self._ids}
        if not new:
            return
        self._learn_locations(connection, {location for _, location in new})
        self._learn_checks(connection, new)
        found = {pair: (self._checks[pair[0]], self._locations[pair[1]]) for pair in new}
        self._infer(
            connection, {pair: source for pair, source in new.items() if pair not in announced}, found
        )
        self._ids |= found

    def _look_up(self, connection: Connection, pairs: set[Pair]) -> None:
        """Learn the numbers of pairs that have some, and give none to the others."""
        if pairs:
            checks = self._read_checks(connection, {check for check, _ in pairs})
            locations = self._read_locations(connection, {location for _, location in pairs})
            self._ids |= {
                pair: (checks[pair[0]], locations[pair[1]])
                for pair in pairs
                if pair[0] in checks and pair[1] in locations
            }

    def _learn_locations(self, connection: Connection, names: set[str]) -> None:
        missing = sorted(names - self._locations.keys())
        if missing:
            connection.execute(statement("locations_add"), (missing,))
            self._locations |= self._read_locations(connection, missing)

    def _learn_checks(self, connection: Connection, new: Mapping[Pair, Result | CheckDefined]) -> None:
        sources = {check: source for (check, _), source in new.items() if check not in self._checks}
        if not sources:
            return
        self._checks |= self._read_checks(connection, sources)
        unknown = sorted(sources.keys() - self._checks.keys())
        if unknown:
            facts = [
                {"check": check, "from_at": _from_at(sources[check]), **_facts(Facts.of(sources[check]))}
                for check in unknown
            ]
            connection.execute(statement("checks_add"), _columns(facts))
            self._checks |= self._read_checks(connection, unknown)

    @staticmethod
    def _read_locations(connection: Connection, names: Iterable[str]) -> dict[str, int]:
        return dict(connection.execute(statement("locations_read"), (list(names),)).fetchall())

    @staticmethod
    def _read_checks(connection: Connection, checks: Iterable[str]) -> dict[str, int]:
        return dict(connection.execute(statement("checks_read"), (list(checks),)).fetchall())

    @staticmethod
    def _infer(
        connection: Connection, new: Mapping[Pair, Result | CheckDefined], ids: Mapping[Pair, Ids]
    ) -> None:
        """Note what is known from results alone, for checks that no producer has announced."""
        wanted = [ids[pair] for pair in new]
        known = set(connection.execute(statement("versions_known"), _pairs(wanted)).fetchall())
        missing = sorted((ids[pair], source) for pair, source in new.items() if ids[pair] not in known)
        if missing:
            facts = [
                {**_key(pair), "from_at": _from_at(source), "producer": source.producer,
                 **_facts(Facts.of(source))}
                for pair, source in missing
            ]  # fmt: skip
            connection.execute(statement("versions_infer"), _columns(facts))

    def define(self, connection: Connection, definitions: Sequence[Definition]) -> None:
        """Bring the history of definitions up to date, in the batch's transaction."""
        by_ids: defaultdict[Ids, list[Definition]] = defaultdict(list)
        for definition in definitions:
            ids = self._ids.get((definition.check, definition.location))
            # A check may be removed that nobody has seen: then there is nothing to end.
            if ids is not None:
                by_ids[ids].append(definition)
        if not by_ids:
            return
        before = _read_versions(connection, by_ids)
        after = {ids: versions.revise(before[ids], by_ids[ids]) for ids in sorted(by_ids)}
        _write_versions(connection, before, {ids: kept for ids, kept in after.items() if kept != before[ids]})

    def note_gaps(self, connection: Connection, gaps: Sequence[Gap]) -> None:
        """Record spans in which a check had no producer, in the batch's transaction; again changes nothing.

        Of a check that nobody has announced nothing is expected, so its gap explains nothing.
        """
        known = [(self._ids[pair], gap) for gap in gaps if (pair := (gap.check, gap.location)) in self._ids]
        if known:
            with connection.cursor() as cursor:
                cursor.executemany(
                    statement("gaps_add"),
                    [
                        {**_key(ids), "from_at": instant_of_unix(gap.from_us), "producer": gap.producer,
                         "until_at": instant_of_unix(gap.until_us), "reason": gap.reason}
                        for ids, gap in sorted(known, key=lambda found: (found[0], found[1].from_us))
                    ],
                )  # fmt: skip


def _read_versions(connection: Connection, pairs: Iterable[Ids]) -> defaultdict[Ids, list[Version]]:
    found: defaultdict[Ids, list[Version]] = defaultdict(list)
    for row in connection.execute(statement("versions_read"), _pairs(pairs)).fetchall():
        check_id, location_id, from_at, until_at, announced, producer, *facts = row
        until_us = unix_us_or_none(until_at)
        version = Version(unix_us(from_at), until_us, Facts(*facts), producer, announced)
        found[check_id, location_id].append(version)
    return found


def _write_versions(
    connection: Connection, before: Mapping[Ids, Sequence[Version]], after: Mapping[Ids, Sequence[Version]]
) -> None:
    """Write the differences; all of one kind in one go, because 10,000 definitions come at once."""
    deleted, put, defined = [], [], []
    for ids, versions_now in after.items():
        kept = {version.from_us for version in versions_now}
        deleted += [_row(ids, version) for version in before[ids] if version.from_us not in kept]
        put += [_row(ids, version) for version in versions_now if version not in before[ids]]
        defined += [_row(ids, version) for version in versions_now[-1:]]
    with connection.cursor() as cursor:
        for name, rows in (("versions_delete", deleted), ("versions_put", put), ("checks_define", defined)):
            if rows:
                cursor.executemany(statement(name), rows)


def _row(ids: Ids, version: Version) -> dict[str, Any]:
    return {
        **_key(ids),
        **_facts(version.facts),
        "from_at": instant_of_unix(version.from_us),
        "until_at": None if version.until_us is None else instant_of_unix(version.until_us),
        "producer": version.producer,
        "announced": version.announced,
    }


def _key(ids: Ids) -> dict[str, int]:
    return {"check_id": ids[0], "location_id": ids[1]}


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The rows as one list a column: a thousand new checks come at once, and a statement each takes long."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def _pairs(pairs: Iterable[Ids]) -> dict[str, list[int]]:
    listed = list(pairs)
    return {"check_ids": [pair[0] for pair in listed], "location_ids": [pair[1] for pair in listed]}


def _facts(facts: Facts) -> dict[str, Any]:
    return {
        "name": facts.name, "group": facts.group, "site": facts.site, "endpoint": facts.endpoint,
        "labels": None if facts.labels is None else Jsonb(facts.labels),
        "interval_ms": facts.interval_ms, "sla_ms": facts.sla_ms,
    }  # fmt: skip


def _from_at(source: Result | CheckDefined) -> Any:
    return instant_of_unix(source.from_us if isinstance(source, CheckDefined) else source.scheduled_at_us)
