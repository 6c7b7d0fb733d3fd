"""`ports.ResultSink` on PostgreSQL: one batch, one transaction, fenced by the offsets in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn

import psycopg
from psycopg.pq import TransactionStatus

from apistatus.errors import ApistatusError, BatchRejected, Fenced, IncompatibleSchema, PostgresUnavailable
from apistatus.model.result import Result
from apistatus.ports import Batch, Stored, TopicIdentity
from apistatus.postgres import connect, dead_letters, offsets, road, rows, schema_state, sql_states, state
from apistatus.postgres.connect import Connection
from apistatus.postgres.partitions import DAY_US, Partitions
from apistatus.postgres.refusals import DatabaseMissing
from apistatus.postgres.registry import Registry
from apistatus.postgres.rows import PG_EPOCH_US, Ids, Row
from apistatus.postgres.sql_states import Meaning
from apistatus.postgres.statements import statement
from apistatus.runtime.logs import Events
from apistatus.settings.schema import PostgresSettings

log = Events("postgres")

_STAGED_BATCHES: Final = 20
"""After a duplicate so many batches go through the staging table: duplicates come in crowds (a replay, a
second producer), and a batch that meets one on the direct road is written twice."""
_TRIES: Final = 4
_HOUR_US: Final = 3_600_000_000


class PostgresSink:
    """The consumer's database, by one connection that is made when needed and again after it broke."""

    def __init__(self, settings: PostgresSettings, *, group: str) -> None:
        self._settings = settings
        self._where = connect.where(settings)
        self._claims = offsets.Claims(group)
        self._connection: Connection | None = None
        self._registry = Registry()
        self._partitions = Partitions()
        self._has_tables = False
        self._staged_left = 0

    def check_schema(self) -> None:
        """Raises IncompatibleSchema when the database does not fit this version, or does not exist."""
        try:
            with self._session() as connection:
                schema_state.require_fit(connection, self._settings.database)
        except DatabaseMissing as error:
            raise IncompatibleSchema(str(error)) from error

    def claim(
        self, identity: TopicIdentity, partitions: Collection[int], *, restart: bool = False
    ) -> dict[int, int | None]:
        """Take over these partitions; see ResultSink. Also raises ConfigurationError for a second group."""
        with self._session() as connection:
            return self._claims.claim(connection, identity, partitions, restart=restart)

    def reclaim(self) -> dict[int, int | None]:
        """Take over again what nobody else owns by now; see ResultSink."""
        with self._session() as connection:
            return self._claims.reclaim(connection)

    def recent(self) -> Sequence[int] | None:
        """`Batch.recent` as stored last; see ResultSink."""
        return self._claims.recent

    def skip(self, partition: int, lost: range | None) -> None:
        """Go on behind what is lost; see ResultSink."""
        self._claims.require((partition,))
        with self._session() as connection:
            connection.execute("begin")
            if lost is not None:
                connection.execute(
                    statement("lost_add"),
                    {**self._origin(), "partition": partition, "from_offset": lost.start,
                     "until_offset": lost.stop},
                )  # fmt: skip
            recent = self._claims.recent
            self._advance_and_commit(connection, {partition: lost.stop if lost else None}, recent)

    def store(self, batch: Batch) -> Stored:
        """All of the batch and its offsets, or nothing; see ResultSink."""
        self._claims.require(batch.positions)
        with self._session() as connection:
            if not self._has_tables:
                connection.execute(statement("staging_create"))
                connection.execute(statement("state_create"))
                self._has_tables = True
            try:
                self._registry.learn(connection, batch.results, batch.definitions, batch.gaps)
            except psycopg.Error as error:
                _refuse(error)
            encoded = rows.encode(batch.results, self._registry.ids)
            for _ in range(_TRIES):
                try:
                    self._partitions.ensure(connection, {_day(row) for row in encoded})
                    return self._store_once(connection, batch, encoded)
                except psycopg.errors.UniqueViolation:
                    self._staged_left = _STAGED_BATCHES
                except psycopg.errors.CheckViolation as error:
                    if not sql_states.is_missing_partition(error):
                        _refuse(error)
                    self._partitions.forget()
                except psycopg.Error as error:
                    _refuse(error)
                connection.execute("rollback")
        raise PostgresUnavailable(f"PostgreSQL at {self._where}: a partition of the results does not stay")

    def release(self, partitions: Collection[int]) -> None:
        """Forget our claim on these partitions (no database call)."""
        self._claims.release(partitions)

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _store_once(self, connection: Connection, batch: Batch, encoded: Sequence[Row]) -> Stored:
        connection.execute("begin")
        if self._staged_left:
            self._staged_left -= 1
            written: Sequence[Row] = road.copy_staged(connection, encoded)
        else:
            written = encoded
            road.copy_direct(connection, encoded)
        if written:
            groups = state.group(written)
            certificates = _certificates(batch.results, self._registry)
            state.keep_up(connection, groups, certificates)
            _mark_hours(connection, written, min(batch.positions, default=0))
        self._registry.define(connection, batch.definitions)
        self._registry.note_gaps(connection, batch.gaps)
        dead_letters.add(connection, self._origin(), batch.dead_letters)
        self._advance_and_commit(connection, batch.positions, batch.recent)
        return Stored(len(written), len(encoded) - len(written), len(batch.dead_letters))

    def _advance_and_commit(
        self, connection: Connection, positions: Mapping[int, int | None], recent: Sequence[int] | None
    ) -> None:
        """In one round trip: frozen between the two, we would keep the next owner waiting."""
        query, parameters = self._claims.advance(positions, recent)
        try:
            with connection.pipeline():
                connection.execute(query, parameters)
                connection.execute("commit")
        except psycopg.Error as error:
            if sql_states.meaning(error) is not Meaning.FENCED:
                raise
            fenced = offsets.fenced(error, positions)
            connection.execute("rollback")
            set_back = self._claims.set_back(connection, fenced.partitions)
            raise Fenced(fenced.partitions, set_back) from error
        self._claims.moved(positions)

    def _origin(self) -> dict[str, str]:
        identity = self._claims.identity
        return {
            "cluster_id": identity.cluster_id, "topic": identity.topic, "topic_id": identity.topic_id or "",
        }  # fmt: skip

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        """The connection, for one call. Whatever fails is rolled back, or the connection is given up."""
        connection = self._open()
        try:
            yield connection
        except psycopg.Error as error:
            self._clean_up(connection)
            if isinstance(error, psycopg.errors.LockNotAvailable):
                self._end_stalled()
            sql_states.raise_as_ours(error, self._where)
        except ApistatusError:
            self._clean_up(connection)
            raise
        except BaseException:
            self.close()
            raise

    def _open(self) -> Connection:
        if self._connection is not None and not self._connection.broken and not self._connection.closed:
            return self._connection
        self.close()
        connection = connect.connect(self._settings)
        try:
            connection.execute(statement("session_limits"))
            if connect.is_behind_pooler(connection):
                log.warning("pooler.between", hint="a pooler such as PgBouncer must be in session mode here")
        except psycopg.Error as error:
            connection.close()
            sql_states.raise_as_ours(error, self._where)
        # Numbers and partitions may be others now: the database may have been restored.
        self._registry, self._partitions, self._has_tables = Registry(), Partitions(), False
        self._connection = connection
        return connection

    def _clean_up(self, connection: Connection) -> None:
        if connection.closed or connection.info.transaction_status is TransactionStatus.IDLE:
            return
        try:
            connection.execute("rollback")
        except psycopg.Error:
            self.close()

    def _end_stalled(self) -> None:
        """An open transaction kept us waiting: when it is a former owner's, end it for the next try."""
        if self._connection is None:
            return
        try:
            ended = self._claims.end_stalled(self._connection)
        except psycopg.Error:
            self.close()
            return
        if ended:
            log.warning("owner.ended", sessions=ended, cause="a former owner's transaction stayed open")


def _refuse(error: psycopg.Error) -> NoReturn:
    """Raise BatchRejected when it is the data that PostgreSQL refuses; the error itself otherwise."""
    if sql_states.meaning(error) is Meaning.POISON:
        raise BatchRejected(sql_states.describe(error)) from error
    raise error


def _day(row: Row) -> int:
    tick: int = row[rows.TICK]
    return (tick + PG_EPOCH_US) // DAY_US


def _mark_hours(connection: Connection, written: Sequence[Row], writer: int) -> None:
    hours = {row[rows.TICK] // _HOUR_US for row in written}
    moments = [rows.instant(hour * _HOUR_US) for hour in sorted(hours)]
    connection.execute(statement("hours_mark"), {"hours": moments, "writer": writer})


def _certificates(results: Sequence[Result], registry: Registry) -> dict[Ids, int]:
    """Expiry of the certificate served last, by check and location; UTC microseconds since 1970."""
    newest: dict[Ids, tuple[int, int]] = {}
    for result in results:
        if result.certificate_expires_at_us is not None:
            ids = registry.ids[result.check, result.location]
            seen = (result.scheduled_at_us, result.certificate_expires_at_us)
            newest[ids] = max(seen, newest.get(ids, seen))
    return {ids: expires_us for ids, (_, expires_us) in newest.items()}
