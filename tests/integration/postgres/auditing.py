"""Whole, audited data: a check a minute for an hour, and ways to break it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from apistatus.model.definition import CheckDefined, CheckRemoved, Definition
from apistatus.model.identity import phase_us, tick_at_or_after
from tests.integration.postgres.feeding import Feed, at
from tests.services import command
from tests.services.postgres_fixtures import TestDatabase

MINUTE_US = 60_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _iso(us: int) -> str:
    return (_EPOCH + timedelta(microseconds=us)).isoformat()


@dataclass
class Audited:
    """A database and the hour of it that is audited, which ended ten minutes ago."""

    database: TestDatabase
    feed: Feed
    to_us: int = field(default_factory=lambda: int(time.time()) * 1_000_000 - 10 * MINUTE_US)

    @property
    def from_us(self) -> int:
        return self.to_us - 60 * MINUTE_US

    def ticks(self, check: str = "home", interval_us: int = MINUTE_US) -> list[int]:
        """The ticks of the hour, by the formula."""
        first = tick_at_or_after(self.from_us, phase_us(check, interval_us), interval_us)
        return list(range(first, self.to_us, interval_us))

    def defined(
        self, check: str = "home", *, from_us: int | None = None, interval_us: int = MINUTE_US
    ) -> Definition:
        """The announcement of a check, long ago if not said otherwise."""
        return CheckDefined(
            v=1, kind="check", check=check, location="local",
            from_us=self.from_us - 60 * MINUTE_US if from_us is None else from_us, name=check,
            site="http://x", endpoint="/", interval_ms=interval_us // 1000, producer="p",
        )  # fmt: skip

    def removed(self, check: str, from_us: int) -> Definition:
        return CheckRemoved(
            v=1, kind="check_removed", check=check, location="local", from_us=from_us, producer="p"
        )

    def fill(self, check: str = "home", status: Callable[[int], str] = lambda _: "up") -> None:
        """Announce a check and store a row for each of its ticks."""
        rows = [at(tick, status(n), check=check) for n, tick in enumerate(self.ticks(check))]
        self.feed.store(*rows, definitions=[self.defined(check)])

    def sql(self, text: str, *parameters: object) -> None:
        """Change something as the administrative role."""
        with closing(self.database.connect("admin")) as connection:
            connection.execute(text.encode(), parameters)

    def delete(self, *ticks_us: int) -> None:
        """Take rows away."""
        for tick in ticks_us:
            self.sql("delete from apistatus.results where scheduled_at = %s::timestamptz", _iso(tick))

    def add_gap(self, from_us: int, until_us: int) -> None:
        """Record that no producer ran."""
        self.sql(
            "insert into apistatus.gaps select c.id, l.id, %s::timestamptz, %s::timestamptz, 'p', 'power cut'"
            " from apistatus.checks c, apistatus.locations l",
            _iso(from_us), _iso(until_us),
        )  # fmt: skip

    def run(self, *arguments: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        """Exit code and JSON document of an audit of the hour."""
        limits = ("--from", _iso(self.from_us), "--to", _iso(self.to_us))
        kafka = () if env else ("--no-kafka",)
        answer = command.run(
            "audit", "--output", "json", *limits, *kafka, *arguments,
            env={**self.database.environ(), **(env or {})},
        )  # fmt: skip
        assert answer.stdout, answer.stderr
        said = json.loads(answer.stdout)
        assert said["exit_code"] == answer.returncode
        return answer.returncode, said


def instant(us: int) -> str:
    """As the document writes it."""
    return _iso(us).replace("+00:00", "Z")
