"""How many transactions a quiet topic costs the database, counted by the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import pytest

from apistatus.consume.loop import ConsumeLoop
from apistatus.demo.postgres_server import PostgresServer
from apistatus.model import wire
from apistatus.ports import Message
from apistatus.postgres.connect import Connection
from apistatus.postgres.migrations import Migrator
from apistatus.postgres.sink import PostgresSink
from apistatus.runtime.metrics import Metrics
from apistatus.runtime.stopping import Stop
from tests.fakes.clock import NOW_US, VirtualClock
from tests.fakes.source import MemorySource
from tests.integration.postgres.feeding import at
from tests.services.command import wait_until
from tests.services.postgres_fixtures import FAST, TestDatabase

SECONDS = 10
COMMITS = "select xact_commit from pg_stat_database where datname = %s"
SESSIONS = "select count(*) from pg_stat_activity where datname = %s"


class Steady(MemorySource):
    """A topic on which a result arrives `rate` times a second, each of another check in turn."""

    def __init__(self, clock: VirtualClock, rate: int) -> None:
        super().__init__(clock, {0: []})
        self._period_ns = 1_000_000_000 // rate
        self.assign(0)

    def poll(self, max_messages: int, timeout_s: float) -> Sequence[Message]:
        log, clock = self.topic[0], self.clock
        until_ns = clock.now_ns + int(timeout_s * 1e9)
        if self.positions.get(0) == len(log):
            clock.now_ns = min(until_ns, max(clock.now_ns, len(log) * self._period_ns))
        while len(log) * self._period_ns <= clock.now_ns:
            log.append(wire.encode(at(clock.wall_us(), check=f"check-{len(log) % 10}")))
        return super().poll(max_messages, 0.0)


def told(connection: Connection, query: str, database: TestDatabase) -> int:
    [(number,)] = connection.execute(query.encode(), (database.name,)).fetchall()
    return int(number)


@pytest.fixture
def unattended(database_on: Callable[[PostgresServer], TestDatabase]) -> Iterator[TestDatabase]:
    """The schema on a server without autovacuum, whose transactions would be counted too, whenever they come."""
    with PostgresServer(settings=FAST | {"autovacuum": "off"}) as server:
        database = database_on(server)
        Migrator(database.migrate).apply()
        yield database


@pytest.mark.parametrize("rate", [10, 100])
def test_a_quiet_topic_costs_less_than_twenty_transactions_a_second(
    unattended: TestDatabase, rate: int
) -> None:
    clock = VirtualClock()
    clock.wall_step_us = time.time_ns() // 1000 - NOW_US
    sink = PostgresSink(unattended.app, group="tests")
    loop = ConsumeLoop(Steady(clock, rate), sink, clock, Metrics(), Stop())
    # From another database, so that the looking is not counted.
    with closing(replace(unattended, name="postgres").connect("admin")) as eyes:
        wait_until(lambda: told(eyes, SESSIONS, unattended) == 0, "nobody else there")
        before = told(eyes, COMMITS, unattended)
        while clock.now_ns < SECONDS * 1_000_000_000:
            loop.step()
        sink.close()
        wait_until(lambda: told(eyes, SESSIONS, unattended) == 0, "the session's end")
        commits = told(eyes, COMMITS, unattended) - before
    assert loop.totals.rows >= rate * (SECONDS - 1)
    assert loop.totals.batches <= commits < 20 * SECONDS
