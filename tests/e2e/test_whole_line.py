"""produce -> Kafka -> consume -> PostgreSQL as real processes, held against what the target counted."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from apistatus.model.identity import phase_us
from tests.e2e.counting_target import CountingTarget
from tests.e2e.line import INTERVAL_MS, Line
from tests.services import command
from tests.services.command import wait_until
from tests.services.kafka_fixtures import Kafka
from tests.services.postgres_fixtures import TestDatabase

CHECKS = tuple(f"check-{number}" for number in range(12))


@pytest.fixture
def line(kafka: Kafka, database: TestDatabase, tmp_path: Path) -> Iterator[Line]:
    with CountingTarget() as target:
        yield Line(kafka, database, target, tmp_path)


def test_every_probe_is_one_row_and_every_tick_has_one(line: Line) -> None:
    line.write_checks(*CHECKS, broken="/broken/down")
    line.migrate()
    with line.start("consume") as consume, line.start("produce") as produce:
        consume.wait_until_ready()
        produce.wait_until_ready()
        wait_until(lambda: line.target.total >= 20 * len(CHECKS), "20 rounds of checks")
        assert produce.stop() == 0, produce.said
        published = int(_said(produce.said, "produce.stopped", "made")) + int(
            _said(produce.said, "produce.stopped", "missed")
        )
        definitions = len(CHECKS) + 1
        line.wait_until_drained(published + definitions)
        assert consume.stop() == 0, consume.said
    assert "Traceback" not in produce.said + consume.said
    assert line.rows() == published
    line.audit()
    first = line.database.query(
        "select (extract(epoch from min(scheduled_at)) * 1000000)::bigint from apistatus.check_results"
        " where check_id = 'check-3'"
    )[0][0]
    assert isinstance(first, int)
    assert first % (INTERVAL_MS * 1000) == phase_us("check-3", INTERVAL_MS * 1000)
    states = dict(line.database.query("select check_id, status from apistatus.check_status"))
    assert states == {**dict.fromkeys(CHECKS, "up"), "broken": "down"}
    value, failure = line.database.query(
        "select max(value::int) filter (where check_id = 'check-0'),"
        " max(failure) filter (where check_id = 'broken') from apistatus.check_results"
    )[0]
    assert value == line.target.counts["check-0"]
    assert failure == "status"


def test_a_reload_keeps_every_tick_of_unchanged_checks(line: Line) -> None:
    line.write_checks("stays", "goes")
    line.migrate()
    with line.start("consume") as consume, line.start("produce") as produce:
        wait_until(lambda: line.target.counts["goes"] >= 4, "some checks before the reload")
        line.readers.write_text("readers:\n  - {name: stays, sit: typo}\n")
        produce.process.send_signal(signal.SIGHUP)
        produce.wait_for_line("reload.refused")
        line.write_checks("stays", "comes")
        produce.process.send_signal(signal.SIGHUP)
        produce.wait_for_line("reload.applied")
        wait_until(lambda: line.target.counts["comes"] >= 6, "some checks after the reload")
        assert produce.stop() == 0, produce.said
        made = int(_said(produce.said, "produce.stopped", "made"))
        missed = int(_said(produce.said, "produce.stopped", "missed"))
        wait_until(lambda: line.rows() == made + missed, "all rows")
        assert consume.stop() == 0, consume.said
    line.audit()
    assert set(line.target.counts) == {"stays", "goes", "comes"}
    removed = line.number(
        "select count(*)::int from apistatus.check_versions v join apistatus.checks c on c.id = v.check_id"
        " where c.check_id = 'goes' and v.until_at is not null"
    )
    assert removed == 1


def test_check_once_publishes_what_it_found(line: Line) -> None:
    line.write_checks("stays", broken="/broken/down")
    line.migrate()
    answer = command.run("check-once", "--publish", "--output", "json", env=line.environ())
    assert answer.returncode == 1, answer.stderr
    with line.start("consume") as consume:
        wait_until(lambda: line.rows() == 2, "both rows")
        assert consume.stop() == 0
    statuses = dict(line.database.query("select check_id, status from apistatus.check_results"))
    assert statuses == {"stays": "up", "broken": "down"}


def test_what_is_no_message_of_ours_is_set_aside_and_the_rest_is_stored(line: Line) -> None:
    from confluent_kafka import Producer

    line.write_checks("stays")
    line.migrate()
    assert command.run("check-once", "--publish", env=line.environ()).returncode == 0
    poison = Producer({"bootstrap.servers": line.kafka.bootstrap_servers})
    values = [
        b"{",
        b'{"v": 1, "check": "\xff"}',
        b'{"v": 99}',
        b'{"v": 1, "kind": "riddle"}',
        b'{"v": 1, "check": "x"}',
        None,
    ]
    for value in values:
        poison.produce(line.kafka.settings.topic, value, b"k")
    assert poison.flush(command.PATIENCE_S) == 0
    assert command.run("check-once", "--publish", env=line.environ()).returncode == 0
    with line.start("consume") as consume:
        wait_until(lambda: line.rows() == 2, "both good rows")
        wait_until(
            lambda: line.number("select count(*)::int from apistatus.dead_letters") == len(values),
            "dead letters",
        )
        assert consume.probe("/ready")[0] == 200
        assert consume.stop() == 0
    reasons = {reason for (reason,) in line.database.query("select reason from apistatus.dead_letters")}
    assert reasons == {"not_json", "not_utf8", "unknown_version", "unknown_kind", "invalid_field", "empty"}


def test_consume_names_the_command_when_the_schema_is_missing(line: Line) -> None:
    line.write_checks("stays")
    answer = command.run("consume", env={**line.environ(), **_admin_as_app(line)})
    assert answer.returncode == 2
    assert "apistatus migrate" in answer.stderr
    assert "Traceback" not in answer.stderr


def _admin_as_app(line: Line) -> dict[str, str]:
    server = line.database.server
    return {"PGAPPUSER": server.superuser, "PGAPPPW": server.password, "APPDB": "postgres"}


def _said(text: str, event: str, field: str) -> str:
    """A field of the last line that says `event`."""
    said = next(line for line in reversed(text.splitlines()) if event in line)
    return next(word.split("=")[1] for word in said.split() if word.startswith(f"{field}="))
