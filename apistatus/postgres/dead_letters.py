"""Dead letters in PostgreSQL: put aside with a batch; found, forwarded, replayed and given up later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any, Final

import psycopg

from apistatus.errors import IncompatibleSchema
from apistatus.model.letters import Letter, Selection, replays_so_far
from apistatus.ports import DeadLetter
from apistatus.postgres import connect, rows, schema_state, sql_states
from apistatus.postgres.connect import Connection
from apistatus.postgres.refusals import DatabaseMissing
from apistatus.postgres.statements import statement
from apistatus.settings.schema import PostgresSettings

_FORWARDED_AT_ONCE: Final = 100
_LOCKED_BYTES: Final = 8 * 2**20
"""Of letters that are in memory at once, the last one not counted."""
_ALL_STATES: Final = ("open", "replayed", "discarded")
_BEFORE_HEADERS: Final = 12
"""Columns of letters_find.sql before the names and values of the headers."""


def add(connection: Connection, origin: Mapping[str, str], letters: Sequence[DeadLetter]) -> None:
    """Put these aside in the transaction of their batch; what is there already stays. `origin`: cluster_id,
    topic, topic_id."""
    if letters:
        with connection.cursor() as cursor:
            cursor.executemany(
                statement("dead_letter_add"), [{**origin, **_columns(letter)} for letter in letters]
            )


class DeadLetterBox:
    """The dead letters of one database. Every method raises PostgresUnavailable and AccessRefused."""

    def __init__(self, settings: PostgresSettings) -> None:
        self._settings = settings

    @contextmanager
    def session(self) -> Iterator[BoxSession]:
        """A connection for one piece of work. Also raises IncompatibleSchema."""
        try:
            connection = connect.connect(self._settings)
        except DatabaseMissing as error:
            raise IncompatibleSchema(str(error)) from error
        with closing(connection):
            try:
                connection.execute(statement("session_limits"))
                schema_state.require_fit(connection, self._settings.database)
                yield BoxSession(connection)
            except psycopg.Error as error:
                sql_states.raise_as_ours(error, connect.where(self._settings))


class ForwardingBox:
    """`ports.Outbox`: what the dead letter topic of one topic shall have. A connection for each call."""

    def __init__(self, settings: PostgresSettings, *, topic: str) -> None:
        self._box = DeadLetterBox(settings)
        self._waiting = Selection(topic=topic, states=("open", "replayed"), unforwarded=True)

    def forward(self, send: Callable[[Sequence[Letter]], list[str | None]]) -> int:
        """See `ports.Outbox`. 100 at a time."""
        with self._box.session() as session, session.locked(self._waiting, _FORWARDED_AT_ONCE) as letters:
            if letters:
                answers = dict(zip((letter.id for letter in letters), send(letters), strict=True))
                impossible = {number: why for number, why in answers.items() if why is not None}
                session.mark_forwarded([number for number in answers if number not in impossible], impossible)
            return len(letters)


class BoxSession:
    """What can be done with them, on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(
        self, selection: Selection, limit: int | None = None, *, newest_first: bool = False
    ) -> list[Letter]:
        """Those that are meant, the oldest first unless told otherwise."""
        parameters = {**_chosen(selection), "limit": limit, "newest_first": newest_first}
        found = self._connection.execute(statement("letters_find"), parameters).fetchall()
        return [_letter(row) for row in found]

    def count(self, selection: Selection) -> int:
        """How many are meant."""
        row = self._connection.execute(statement("letters_count"), _chosen(selection)).fetchone()
        return row[0] if row else 0

    def ids(self, selection: Selection, limit: int | None = None) -> list[int]:
        """Numbers of those that are meant, the oldest first."""
        parameters = {**_chosen(selection), "limit": limit}
        return [row[0] for row in self._connection.execute(statement("letters_ids"), parameters)]

    @contextmanager
    def locked(self, selection: Selection, limit: int) -> Iterator[list[Letter]]:
        """The oldest that are meant and nobody works on, ours until the end of the block; fewer when large.

        What is marked in the block counts when it ends well. It may wait for 60 seconds at the most.
        """
        with self._connection.transaction():
            self._connection.execute(statement("letters_patience"))
            room_bytes = _LOCKED_BYTES
            ids: list[int] = []
            parameters = {**_chosen(selection), "limit": limit}
            for number, size_bytes in self._connection.execute(statement("letters_lock"), parameters):
                if ids and size_bytes > room_bytes:
                    break
                ids.append(number)
                room_bytes -= size_bytes
            yield self.find(Selection(ids=tuple(ids), states=_ALL_STATES)) if ids else []

    def mark_forwarded(self, ids: Sequence[int], impossible: Mapping[int, str]) -> None:
        """The dead letter topic has those `ids`, and can never take the others, for the reason given."""
        if ids:
            self._connection.execute(statement("letters_forwarded"), (list(ids),))
        for number, reason in impossible.items():
            self._connection.execute(
                statement("letter_unforwardable"), {"id": number, "reason": _storable(reason)}
            )

    def mark_replayed(self, ids: Sequence[int]) -> None:
        """These were sent to their own topic once more; the count of bad messages begins anew."""
        self._connection.execute(statement("letters_replayed"), (list(ids),))
        self._connection.execute(statement("recent_forget"))

    def discard(self, selection: Selection, limit: int | None = None) -> int:
        """Give up those that are meant; how many. The count of bad messages begins anew."""
        with self._connection.transaction():
            self._connection.execute(statement("letters_patience"))
            done = self._connection.execute(
                statement("letters_discard"), {**_chosen(selection), "limit": limit}
            )
            if done.rowcount:
                self._connection.execute(statement("recent_forget"))
            return done.rowcount


def _chosen(selection: Selection) -> dict[str, Any]:
    first, last = selection.offsets or (None, None)
    return {
        "ids": list(selection.ids) or None, "reasons": list(selection.reasons) or None,
        "partition": selection.partition, "first_offset": first, "last_offset": last, "since": selection.since,
        "topic": selection.topic, "cluster_id": selection.cluster_id, "states": list(selection.states),
        "unforwarded": selection.unforwarded,
    }  # fmt: skip


def _letter(row: Sequence[Any]) -> Letter:
    names, values, *fate = row[_BEFORE_HEADERS:]
    fields = (*row[:_BEFORE_HEADERS], tuple(zip(names, values, strict=True)), *fate)
    return Letter(*fields)


def _columns(letter: DeadLetter) -> dict[str, object]:
    return {
        "partition": letter.partition, "offset": letter.offset, "message_at": _moment(letter.timestamp_ms),
        "reason": _storable(letter.reason), "message": _storable(letter.message), "key": letter.key,
        "value": letter.value, "header_names": [_storable(name) for name, _ in letter.headers],
        "header_values": [value for _, value in letter.headers],
        "attempts": replays_so_far(letter.headers),
    }  # fmt: skip


def _moment(timestamp_ms: int | None) -> datetime | None:
    """None also for what no calendar holds: a producer may write any number there."""
    try:
        return None if timestamp_ms is None else rows.instant_of_unix(timestamp_ms * 1000)
    except OverflowError:
        return None


def _storable(text: str) -> str:
    """What PostgreSQL's text cannot hold, replaced: U+0000 and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
