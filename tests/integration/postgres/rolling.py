"""Days of results to add up, and the same sums made from the rows alone."""

from __future__ import annotations

import random
from contextlib import closing

from apistatus.model.result import Result
from apistatus.postgres.maintenance import Done, Maintenance
from tests.integration.postgres.feeding import Feed, at
from tests.services.postgres_fixtures import TestDatabase

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
_STATUSES = ("up", "degraded", "down", "missed", "inconclusive")

BY_ROWS = """
    select
        check_id, location, date_trunc('{unit}', scheduled_at at time zone 'UTC'),
        count(*) filter (where status in ('up', 'degraded', 'down')),
        count(*) filter (where status = 'up'), count(*) filter (where status = 'degraded'),
        count(*) filter (where status = 'down'), count(*) filter (where status = 'missed'),
        count(*) filter (where status = 'inconclusive'),
        round(avg(total_ms) filter (where status in ('up', 'degraded'))::numeric, 6),
        round(max(total_ms) filter (where status in ('up', 'degraded'))::numeric, 6)
    from apistatus.check_results
    group by 1, 2, 3
    order by 1, 2, 3"""
BY_VIEW = """
    select
        check_id, location, {time}, made, up, degraded, down, missed, inconclusive,
        round(avg_ms::numeric, 6), round(max_ms::numeric, 6)
    from apistatus.{view}
    order by 1, 2, 3"""
EXACT_PERCENTILES = """
    select v.{percentile}, p.exact
    from apistatus.{view} v
    join (
        select
            check_id, location, date_trunc('{unit}', scheduled_at at time zone 'UTC') as begins,
            percentile_cont({fraction}) within group (order by total_ms) as exact
        from apistatus.check_results
        where status in ('up', 'degraded')
        group by 1, 2, 3
    ) p on p.check_id = v.check_id and p.location = v.location and p.begins = {time}"""
TIMES = {"hours": ("hour", "hour at time zone 'UTC'"), "days": ("day", "day::timestamp")}


def maintained(database: TestDatabase, keep_days: int = 90) -> Done:
    """What one step of maintenance did."""
    maintenance = Maintenance(database.app, keep_days, pause=lambda _: None)
    with closing(maintenance):
        return maintenance.step()


def some_results(
    seed: int, from_us: int, count: int, check: str = "home", step_us: int = 5 * MINUTE_US
) -> list[Result]:
    """Ticks with statuses that come in runs, and times over four orders of magnitude."""
    dice = random.Random(seed)
    made, status = [], "up"
    for number in range(count):
        if dice.random() < 0.15:
            status = dice.choice(_STATUSES)
        total_us = None if status in ("missed", "inconclusive") else int(10 ** dice.uniform(3, 7))
        made.append(at(from_us + number * step_us, status, check=check, total_us=total_us, sla_ms=500))
    return made


def assert_views_are_exact(database: TestDatabase) -> None:
    """Every hour and day of the views is what its rows give."""
    for name, (unit, time) in TIMES.items():
        expected = database.query(BY_ROWS.format(unit=unit))
        assert expected
        assert database.query(BY_VIEW.format(view=f"check_{name}", time=time)) == expected


def changes_by_rows(database: TestDatabase) -> list[tuple[object, ...]]:
    """Verdicts that differ from the one before, from the rows alone."""
    return database.query(
        """select check_id, location_id, scheduled_at, status from (
               select *, lag(status) over (partition by check_id, location_id order by scheduled_at) as previous
               from apistatus.results where status <= 2) r
           where status is distinct from previous order by 1, 2, 3"""
    )


def changes_stored(database: TestDatabase) -> list[tuple[object, ...]]:
    return database.query(
        "select check_id, location_id, at, status from apistatus.status_changes order by 1, 2, 3"
    )


def store_all(feed: Feed, results: list[Result], batch: int = 400) -> None:
    """Store them in batches."""
    for begin in range(0, len(results), batch):
        feed.store(*results[begin : begin + batch])
