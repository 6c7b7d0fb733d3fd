"""The consumer's connection: what is known on it, and the rows that are on their way in by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

import psycopg
from psycopg.pq import TransactionStatus

from apistatus.errors import AccessRefused, PostgresUnavailable, RowRejected
from apistatus.model.result import Result
from apistatus.ports import Batch
from apistatus.postgres import connect, rows, state
from apistatus.postgres.connect import Connection
from apistatus.postgres.partitions import DAY_US, Partitions
from apistatus.postgres.registry import Registry
from apistatus.postgres.road import CarefulCopy, DirectCopy
from apistatus.postgres.rows import Ids
from apistatus.postgres.statements import statement
from apistatus.runtime.logs import Events

log = Events("postgres")

_CAREFUL_BATCHES: Final = 20
"""After a duplicate so many batches are written with care: duplicates come in crowds (a replay, a second
producer), and a batch that meets one on the direct road is written twice."""
_BESIDE_BATCHES: Final = 20
"""The second connection is closed after so many batches that did not need it, and tried again after so many when
it could not be had: new checks come in crowds too."""
ENCODED_AT_ONCE: Final = 500
"""PostgreSQL works on the rows before while these are encoded."""
_ENCODED_FIRST: Final = 100
"""Of what comes at once, so that PostgreSQL, which takes longest, begins soon."""


class Session:
    """Begun anew with each connection: numbers and partitions may be others then, in a restored database."""

    def __init__(self, connection: Connection, another: Callable[[], Connection] | None) -> None:
        """`another` makes one more connection with the same settings; None where that is not to be tried."""
        self.connection = connection
        self.registry = Registry()
        self._another = another
        self._place = connect.place(connection)
        self._beside: Connection | None = None
        self._beside_left = self._without_left = 0
        self._partitions = Partitions()
        self._tables: set[str] = set()
        """Temporary ones that were made: each costs every commit a little."""
        self._careful_left = 0
        self._seen: dict[Ids, int] = {}
        """While batches are written with care: the newest tick stored, by check and location. Where it is wrong,
        rows take the longer way."""
        self._ahead: DirectCopy | None = None
        self._not_ahead: Batch | None = None
        """A batch of which no more can be written before it is complete."""

    @property
    def ahead_of(self) -> Batch | None:
        """The batch for which a transaction is open between two calls, if any."""
        return None if self._ahead is None else self._ahead.batch

    def write_ahead(self, batch: Batch) -> None:
        """Write what the batch has so far, in a transaction that stays open, and drop it. What is wrong with
        the rows is no concern yet: then nothing of the batch is written ahead."""
        if self._careful_left or self._not_ahead is batch or not self._tables:
            return
        try:
            copy = self._ahead or self._begin(batch)
            try:
                self._send(copy)
            except KeyError:
                if not self._has_learnt_beside(copy):
                    raise
                self._send(copy)
            batch.drop()
        except KeyError:
            self._not_ahead = batch
        except (RowRejected, psycopg.DataError, psycopg.IntegrityError):
            self._not_ahead = batch
            self.roll_back()

    def write(self, batch: Batch) -> DirectCopy:
        """Send the batch's rows, in a transaction that stays open. They count when `settle` has returned. Both
        raise RowRejected, and psycopg's UniqueViolation for a duplicate that was not to be expected."""
        self._not_ahead = None
        self._beside_left, self._without_left = self._beside_left - 1, self._without_left - 1
        if self._beside_left < 0:
            self._close_beside()
        self._make_table("state_create")
        return self._sent(batch)

    def settle(self, copy: DirectCopy) -> None:
        """Wait until PostgreSQL has taken all rows of what `write` gave back."""
        counted = copy.finish()
        self._ahead = None
        if counted is not None:
            copy.folds.begin_again(counted)
        if self._careful_left:
            self._careful_left -= 1
            if copy.folds.count < copy.count:
                self.met_duplicate()
            elif not self._careful_left:
                self._seen.clear()

    def roll_back(self) -> None:
        """End the transaction, if one is open, and what was written ahead with it."""
        ahead, self._ahead = self._ahead, None
        self._seen.clear()
        connection = self.connection
        if connection.closed:
            return
        if ahead is not None:
            ahead.abandon()
        if connection.info.transaction_status is not TransactionStatus.IDLE:
            connection.execute("rollback")

    def close(self) -> None:
        """End it; an open transaction is rolled back by the server."""
        self._close_beside()
        self.connection.close()

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
        copy = self._ahead
        if copy is not None:
            with suppress(KeyError):  # as `_send` raises it
                if self._has_learnt_beside(copy):
                    self._send(copy)
                    return copy
            # A number is missing that could not be had beside, or a partition, which an open COPY would not see.
            self.roll_back()
        copy = self._begin(batch)
        self._send(copy)
        return copy

    def _has_learnt_beside(self, copy: DirectCopy) -> bool:
        """Number what is new by another connection, since this one is in the middle of a COPY: to begin that
        again would leave dead rows. False when such a connection cannot be had."""
        batch = copy.batch
        rest = batch.results[copy.count - batch.dropped :]
        if self.registry.knows([*rest, *batch.definitions, *batch.gaps]):
            return True
        try:
            beside = self._second()
            if beside is None:
                return False
            self.registry.learn(beside, rest, batch.definitions, batch.gaps)
        except (psycopg.Error, PostgresUnavailable, AccessRefused) as error:
            # This connection is well, so it is no outage.
            log.info("connection.no_second", cause=str(error))
            self._do_without()
            return False
        self._beside_left = _BESIDE_BATCHES
        return True

    def _second(self) -> Connection | None:
        """The connection beside this one; None when there is none to the same database now."""
        if self._beside is None and self._another is not None and self._without_left <= 0:
            self._beside = self._another()
            if connect.place(self._beside) != self._place:
                # The name stands for another server by now: its numbers are not those of this one.
                log.warning(
                    "connection.elsewhere", hint="PostgreSQL's name leads to another server than before"
                )
                self._do_without()
        return self._beside

    def _do_without(self) -> None:
        self._close_beside()
        self._without_left = _BESIDE_BATCHES

    def _close_beside(self) -> None:
        beside, self._beside = self._beside, None
        if beside is not None:
            beside.close()

    def _prepare(self, batch: Batch) -> None:
        """Number and partition for everything in the batch, outside its transaction."""
        batch.recall()
        self.registry.learn(self.connection, batch.results, batch.definitions, batch.gaps)
        days = {tick_us // DAY_US for tick_us in rows.ticks_us(batch.results)}
        self._partitions.ensure(self.connection, days)

    def _begin(self, batch: Batch) -> DirectCopy:
        """Open the COPY of a batch, whose checks and days, as far as it goes, get their numbers and partitions."""
        self._prepare(batch)
        self._ahead = (
            self._copy_carefully(batch) if self._careful_left else DirectCopy(self.connection, batch)
        )
        return self._ahead

    def _copy_carefully(self, batch: Batch) -> CarefulCopy:
        self._make_table("staging_create")
        unseen = {self.registry.ids[pair] for pair in rows.pairs(batch.results)} - self._seen.keys()
        if unseen:
            self._seen |= state.seen(self.connection, unseen)
        return CarefulCopy(self.connection, batch, self._seen)

    def _send(self, copy: DirectCopy) -> None:
        """Write what was not written yet of its batch. Raises KeyError when a number or partition is missing."""
        batch, ids = copy.batch, self.registry.ids
        for results in parts(batch.results, copy.count - batch.dropped):
            encoded = rows.encode(results, ids)
            self._partitions.require({tick_us // DAY_US for tick_us in rows.ticks_us(results)})
            copy.folds.add(copy.write(encoded))
            rows.note_certificates(copy.folds.certificates, results, ids)


def parts(results: Sequence[Result], first: int = 0) -> Iterator[Sequence[Result]]:
    """These from number `first` on, so many at a time that PostgreSQL is not kept waiting."""
    begin, end = first, min(first + _ENCODED_FIRST, len(results))
    while begin < end:
        yield results[begin:end]
        begin, end = end, min(end + ENCODED_AT_ONCE, len(results))
