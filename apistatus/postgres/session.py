"""One connection of the consumer: what is known on it, and the rows that are on their way in by it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import closing, suppress
from typing import Final

import psycopg
from psycopg.pq import TransactionStatus

from apistatus.errors import RowRejected
from apistatus.model.result import Result
from apistatus.ports import Batch
from apistatus.postgres import road, rows
from apistatus.postgres.connect import Connection
from apistatus.postgres.partitions import DAY_US, Partitions
from apistatus.postgres.registry import Registry
from apistatus.postgres.road import DirectCopy
from apistatus.postgres.rows import PG_EPOCH_US, Row
from apistatus.postgres.statements import statement

_CAREFUL_BATCHES: Final = 20
"""After a duplicate so many batches are written with care: duplicates come in crowds (a replay, a second
producer), and a batch that meets one on the direct road is written twice."""
ENCODED_AT_ONCE: Final = 500
"""PostgreSQL works on the rows before while these are encoded."""
HOUR_US: Final = 3_600_000_000


class Session:
    """Begun anew with each connection: numbers and partitions may be others then, in a restored database."""

    def __init__(self, connection: Connection, another: Callable[[], Connection]) -> None:
        """`another` makes one more connection to the same database."""
        self.connection = connection
        self.registry = Registry()
        self._another = another
        self._partitions = Partitions()
        self._tables: set[str] = set()
        """Temporary ones that were made: each costs every commit a little."""
        self._careful_left = 0
        self._ahead: DirectCopy | None = None
        self._not_ahead: Batch | None = None
        """A batch of which no more can be written before it is complete."""

    @property
    def ahead_of(self) -> Batch | None:
        """The batch for which a transaction is open between two calls, if any."""
        return None if self._ahead is None else self._ahead.batch

    def write_ahead(self, batch: Batch) -> None:
        """Write what the batch has so far, in a transaction that stays open. What is wrong with the rows is
        no concern yet: then nothing of the batch is written ahead."""
        if self._careful_left or self._not_ahead is batch or not self._tables:
            return
        try:
            if self._ahead is None:
                self._prepare(batch)
            self._send(batch)
        except KeyError:
            self._not_ahead = batch
        except (RowRejected, psycopg.DataError, psycopg.IntegrityError):
            self._not_ahead = batch
            self.roll_back()

    def write(self, batch: Batch) -> tuple[Sequence[Row], Collection[int]]:
        """Send the batch's rows, in a transaction that stays open; which are new or improved, and the hours
        in which they lie, counted from 2000. It counts when `settle` has returned. Both raise RowRejected,
        and psycopg's UniqueViolation for a duplicate."""
        self._not_ahead = None
        self._make_table("state_create")
        if not self._careful_left:
            copy = self._sent(batch)
            return copy.rows, copy.hours
        self._careful_left -= 1
        self._make_table("staging_create")
        self._prepare(batch)
        self.connection.execute("begin")
        written = road.copy_carefully(self.connection, rows.encode(batch.results, self.registry.ids))
        return written, _hours(written)

    def settle(self) -> None:
        """Wait until PostgreSQL has taken all of the rows."""
        if self._ahead is not None:
            self._ahead.finish()
            self._ahead = None

    def roll_back(self) -> None:
        """End the transaction, if one is open, and what was written ahead with it."""
        ahead, self._ahead = self._ahead, None
        connection = self.connection
        if connection.closed:
            return
        if ahead is not None:
            ahead.abandon()
        if connection.info.transaction_status is not TransactionStatus.IDLE:
            connection.execute("rollback")

    def met_duplicate(self) -> None:
        """Write the next batches with care."""
        self._careful_left = _CAREFUL_BATCHES

    def lacks_partition(self) -> None:
        """A partition is gone: ask for each again."""
        self._partitions.forget()

    def _make_table(self, name: str) -> None:
        if name not in self._tables:
            self.connection.execute(statement(name))
            self._tables.add(name)

    def _sent(self, batch: Batch) -> DirectCopy:
        """All rows of the batch are on their way; what was written ahead is not sent again."""
        if self._ahead is not None:
            self._learn_beside(batch, batch.results[len(self._ahead.rows) :])
            with suppress(KeyError):
                return self._send(batch)
            # A partition is missing. The COPY that is open would not see a new one.
            self.roll_back()
        self._prepare(batch)
        return self._send(batch)

    def _learn_beside(self, batch: Batch, rest: Sequence[Result]) -> None:
        """Number what is new by another connection, since this one is in the middle of a COPY: to begin that
        again would leave dead rows."""
        if not self.registry.knows([*rest, *batch.definitions, *batch.gaps]):
            with closing(self._another()) as another:
                self.registry.learn(another, rest, batch.definitions, batch.gaps)

    def _prepare(self, batch: Batch) -> None:
        """Number and partition for everything in the batch, outside its transaction."""
        self.registry.learn(self.connection, batch.results, batch.definitions, batch.gaps)
        self._partitions.ensure(
            self.connection, {result.scheduled_at_us // DAY_US for result in batch.results}
        )

    def _send(self, batch: Batch) -> DirectCopy:
        """Write what was not written yet of the batch. Raises KeyError when a number or partition is missing."""
        copy = self._ahead
        if copy is None:
            copy = self._ahead = DirectCopy(self.connection, batch)
        for first in range(len(copy.rows), len(batch.results), ENCODED_AT_ONCE):
            encoded = rows.encode(batch.results[first : first + ENCODED_AT_ONCE], self.registry.ids)
            hours = _hours(encoded)
            self._partitions.require({(hour * HOUR_US + PG_EPOCH_US) // DAY_US for hour in hours})
            copy.write(encoded)
            copy.hours |= hours
        return copy


def _hours(written: Sequence[Row]) -> set[int]:
    return {row[rows.TICK] // HOUR_US for row in written}
