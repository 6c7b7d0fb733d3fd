"""`ports.ResultSink` on PostgreSQL: one batch, one transaction, fenced by the offsets in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn

import psycopg

from apistatus.errors import ApistatusError, BatchRejected, Fenced, IncompatibleSchema, PostgresUnavailable
from apistatus.ports import Batch, Stored, TopicIdentity
from apistatus.postgres import connect, dead_letters, offsets, rows, schema_state, sql_states
from apistatus.postgres.connect import Connection
from apistatus.postgres.refusals import DatabaseMissing
from apistatus.postgres.session import Session
from apistatus.postgres.sql_states import Meaning
from apistatus.postgres.statements import statement
from apistatus.runtime.logs import Events
from apistatus.settings.schema import PostgresSettings

log = Events("postgres")

_TRIES: Final = 4


class PostgresSink:
    """The consumer's database, by a connection that is made when needed and again after it broke."""

    def __init__(self, settings: PostgresSettings, *, group: str) -> None:
        self._settings = settings
        self._where = connect.where(settings)
        self._claims = offsets.Claims(group)
        self._session: Session | None = None
        self._has_lost_claims = False
        """Whether claims were made on a connection that is no more: only their owner's own session may be
        ended by the next one."""

    def check_schema(self) -> None:
        """Raises IncompatibleSchema when the database does not fit this version, or does not exist."""
        try:
            with self._in_session() as session:
                schema_state.require_fit(session.connection, self._settings.database)
        except DatabaseMissing as error:
            raise IncompatibleSchema(str(error)) from error

    def claim(
        self, identity: TopicIdentity, partitions: Collection[int], *, restart: bool = False
    ) -> dict[int, int | None]:
        """Take over these partitions; see ResultSink. Also raises ConfigurationError for a second group."""
        with self._in_session() as session:
            return self._claims.claim(session.connection, identity, partitions, restart=restart)

    def reclaim(self) -> dict[int, int | None]:
        """Take over again what nobody else owns by now; see ResultSink."""
        with self._in_session() as session:
            positions = self._claims.reclaim(session.connection)
        self._has_lost_claims = False
        return positions

    def recent(self) -> Sequence[int] | None:
        """`Batch.recent` as stored last; see ResultSink."""
        return self._claims.recent

    def skip(self, partition: int, lost: range | None) -> None:
        """Go on behind what is lost; see ResultSink."""
        self._claims.require((partition,))
        with self._in_session() as session:
            self._require_claims()
            connection = session.connection
            connection.execute("begin")
            if lost is not None:
                connection.execute(
                    statement("lost_add"),
                    {**self._origin(), "partition": partition, "from_offset": lost.start,
                     "until_offset": lost.stop},
                )  # fmt: skip
            recent = self._claims.recent
            self._advance_and_commit(connection, {partition: lost.stop if lost else None}, recent)

    def write_ahead(self, batch: Batch) -> None:
        """Send what the batch has so far; see ResultSink."""
        with self._in_session(batch) as session:
            self._require_claims()
            session.write_ahead(batch)

    def abandon(self) -> None:
        """Take back what was written ahead; see ResultSink."""
        if self._session is not None and self._session.ahead_of is not None:
            self._clean_up(self._session)

    def store(self, batch: Batch) -> Stored:
        """All of the batch and its offsets, or nothing; see ResultSink."""
        with self._in_session(batch) as session:
            self._claims.require(batch.positions)
            self._require_claims()
            for _ in range(_TRIES):
                try:
                    return self._store_once(session, batch)
                except psycopg.errors.UniqueViolation:
                    session.met_duplicate()
                except psycopg.errors.CheckViolation as error:
                    if not sql_states.is_missing_partition(error):
                        _refuse(error)
                    session.lacks_partition()
                except psycopg.Error as error:
                    _refuse(error)
                session.roll_back()
        raise PostgresUnavailable(f"PostgreSQL at {self._where}: a partition of the results does not stay")

    def release(self, partitions: Collection[int]) -> None:
        """Forget our claim on these partitions (no database call)."""
        self._claims.release(partitions)

    def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _store_once(self, session: Session, batch: Batch) -> Stored:
        connection, registry = session.connection, session.registry
        copy = session.write(batch)
        # PostgreSQL is busy with the rows meanwhile.
        copy.folds.folded()
        session.settle(copy)
        if copy.folds.count:
            copy.folds.keep_up(connection)
            _mark_hours(connection, copy.folds.hours, min(batch.positions, default=0))
        registry.define(connection, batch.definitions)
        registry.note_gaps(connection, batch.gaps)
        dead_letters.add(connection, self._origin(), batch.dead_letters)
        self._advance_and_commit(connection, batch.positions, batch.recent)
        return Stored(copy.folds.count, batch.count - copy.folds.count, len(batch.dead_letters))

    def _require_claims(self) -> None:
        if self._has_lost_claims:
            raise PostgresUnavailable(f"PostgreSQL at {self._where}: the connection was lost")

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
    def _in_session(self, batch: Batch | None = None) -> Iterator[Session]:
        """The connection, for one call; what was written ahead of another batch is taken back. Whatever
        fails is rolled back, or the connection is given up."""
        if self._session is not None and self._session.ahead_of is not batch:
            self.abandon()
        session = self._open()
        try:
            yield session
        except psycopg.Error as error:
            self._clean_up(session)
            if isinstance(error, psycopg.errors.LockNotAvailable):
                self._end_stalled()
            sql_states.raise_as_ours(error, self._where)
        except ApistatusError:
            self._clean_up(session)
            raise
        except BaseException:
            self.close()
            raise

    def _open(self) -> Session:
        if self._session is not None and not self._session.connection.closed:
            return self._session
        self.close()
        connection = self._connect()
        with self._closing_when_it_fails(connection):
            session = Session(connection, self._another(connection))
        self._has_lost_claims = self._claims.has_some
        self._session = session
        return session

    def _another(self, connection: Connection) -> Callable[[], Connection] | None:
        """What makes a second one; None behind a pooler, which may let it wait for the first."""
        if not connect.is_behind_pooler(connection):
            return self._connect
        log.warning("pooler.between", hint="a pooler such as PgBouncer must be in session mode here")
        return None

    def _connect(self) -> Connection:
        connection = connect.connect(self._settings)
        with self._closing_when_it_fails(connection):
            connection.execute(statement("session_limits"))
        return connection

    @contextmanager
    def _closing_when_it_fails(self, connection: Connection) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            connection.close()
            sql_states.raise_as_ours(error, self._where)

    def _clean_up(self, session: Session) -> None:
        try:
            session.roll_back()
        except psycopg.Error:
            self.close()

    def _end_stalled(self) -> None:
        """An open transaction kept us waiting: when it is a former owner's, end it for the next try."""
        if self._session is None:
            return
        try:
            ended = self._claims.end_stalled(self._session.connection)
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


def _mark_hours(connection: Connection, hours: Collection[int], writer: int) -> None:
    moments = [rows.instant(hour * rows.HOUR_US) for hour in sorted(hours)]
    connection.execute(statement("hours_mark"), {"hours": moments, "writer": writer})
