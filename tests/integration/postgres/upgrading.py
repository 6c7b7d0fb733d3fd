"""Rows that come in while the schema is upgraded, by SQL, as the consumer of each schema writes them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar

import psycopg

from apistatus.errors import PostgresUnavailable
from apistatus.postgres import migration_files, roles
from apistatus.postgres.connect import Connection
from apistatus.postgres.migrations import Migrator
from apistatus.postgres.statements import statement
from tests.integration.postgres.feeding import TOPIC
from tests.services.command import wait_until
from tests.services.postgres_fixtures import TestDatabase

T = TypeVar("T")

FILES = migration_files.packaged()
RESULTS, PARTITIONS, OFFSETS = 2, 3, 4
"""Number of the file that brings each of them."""
_STEP = timedelta(milliseconds=100)


def migrate_to(database: TestDatabase, count: int) -> None:
    """The schema of the first so many files, with the rights that the application role has in it. (`apply`
    would give rights on what only later files bring.)"""
    migrator = Migrator(database.migrate, files=FILES[:count])
    migrator._make_database()
    with closing(migrator._connect()) as connection:
        roles.run(connection, roles.creation(connection, database.migrate), database.migrate)
        upgraded(lambda: migrator._apply_files(connection))
        connection.execute("set timezone = 'UTC'")
        if count == RESULTS:
            today = datetime.now(UTC).date()
            for day in (today - timedelta(days=1), today):
                connection.execute(
                    f"create table if not exists apistatus.results_{day:%Y%m%d} partition of apistatus.results "
                    f"for values from ('{day}') to ('{day + timedelta(days=1)}')".encode()
                )
        for right in ("usage on schema", "select, insert, update, delete on all tables in schema",
                      "execute on all functions in schema"):  # fmt: skip
            connection.execute(f"grant {right} apistatus to {database.app_user}".encode())


def upgraded(step: Callable[[], T]) -> T:
    """What the step gives, tried again where `apistatus migrate` tries again: a lock was not to be had, or
    PostgreSQL ended a deadlock with a consumer on our side. A step whose file failed has changed nothing."""
    for _ in range(9):
        with suppress(PostgresUnavailable):  # tried again
            return step()
    return step()


class Writer:
    """A consumer of the schema of `stage` files, in a thread of its own, with the time limits of `consume`."""

    def __init__(self, database: TestDatabase, stage: int, first_tick: datetime) -> None:
        self.stage, self._first_tick = stage, first_tick
        self.turns = self.rows = self.letters = self.offset = 0
        """What was committed."""
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._database = database
        self._thread = threading.Thread(target=self._run, name="writer")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def wait_for_turns(self, count: int = 5) -> None:
        """Until it has committed so many more."""
        wanted = self.turns + count
        wait_until(lambda: self.turns >= wanted or self._error is not None, f"{count} transactions")
        assert self._error is None, self._error

    def _run(self) -> None:
        try:
            with closing(self._database.connect()) as connection:
                connection.execute(statement("session_limits"))
                while not self._stop.is_set():
                    # Rolled back and made again, as `consume` does it. No lock may be waited for too long.
                    with suppress(psycopg.errors.DeadlockDetected):
                        self._turn(connection, self.stage)
        except BaseException as error:  # noqa: BLE001 - told by `__exit__`, in the test's own thread
            self._error = error

    def _turn(self, connection: Connection, stage: int) -> None:
        number, tick = self.turns, self._first_tick + self.turns * _STEP
        values = {
            "tick": tick, "next": tick + _STEP, "hour": tick.replace(minute=0, second=0, microsecond=0),
            "status": 2 if number % 20 < 3 else 0, "total_us": 1000 + number * 37 % 100_000,
            "offset": self.offset, "number": number, **TOPIC_FIELDS,
        }  # fmt: skip
        with connection.transaction():
            for needs, query in _STATEMENTS:
                if stage >= needs:
                    connection.execute(query.encode(), values)
        self.turns += 1
        self.rows += stage >= RESULTS
        if stage >= OFFSETS:
            self.letters += 1
            self.offset += 1


TOPIC_FIELDS = {"cluster": TOPIC.cluster_id, "topic": TOPIC.topic, "topic_id": TOPIC.topic_id}
_IDS = "(select id from apistatus.checks where check_id = 'old'), (select min(id) from apistatus.locations)"
_STATEMENTS = (
    (1, "insert into apistatus.locations (name) select 'here' where not exists (select from apistatus.locations)"),
    (1, """insert into apistatus.checks (check_id, name, site, endpoint, defined_at)
        values ('old', 'Old', 'http://x', '/', %(tick)s) on conflict (check_id) do nothing"""),
    (1, f"""insert into apistatus.check_versions (
            check_id, location_id, from_at, interval_ms, announced, name, site, endpoint, producer)
        select {_IDS}, %(tick)s, 100, true, 'Old', 'http://x', '/', 'p'
        where not exists (select from apistatus.check_versions)"""),
    (1, f"""insert into apistatus.gaps (check_id, location_id, from_at, until_at, producer)
        select {_IDS}, %(tick)s, %(next)s, 'p'"""),
    (PARTITIONS, "select apistatus.make_partitions(array[(%(tick)s::timestamptz at time zone 'UTC')::date])"),
    (RESULTS, f"""insert into apistatus.results (
            check_id, location_id, scheduled_at, start_delay_us, total_us, status, flags, status_code)
        select {_IDS}, %(tick)s, 0, %(total_us)s, %(status)s, 4, 200"""),
    (RESULTS, f"""insert into apistatus.check_state as s (
            check_id, location_id, seen_at, verdict_at, since_at, status, total_us)
        select {_IDS}, %(tick)s, %(tick)s, %(tick)s, %(status)s, %(total_us)s
        on conflict (check_id, location_id) do update set
            seen_at = excluded.seen_at, verdict_at = excluded.verdict_at, status = excluded.status,
            total_us = excluded.total_us,
            since_at = case when s.status = excluded.status then s.since_at else excluded.since_at end"""),
    (RESULTS, """insert into apistatus.dirty_hours (hour, writer) values (%(hour)s, 0)
        on conflict (hour, writer) do update set marked_at = now()"""),
    (OFFSETS, """insert into apistatus.kafka_offsets (
            cluster_id, topic, partition, next_offset, epoch, consumer_group, topic_id, owner, owner_backend,
            owner_backend_at)
        select %(cluster)s, %(topic)s, 0, 0, 1, 'tests', %(topic_id)s, 'writer', pid, backend_start
        from pg_stat_activity where pid = pg_backend_pid()
        on conflict do nothing"""),
    (OFFSETS, """insert into apistatus.dead_letter (
            cluster_id, topic, topic_id, partition, "offset", reason, message, value)
        values (%(cluster)s, %(topic)s, %(topic_id)s, 0, %(offset)s, 'malformed', 'no JSON', 'x')"""),
    (OFFSETS, """select apistatus.advance_offsets(
            %(cluster)s, %(topic)s, array[0], array[1::bigint], array[%(offset)s::bigint],
            array[%(offset)s::bigint + 1], null)"""),
)  # fmt: skip
