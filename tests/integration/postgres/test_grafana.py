"""The Grafana dashboard: every query of it runs as the read-only role, on the views that are promised."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from apistatus.postgres.roles import VIEWS
from tests.integration.postgres.feeding import Feed
from tests.integration.postgres.rolling import DAY_US, maintained, some_results, store_all
from tests.services.postgres_fixtures import TestDatabase

DASHBOARD: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "conf" / "grafana-dashboard.json").read_text(encoding="utf-8")
)
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
QUERIES = {title: panel["targets"][0]["rawSql"] for title, panel in PANELS.items()}
VARIABLES = {
    each["name"]: each["query"] for each in DASHBOARD["templating"]["list"] if each["type"] == "query"
}


def expanded(sql: str, check: str = "'home', 'shop'") -> str:
    """As Grafana's PostgreSQL data source sends it."""
    for macro, text in (
        ("$__timeFrom()", "(now() - interval '3 days')"), ("$__timeTo()", "now()"),
        ("$__timeGroup(scheduled_at, $__interval)", "floor(extract(epoch from scheduled_at) / 600) * 600"),
        ("${check:sqlstring}", check), ("${location:sqlstring}", "'local'"),
    ):  # fmt: skip
        sql = sql.replace(macro, text)
    assert "$" not in sql
    return sql


@pytest.mark.parametrize("maintain", [False, True], ids=["rows", "rollups"])
def test_every_query_answers_the_read_only_role(
    feed: Feed, migrated: TestDatabase, now_us: int, *, maintain: bool
) -> None:
    for seed, check in enumerate(("home", "shop")):
        store_all(feed, some_results(seed, now_us - 2 * DAY_US, 500, check))
    if maintain:
        maintained(migrated)
    with closing(migrated.connect("reader")) as connection:
        for name, sql in VARIABLES.items():
            assert connection.execute(sql.encode()).fetchall(), name
        for title, sql in QUERIES.items():
            answer = connection.execute(expanded(sql).encode()).fetchall()
            assert answer, title
            if title in ("Uptime", "p95"):
                assert answer[0][0] is not None
            if PANELS[title]["targets"][0]["format"] == "time_series":
                times = [row[0] for row in answer]
                assert times == sorted(times), title


def test_it_reads_nothing_but_the_promised_views() -> None:
    for sql in (*QUERIES.values(), *VARIABLES.values()):
        read = set(re.findall(r"\bFROM (\w+)", sql))
        assert read
        assert read <= set(VIEWS)


def test_a_quote_in_a_check_id_is_nothing_special(migrated: TestDatabase) -> None:
    with closing(migrated.connect("reader")) as connection:
        assert connection.execute(expanded(QUERIES["Now"], "'it''s'").encode()).fetchall() == []


def test_the_read_only_role_reads_the_views_and_nothing_else(migrated: TestDatabase) -> None:
    with closing(migrated.connect("reader")) as connection:
        for view in VIEWS:
            connection.execute(f"select * from {view}".encode())
        for name in ("results", "rollup_hours", "rollup_days", "status_changes", "all_hours", "dirty_hours"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select * from apistatus.{name}".encode())
        for call in ("detach_results(current_date - 9)", "drop_detached()", "pack_day()"):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
                connection.execute(f"select apistatus.{call}".encode())


def test_panels_do_not_lie_on_each_other() -> None:
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
