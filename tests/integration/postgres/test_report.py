"""`apistatus report` and `history`: the same answer from rows, from rollups, and when the rows are gone."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from apistatus.model.definition import CheckDefined, CheckRemoved
from apistatus.model.identity import phase_us, tick_at_or_after
from apistatus.model.result import Result
from tests.integration.postgres.feeding import Feed, at
from tests.integration.postgres.rolling import DAY_US, HOUR_US, MINUTE_US, maintained, store_all
from tests.services import command
from tests.services.postgres_fixtures import TestDatabase

INTERVAL_US = 5 * MINUTE_US
ERROR = "no answer within 10 s"


class Told:
    """Two checks over the last six days; `home` was down for 40 minutes and unwatched for two hours."""

    def __init__(self, feed: Feed, now_us: int) -> None:
        self.from_us = now_us // DAY_US * DAY_US - 5 * DAY_US
        self.to_us = self.from_us + 4 * DAY_US
        self.down_us = self.from_us + DAY_US + 50 * MINUTE_US
        self.gap_us = self.from_us + 2 * DAY_US + 3 * HOUR_US
        self.results = [*self._of("home", now_us), *self._of("shop", now_us)]
        definitions = [self._defined("home", None), self._defined("shop", "front")]
        feed.store(definitions=definitions)
        store_all(feed, self.results)

    def _of(self, check: str, now_us: int) -> list[Result]:
        first = tick_at_or_after(self.from_us - DAY_US, phase_us(check, INTERVAL_US), INTERVAL_US)
        found = []
        for number, tick in enumerate(range(first, now_us, INTERVAL_US)):
            in_gap = self.gap_us <= tick < self.gap_us + 2 * HOUR_US
            if check == "home" and in_gap:
                continue
            down = check == "home" and self.down_us <= tick < self.down_us + 40 * MINUTE_US
            status = (
                "down" if down else "degraded" if number % 50 == 7 else "missed" if number % 97 == 3 else "up"
            )
            fields: dict[str, Any] = {"failure": "timeout", "error": ERROR} if down else {}
            total_us = None if status == "missed" else 80_000 + 1000 * (number % 100)
            found.append(at(tick, status, check=check, total_us=total_us, sla_ms=150, **fields))
        return found

    def _defined(self, check: str, group: str | None) -> CheckDefined:
        return CheckDefined(
            v=1, kind="check", check=check, location="local", from_us=self.from_us - DAY_US, name=check.title(),
            site="http://x", endpoint="/", interval_ms=INTERVAL_US // 1000, producer="p", group=group,
            labels={"team": "red"} if group else None,
        )  # fmt: skip

    def within(self, check: str) -> Counter[str]:
        """Results by status in the time of the report."""
        return Counter(
            each.status for each in self.results
            if each.check == check and self.from_us <= each.scheduled_at_us < self.to_us
        )  # fmt: skip


@pytest.fixture
def told(feed: Feed, now_us: int) -> Told:
    return Told(feed, now_us)


def iso(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat()


def report(database: TestDatabase, told: Told, *arguments: str) -> dict[str, Any]:
    """The JSON report of the four days."""
    answer = command.run(
        "report", "--from", iso(told.from_us), "--to", iso(told.to_us), "--output", "json", *arguments,
        env=database.environ(),
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    del found["made_at"]
    return found


def assert_is_told(found: dict[str, Any], told: Told) -> None:
    home, shop = found["checks"]
    assert (home["check"], shop["check"]) == ("home", "shop")
    for line in (home, shop):
        counts = told.within(line["check"])
        assert {status: line[status] for status in ("up", "degraded", "down", "missed")} == {
            status: counts[status] for status in ("up", "degraded", "down", "missed")
        }
        made = counts["up"] + counts["degraded"] + counts["down"]
        assert line["made"] == made
        assert line["expected"] == 4 * 288
        assert line["no_result"] == 4 * 288 - counts.total()
        assert line["uptime"] == pytest.approx((made - counts["down"]) / made)
        assert line["down_s"] == counts["down"] * 300
    assert home["no_result"] == 24
    [incident] = home["incidents"]
    first = min(each.scheduled_at_us for each in told.results if each.status == "down")
    assert datetime.fromisoformat(incident["from"]) == datetime.fromisoformat(iso(first))
    assert (incident["duration_s"], incident["failure"], incident["error"]) == (2400, "timeout", ERROR)
    assert home["mttr_s"] == 2400
    assert home["mtbf_s"] == home["up_s"]
    assert shop["incidents"] == []
    assert shop["mttr_s"] is None
    assert [group["group"] for group in found["groups"]] == ["front"]
    assert [label["label"] for label in found["labels"]] == ["team=red"]
    assert found["total"]["made"] == home["made"] + shop["made"]


def test_rows_rollups_and_what_is_left_without_rows_tell_the_same(told: Told, migrated: TestDatabase) -> None:
    from_rows = report(migrated, told, "--objective", "99.9")
    assert_is_told(from_rows, told)
    maintained(migrated)
    assert report(migrated, told, "--objective", "99.9") == from_rows
    dropped = maintained(migrated, keep_days=1).dropped
    assert len(dropped) >= 4
    assert report(migrated, told, "--objective", "99.9") == from_rows


def test_an_error_budget_is_of_the_time_that_is_known(told: Told, migrated: TestDatabase) -> None:
    home = report(migrated, told, "--objective", "99.9", "--check", "home")["checks"][0]
    known_s = home["up_s"] + home["down_s"]
    assert home["budget_allowed_s"] == pytest.approx(known_s / 1000)
    assert home["budget_left_s"] == pytest.approx(known_s / 1000 - 2400)


def test_times_that_begin_and_end_anywhere_are_exact(told: Told, migrated: TestDatabase) -> None:
    maintained(migrated)
    told.from_us += 7 * HOUR_US + 13 * MINUTE_US
    told.to_us -= 5 * HOUR_US + 11 * MINUTE_US
    found = report(migrated, told)
    for line in found["checks"]:
        counts = told.within(line["check"])
        assert (line["up"], line["missed"]) == (counts["up"], counts["missed"])
        assert line["expected"] == counts.total() + (24 if line["check"] == "home" else 0)


def test_a_gap_is_a_gap_in_every_form(told: Told, migrated: TestDatabase) -> None:
    told.from_us = told.gap_us
    told.to_us = told.gap_us + 2 * HOUR_US
    [home] = [line for line in report(migrated, told)["checks"] if line["check"] == "home"]
    assert (home["made"], home["uptime"], home["no_result"], home["up_s"]) == (0, None, 24, 0)
    env, limits = (
        migrated.environ(),
        ("--from", iso(told.from_us), "--to", iso(told.to_us), "--check", "home"),
    )
    page = command.run("report", *limits, "--output", "html", env=env).stdout
    assert page.count('class="gap"') == 2 * 2  # two hours, in the overview and in the line
    assert 'class="u0"' not in page
    assert "100 %</b>" not in page


def test_every_form_is_written(told: Told, migrated: TestDatabase) -> None:
    env = migrated.environ()
    for form, sign in (
        ("text", "uptime"),
        ("csv", "kind,check"),
        ("markdown", "# Avail"),
        ("html", "<!doctype"),
    ):
        answer = command.run("report", "--output", form, "--group", "front", env=env)
        assert answer.returncode == 0, answer.stderr
        assert sign in answer.stdout
        assert "Home" not in answer.stdout


def test_what_is_not_stored_is_suggested(told: Told, migrated: TestDatabase) -> None:
    answer = command.run(
        "report", "--check", "hom", "--group", "frnt", "--label", "team=rde", env=migrated.environ()
    )
    assert answer.returncode == 2
    for hint in ("did you mean home?", "did you mean front?", "did you mean team=red?"):
        assert hint in answer.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--month", "2026-13"), ("--month", "2999-01"), ("--month", "2026-01", "--from", "-1d"), ("--from", "x"),
     ("--from", "-1h", "--to", "-2h"), ("--label", "red"), ("--objective", "101"), ("--objective", "0")],
)  # fmt: skip
def test_a_time_that_makes_no_sense_is_usage(migrated: TestDatabase, arguments: tuple[str, ...]) -> None:
    answer = command.run("report", *arguments, env=migrated.environ())
    assert (answer.returncode, answer.stdout) == (2, "")


def test_history_tells_what_happened_newest_first(told: Told, feed: Feed, migrated: TestDatabase) -> None:
    found = []
    for maintain in (False, True):
        if maintain:
            maintained(migrated)
        answer = command.run("history", "Home", "--limit", "500", "--output", "json", env=migrated.environ())
        assert answer.returncode == 0, answer.stderr
        [history] = json.loads(answer.stdout)["histories"]
        found.append([(entry["from"], entry["status"], entry["cause"]) for entry in history["history"]])
    assert found[0] == found[1]
    assert found[0] == sorted(found[0], reverse=True)
    [down] = [entry for entry in found[0] if entry[1] == "down"]
    assert down[2] == f"timeout: {ERROR}"
    page = command.run("history", "home", env=migrated.environ()).stdout
    assert page.startswith("Home (home) at local: ")
    assert "last 24 h" in page


def test_history_of_a_removed_check_says_so(
    told: Told, feed: Feed, migrated: TestDatabase, now_us: int
) -> None:
    feed.store(definitions=[
        CheckRemoved(v=1, kind="check_removed", check="home", location="local", from_us=now_us, producer="p")
    ])  # fmt: skip
    page = command.run("history", "home", env=migrated.environ()).stdout
    assert "no longer in the reader file since" in page.splitlines()[0]


def test_history_of_nothing_is_usage(told: Told, migrated: TestDatabase) -> None:
    for arguments in (("hom",), ("home", "--location", "mars"), ("home", "--from", "soon")):
        answer = command.run("history", *arguments, env=migrated.environ())
        assert (answer.returncode, answer.stdout) == (2, "")
        assert answer.stderr


def test_history_follows_until_it_is_stopped(
    told: Told, feed: Feed, migrated: TestDatabase, now_us: int, tmp_path: Any
) -> None:
    with command.Command(["history", "home", "--follow"], migrated.environ(), tmp_path / "log") as following:
        following.wait_for_line("last 24 h")
        # Not before the first look has gone by, after which everything new is told.
        tick = now_us + MINUTE_US
        for number in range(200):
            feed.store(at(tick + number * 1_000_000, "down" if number % 2 == 0 else "up", error="news"))
            if "news" in following.said:
                break
            with closing(migrated.connect()) as connection:
                connection.execute("select pg_sleep(0.1)")
        following.wait_for_line("local: down  down: news")
        assert following.stop() == 0


def test_a_database_that_is_away_is_75(told: Told, migrated: TestDatabase) -> None:
    env = {**migrated.environ(), "PGPORT": "1"}
    for arguments in (("report",), ("history", "home"), ("maintain", "--once")):
        assert command.run(*arguments, "--connect-timeout", "0.2", env=env).returncode == 75
