"""Results of now, three months of rollups before them, and how long people wait for answers out of both."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from apistatus.bench.storage_services import Connection, Database, Services
from apistatus.bench.storage_topic import NotMeasured
from apistatus.demo.processes import apistatus, python
from apistatus.model.definition import CheckDefined, Definition
from apistatus.model.result import Result
from apistatus.ports import Batch, TopicIdentity
from apistatus.postgres import connect, rollups
from apistatus.postgres.retention import patiently
from apistatus.postgres.sink import PostgresSink
from apistatus.postgres.statements import statement

CHECKS: Final = 1_000
DAYS_OF_HOURS: Final = 7
"""So far back there are rollups of hours, and of days much farther."""
DAYS_OF_ROLLUPS: Final = 90
_DAYS_OLD: Final = 60
"""Where the days are that retention drops: none of the others is so old."""
_STEP: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_REPORT_WITHIN_S: Final = 300

# In the order of their ticks, as they come from the topic. Thirty ticks of a check share a fate, and one such
# stretch in 512 is an outage; times are between 20 and 100 ms, and every second one had its connection already.
_FILL: Final = """
insert into apistatus.results (
    scheduled_at, check_id, start_delay_us, total_us, resolve_us, connect_us, tls_us, processing_us, transfer_us,
    size_bytes, sla_ms, location_id, status, flags, status_code, failure, phase, value, error)
select
    tick, c.id, i.dice & 511, t.us, case when fresh then 300 end, case when fresh then 9000 end,
    case when fresh then 18000 end, t.us / 2, 700, 512 + (i.dice & 4095), 500, l.id,
    case when down then 2 else 0 end, 12, case when down then 500 else 200 end, case when down then 16 end,
    case when down then 4 end, case when not down and i.dice %% 3 = 0 then i.dice::text end,
    case when down then 'expected status 2xx, got 500' end
from generate_series(%(from_at)s::timestamptz, %(to_at)s::timestamptz - interval '1 us', interval '1 minute') as tick
cross join apistatus.checks c
cross join apistatus.locations l
cross join lateral (
    select
        abs(hashint8(extract(epoch from tick)::bigint * 1000003 + c.id)) as dice,
        hashint8(extract(epoch from tick)::bigint * 1000033 + c.id) & 1 = 0 as fresh,
        hashint8(floor(extract(epoch from tick) / 1800)::bigint * 1009 + c.id) & 511 = 0 as down
) i
cross join lateral (select (20000 * exp(ln(5) * (i.dice & 65535) / 65536))::integer as us) t
order by tick, c.id"""
_MARK_HOURS: Final = """
insert into apistatus.dirty_hours (hour, writer)
select hour, 0 from generate_series(
    date_trunc('hour', %(from_at)s::timestamptz, 'UTC'), %(to_at)s::timestamptz - interval '1 us', interval '1 hour'
) as hour
on conflict do nothing"""
_COPY_HOURS: Final = """
insert into apistatus.rollup_hours
select
    h.hour - n * interval '1 hour', sum_us, check_id, max_us, up, degraded, down, missed, inconclusive, sla_judged,
    sla_met, measured, location_id, histogram
from apistatus.rollup_hours h, generate_series(1, %(hours)s::integer) as n
where h.hour = %(hour)s
on conflict do nothing"""
_MARK_DAYS: Final = """
insert into apistatus.dirty_days (day)
select current_date - n from generate_series(1, %(days)s::integer) as n
on conflict do nothing"""
_COPY_DAYS: Final = """
insert into apistatus.rollup_days
select
    d.day - n, sum_us, check_id, max_us, up, degraded, down, missed, inconclusive, sla_judged, sla_met, measured,
    location_id, histogram
from apistatus.rollup_days d, generate_series(1, %(days)s::integer) as n
where d.day = current_date - 1
on conflict do nothing"""
_COPY_CHANGES: Final = """
insert into apistatus.status_changes
select at - n * interval '1 day', check_id, total_us, location_id, status, failure, status_code, error
from apistatus.status_changes, generate_series(1, %(days)s::integer) as n
on conflict do nothing"""
_COPY_ROWS: Final = """
insert into apistatus.results
select
    scheduled_at - %(back)s::interval, check_id, start_delay_us, total_us, resolve_us, connect_us, tls_us,
    processing_us, transfer_us, size_bytes, sla_ms, location_id, status, flags, attempts, status_code, failure, phase,
    value, error
from apistatus.results
where scheduled_at >= %(from_at)s and scheduled_at < %(from_at)s + interval '1 day'
order by scheduled_at, check_id"""

_SIZE: Final = "select pg_total_relation_size(%s)"
# As apistatus.pack_day does, which chooses its day itself.
_PACK: Final = """
alter index apistatus.{0}_pkey set (fillfactor = 100);
reindex table apistatus.{0}"""

QUERIES: Final[dict[str, tuple[str, float]]] = {
    "status of 1,000 checks": (
        """select check_id, name, location, status, since, scheduled_at, total_ms, value, error
        from apistatus.check_status""",
        5.0,
    ),
    "one check, 24 h percentiles": (
        """select apistatus.percentile(h, 0.5), apistatus.percentile(h, 0.95), apistatus.percentile(h, 0.99)
        from (
            select apistatus.histogram_sum(histogram) as h from apistatus.check_times
            where check_id = 'check-0500' and hour > now() - interval '24 hours') as hours""",
        5.0,
    ),
    "one check, uptime of 90 days": (
        """select day, made, uptime from apistatus.check_days
        where check_id = 'check-0500' and day > current_date - 90""",
        2.0,
    ),
    "all checks, uptime of 90 days": (
        """select check_id, sum(up + degraded)::double precision / nullif(sum(made), 0)
        from apistatus.check_days where day > current_date - 90 group by check_id""",
        500.0,
    ),
}
"""What is asked, and within how many milliseconds it should be answered."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Retention of one day, in milliseconds: all of it, and the part that locks the results."""

    all_ms: float
    locked_ms: float


class History:
    """1,000 checks at one location, once a minute: so many rows up to now, and rollups before them."""

    def __init__(self, services: Services, database: Database, rows: int, say: Callable[[str], None]) -> None:
        self._services, self._database, self._say = services, database, say
        self._now = datetime.now(UTC).replace(second=0, microsecond=0)
        self._old: dict[str, int] = {}
        # Three hours at least: one that is open, and a whole one that is over.
        self._from = self._now - max(rows // CHECKS * _STEP, timedelta(hours=3))

    def fill(self) -> int:
        """Store definitions and state by the sink, and the rows by SQL; how many rows there are."""
        self._define()
        with closing(self._database.connect()) as connection:
            connection.execute("set timezone = 'UTC'")
            from_at = self._from
            while from_at < self._now:
                self._services.go_on()
                midnight = from_at.replace(hour=0, minute=0)
                limits = {"from_at": from_at, "to_at": min(midnight + _DAY, self._now)}
                connection.execute("select apistatus.make_partitions(%s)", ([from_at.date()],))
                connection.execute(_FILL, limits)
                connection.execute(_MARK_HOURS, limits)
                self._say(f"history: {from_at.date()} filled")
                from_at = midnight + _DAY
            [(count,)] = connection.execute("select count(*) from apistatus.results").fetchall()
        return int(count)

    def add_up(self) -> list[float]:
        """Make the rollups of everything that is over, as the maintenance does, and put those of three months
        in front of them; microseconds a row, by hour, with the hour's share of its day."""
        with (
            closing(connect.connect(self._database.app)) as connection,
            closing(self._database.connect()) as admin,
        ):
            connection.execute(statement("maintenance_limits"))
            closed = rollups.closed_hours(connection)
            hours = [self._seconds(partial(rollups.add_up_hour, connection, hour)) for hour in closed]
            self._age_hours(admin, closed[-1].hour)
            over = rollups.closed_days(connection)
            days = [self._seconds(partial(rollups.add_up_day, connection, day)) for day in over]
            admin.execute("set timezone = 'UTC'")
            admin.execute(_COPY_DAYS, {"days": DAYS_OF_ROLLUPS})
            admin.execute(_COPY_CHANGES, {"days": DAYS_OF_ROLLUPS})
            admin.execute("vacuum analyze")
        # Not the first hour: it begins anywhere.
        day_us = statistics.median(days) / (CHECKS * (_DAY // _STEP)) * 1e6
        return [seconds / (CHECKS * 60) * 1e6 + day_us for seconds in hours[1:]]

    def _seconds(self, work: Callable[[], object]) -> float:
        self._services.go_on()
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    def _age_hours(self, connection: Connection, hour: datetime) -> None:
        connection.execute("set timezone = 'UTC'")
        connection.execute(_COPY_HOURS, {"hour": hour, "hours": (DAYS_OF_HOURS + 1) * 24})
        connection.execute(_MARK_DAYS, {"days": DAYS_OF_HOURS})

    def ask(self, times: int) -> dict[str, list[float]]:
        """Milliseconds of each query, from sending it to its last row, by the name in QUERIES."""
        found: dict[str, list[float]] = {name: [] for name in QUERIES}
        with closing(connect.connect(self._database.app)) as connection:
            for turn in range(times + 1):
                self._services.go_on()
                for name, (query, _) in QUERIES.items():
                    began = time.perf_counter()
                    answer = connection.execute(query.encode()).fetchall()
                    if not answer:
                        raise NotMeasured(f"{name}: no answer")
                    if turn:  # the first one reads from the disk and learns the catalogue
                        found[name].append((time.perf_counter() - began) * 1e3)
        return found

    def report(self) -> float:
        """Seconds of `apistatus report` of the last calendar month, the whole command. Raises NotMeasured."""
        self._services.go_on()
        month = (self._now.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
        environ = {**self._services.environ, **self._database.environ()}
        began = time.perf_counter()
        done = subprocess.run(  # noqa: S603  (our own command)
            [*python(), *apistatus("report", "--month", month)], env=environ, capture_output=True, text=True,
            timeout=_REPORT_WITHIN_S, check=False, process_group=0,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        if done.returncode or "Check 500" not in done.stdout:
            raise NotMeasured(f"report --month {month} ended with {done.returncode}\n{done.stderr}")
        return seconds

    def add_old_days(self, days: int) -> int:
        """Put days as the newest one is, tick after tick, far before it; how many rows each of them has."""
        count = 0
        with closing(self._database.connect()) as connection:
            connection.execute("set timezone = 'UTC'")
            first = max(self._from, self._now - _DAY)
            for number in range(days):
                self._services.go_on()
                begins = self._now.replace(hour=0, minute=0) - (_DAYS_OLD + number) * _DAY
                connection.execute("select apistatus.make_partitions(%s)", ([begins.date()],))
                moved = {"back": first - begins, "from_at": first}
                count = connection.execute(_COPY_ROWS, moved).rowcount
                self._old[f"results_{begins:%Y%m%d}"] = count
            connection.execute("checkpoint")
        return count

    def bytes_a_row(self, *, packed: bool) -> list[float]:
        """Of each old day, with its key; `packed` as maintenance leaves a closed one."""
        found = []
        with closing(self._database.connect()) as connection:
            for name, count in self._old.items():
                self._services.go_on()
                if packed:
                    connection.execute(_PACK.format(name).encode())
                size = connection.execute(_SIZE, (f"apistatus.{name}",)).fetchall()[0][0]
                found.append(float(size) / count)
        return found

    def drop_days(self, days: int) -> list[Dropped]:
        """Drop old days, one after the other."""
        dropped = []
        with closing(connect.connect(self._database.app)) as connection:
            connection.execute(statement("maintenance_limits"))
            for _ in range(days):
                # Autovacuum, which the fresh rows attract, may be in the way: the try that succeeds is measured.
                locked_ms, day = patiently(
                    lambda: _timed(connection, "retention_detach", (_DAYS_OLD // 2,)), time.sleep
                )
                rest_ms, _ = patiently(lambda: _timed(connection, "retention_drop"), time.sleep)
                if day is None:
                    raise NotMeasured("no day is old enough to be dropped")
                dropped.append(Dropped(locked_ms + rest_ms, locked_ms))
        return dropped

    def _define(self) -> None:
        """1,000 checks that are in force for three months, each with a result of now."""
        now_us = int(self._now.timestamp()) * 1_000_000
        from_us = now_us - (DAYS_OF_ROLLUPS + 1) * 86_400_000_000
        about: dict[str, Any] = {
            "v": 1, "location": "bench", "site": "https://service.example", "endpoint": "/", "sla_ms": 500,
            "interval_ms": _STEP // timedelta(milliseconds=1), "producer": "bench",
        }  # fmt: skip
        definitions: list[Definition] = []
        results = []
        for number in range(CHECKS):
            named = {"check": f"check-{number:04}", "name": f"Check {number}", **about}
            definitions.append(
                CheckDefined(kind="check", from_us=from_us, group=f"group {number % 10}", **named)
            )
            results.append(
                Result(origin="schedule", attempts=1, status="up", scheduled_at_us=now_us, start_delay_us=0,
                       total_us=50_000, **named)
            )  # fmt: skip
        with closing(PostgresSink(self._database.app, group="bench")) as sink:
            sink.claim(TopicIdentity("bench", "bench", "bench"), (0,))
            sink.store(Batch(definitions=definitions, results=results, positions={0: CHECKS * 2}))


def _timed(connection: Connection, name: str, parameters: Sequence[Any] | None = None) -> tuple[float, Any]:
    """Milliseconds that it took, and what it gave."""
    began = time.perf_counter()
    row = connection.execute(statement(name), parameters).fetchone()
    return (time.perf_counter() - began) * 1e3, row[0] if row else None
