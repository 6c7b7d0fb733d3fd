"""Ways of getting results into the table, each on an emptied one; `\\copy` is the floor beside them."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from psycopg import sql

from apistatus.bench.cost import cpu_s, own_cpu_s
from apistatus.bench.storage_services import Connection, Database, seconds_of_timing
from apistatus.bench.storage_topic import NotMeasured
from apistatus.model import wire
from apistatus.model.result import FAILURE_KINDS, PHASES, STATUSES, Result
from apistatus.ports import Batch, TopicIdentity
from apistatus.postgres import connect, road, rows
from apistatus.postgres.rows import Ids, Pair
from apistatus.postgres.session import parts
from apistatus.postgres.sink import PostgresSink

BATCH: Final = 10_000
_BLOCK_BYTES: Final = 8_192
"""What psql sends at once (src/bin/psql/copy.c, COPYBUFSIZ)."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS: Final = (
    "scheduled_at", "check_id", "start_delay_us", "total_us", "resolve_us", "connect_us", "tls_us",
    "processing_us", "transfer_us", "size_bytes", "sla_ms", "location_id", "status", "flags", "attempts",
    "status_code", "failure", "phase", "value", "error",
)  # fmt: skip
_INSERT: Final = sql.SQL("insert into apistatus.results ({}) values ({}) on conflict do nothing").format(
    sql.SQL(", ").join(map(sql.Identifier, _COLUMNS)), sql.SQL(", ").join([sql.Placeholder()] * len(_COLUMNS))
)
_ROWS_A_TRANSACTION: Final = 500
"""Of the single inserts: they are not measured by their commits."""


@dataclass(slots=True)
class Written:
    """What it took to write so many rows; the backend's time to a hundredth of a second in all."""

    rows: int = 0
    seconds: float = 0.0
    client_s: float = 0.0
    backend_s: float = 0.0

    @property
    def us(self) -> float:
        """Microseconds a row."""
        return self.seconds / self.rows * 1e6

    @property
    def client_us(self) -> float:
        return self.client_s / self.rows * 1e6

    @property
    def backend_us(self) -> float:
        return self.backend_s / self.rows * 1e6


class Roads:
    """The ways, on one database. The results they are given are the same, and so are the rows."""

    def __init__(
        self, database: Database, messages: Sequence[bytes], folder: Path, go_on: Callable[[], None]
    ) -> None:  # fmt: skip
        """`messages` are those of the topic, in the order in which `consume` reads them: whether the rows of a check
        come one behind the other decides what its index costs."""
        self._database, self._messages, self._count, self._go_on = database, messages, len(messages), go_on
        self._file = folder / "rows.tsv"
        self._ids: dict[Pair, Ids] = {}
        self._has_psql = True
        self._learn()

    @property
    def floor(self) -> str:
        """Whose COPY it is."""
        return "psql \\copy" if self._has_psql else "COPY of the same text by libpq"

    def copy(self) -> Written:
        """The floor: COPY of the rows as text, out of a file, in one transaction."""
        self._empty()
        began, used_s = time.perf_counter(), own_cpu_s()
        if self._has_psql:
            copied = f"\\copy apistatus.results from '{self._file}'"
            seconds = seconds_of_timing(self._database.psql("\\timing on", copied))
            written = Written(self._count, seconds)
        else:
            with closing(self._database.connect()) as connection, self._file.open("rb") as file:
                with connection.cursor().copy("copy apistatus.results from stdin") as copy:
                    while block := file.read(_BLOCK_BYTES):
                        copy.write(block)
                pid = connection.info.backend_pid
                written = Written(self._count, time.perf_counter() - began, own_cpu_s() - used_s, cpu_s(pid))
        self._require(self._count)
        return written

    def write(self) -> Written:
        """Rows of decoded results by the road of `consume`, and nothing else: batches of 10,000."""
        self._empty()
        written = Written()
        with closing(connect.connect(self._database.app)) as connection:
            pid = connection.info.backend_pid
            for batch in self._batches(self._count):
                with _timed(written, len(batch), pid):
                    self._write(connection, batch)
        self._require(written.rows)
        return written

    def _write(self, connection: Connection, batch: Sequence[Result]) -> None:
        copy = road.DirectCopy(connection, Batch())
        for part in parts(batch):
            copy.write(rows.encode(part, self._ids))
        copy.finish()
        connection.execute("commit")

    def store(self) -> Written:
        """The same batches through the sink: state, hours, offsets and their fence in the transaction."""
        return self._by_sink()

    def stage(self) -> Written:
        """The same when every batch brings a result again."""
        return self._by_sink(repeating=True)

    def execute_many(self, count: int) -> Written:
        """What others do: `executemany` of INSERT ... ON CONFLICT in a pipeline, batches of 10,000."""
        return self._insert(
            count, lambda connection, values: connection.cursor().executemany(_INSERT, values)
        )

    def single_rows(self, count: int) -> Written:
        """What others do: one prepared INSERT a row."""

        def insert(connection: Connection, values: Sequence[Sequence[Any]]) -> None:
            cursor = connection.cursor()
            for begin in range(0, len(values), _ROWS_A_TRANSACTION):
                with connection.transaction():
                    for value in values[begin : begin + _ROWS_A_TRANSACTION]:
                        cursor.execute(_INSERT, value, prepare=True)

        return self._insert(count, insert)

    def _learn(self) -> None:
        """Give every check its number, and keep the rows as text for the floor."""
        self._by_sink()
        with closing(self._database.connect()) as connection:
            found = connection.execute(
                "select c.check_id, l.name, c.id, l.id from apistatus.checks c, apistatus.locations l"
            ).fetchall()
            self._ids = {(check, location): (check_id, at) for check, location, check_id, at in found}
            try:
                self._database.psql(f"\\copy (table apistatus.results) to '{self._file}'")
            except (FileNotFoundError, subprocess.CalledProcessError):
                self._has_psql = False
                with (
                    self._file.open("wb") as file,
                    connection.cursor().copy("copy (table apistatus.results) to stdout") as copy,
                ):
                    for block in copy:
                        file.write(block)

    def _by_sink(self, *, repeating: bool = False) -> Written:
        """With `repeating` each batch but the first brings, somewhere, a result of the one before again."""
        self._empty()
        written, offset, chance = Written(), 0, random.Random(BATCH)  # noqa: S311  (no secret)
        before: list[Result] = []
        with closing(PostgresSink(self._database.app, group="bench")) as sink:
            sink.claim(_TOPIC, (0,))
            pid = self._owner()
            for new in self._batches(self._count, BATCH - repeating):
                results = list(new)
                if repeating and before:
                    results.insert(chance.randrange(len(new)), chance.choice(before))
                before, offset = new, offset + len(results)
                with _timed(written, len(new), pid):
                    sink.store(Batch(results=results, positions={0: offset}))
        self._require(self._count)
        return written

    def _insert(self, count: int, insert: Callable[[Connection, Sequence[Sequence[Any]]], object]) -> Written:
        self._empty()
        written = Written()
        with closing(connect.connect(self._database.app)) as connection:
            for batch in self._batches(count):
                values = [_values(result, self._ids[result.check, result.location]) for result in batch]
                with _timed(written, len(batch), connection.info.backend_pid), connection.transaction():
                    insert(connection, values)
        self._require(count)
        return written

    def _batches(self, count: int, size: int = BATCH) -> Iterator[list[Result]]:
        """Decoded while the clock stands, just before they are stored, as `consume` does."""
        for begin in range(0, count, size):
            self._go_on()
            decoded = map(wire.decode, self._messages[begin : min(begin + size, count)])
            yield [message for message in decoded if isinstance(message, Result)]

    def _owner(self) -> int:
        with closing(self._database.connect()) as connection:
            [(pid,)] = connection.execute("select owner_backend from apistatus.kafka_offsets").fetchall()
        return int(pid)

    def _empty(self) -> None:
        with closing(self._database.connect()) as connection:
            connection.execute("truncate apistatus.results, apistatus.check_state, apistatus.dirty_hours")
            connection.execute("checkpoint")

    def _require(self, count: int) -> None:
        with closing(self._database.connect()) as connection:
            [(there,)] = connection.execute("select count(*) from apistatus.results").fetchall()
        if there != count:
            raise NotMeasured(f"{count} rows were written, {there} are there")


_TOPIC: Final = TopicIdentity("bench", "bench", "bench")


@contextmanager
def _timed(written: Written, count: int, pid: int) -> Iterator[None]:
    backend_s, client_s, began = cpu_s(pid), own_cpu_s(), time.perf_counter()
    yield
    written.seconds += time.perf_counter() - began
    written.client_s += own_cpu_s() - client_s
    written.backend_s += cpu_s(pid) - backend_s
    written.rows += count


def _values(result: Result, ids: Ids) -> tuple[Any, ...]:
    """The row as an application would give it to its driver."""
    return (
        _EPOCH + timedelta(microseconds=result.scheduled_at_us), ids[0], result.start_delay_us, result.total_us,
        result.resolve_us, result.connect_us, result.tls_us, result.processing_us, result.transfer_us,
        result.size_bytes, result.sla_ms, ids[1], STATUSES.index(result.status), 0, None, result.status_code,
        None if result.failure is None else FAILURE_KINDS.index(result.failure),
        None if result.phase is None else PHASES.index(result.phase), result.value, result.error,
    )  # fmt: skip
