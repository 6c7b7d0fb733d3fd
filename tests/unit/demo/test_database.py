"""The demo's questions to a database that is slow for a moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from apistatus.demo.database import Database
from apistatus.demo.snapshot import CheckSummary, Watched
from apistatus.settings.schema import PostgresSettings

SINCE = datetime(2026, 10, 5, tzinfo=UTC)


class Slow:
    """A connection on which so many queries take longer than they may."""

    closed = False

    def __init__(self, canceled: int) -> None:
        self.canceled = canceled

    def execute(self, _query: str, _given: dict[str, Any]) -> Slow:
        self.canceled -= 1
        if self.canceled >= 0:
            raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout")
        return self

    def fetchall(self) -> list[dict[str, Any]]:
        return [{"check_id": "a", "ticks": 3}]


def database(canceled: int, monkeypatch: pytest.MonkeyPatch) -> Database:
    slow = Slow(canceled)
    monkeypatch.setattr(Database, "_connect", lambda _database: slow)
    settings = PostgresSettings("127.0.0.1", 1, None, "nobody", None, "none")
    return Database(settings, [Watched("a", "A"), Watched("b", "B")], "local", SINCE)


def test_what_took_too_long_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert database(3, monkeypatch).summary(within_s=60.0) == [CheckSummary("A", ticks=3), CheckSummary("B")]


def test_what_takes_too_long_for_good_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(psycopg.errors.QueryCanceled):
        database(10**9, monkeypatch).summary(within_s=0.0)
