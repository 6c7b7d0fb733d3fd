"""`apistatus audit` as people call it: the page, exit codes, what is refused and how."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing

import pytest

from apistatus.postgres.sink import PostgresSink
from tests.integration.postgres.auditing import Audited, instant
from tests.integration.postgres.feeding import Feed
from tests.services import command
from tests.services.postgres_fixtures import TestDatabase


@pytest.fixture
def audited(migrated: TestDatabase) -> Audited:
    sink = PostgresSink(migrated.app, group="tests")
    with closing(sink):
        audited = Audited(migrated, Feed(sink, (0,)))
        audited.fill("home")
        audited.fill("shop")
    return audited


@pytest.fixture
def run(audited: Audited) -> Callable[..., tuple[int, str, str]]:
    """Exit code, output and errors of an audit of the whole hour."""

    def run(*arguments: str, **env: str) -> tuple[int, str, str]:
        limits = ("--from", instant(audited.from_us), "--to", instant(audited.to_us))
        answer = command.run(
            "audit", "--no-kafka", *limits, *arguments, env={**audited.database.environ(), **env}
        )
        return answer.returncode, answer.stdout, answer.stderr

    return run


def test_the_page_ends_in_the_answer(run: Callable[..., tuple[int, str, str]]) -> None:
    exit_code, said, errors = run()
    assert (exit_code, errors) == (0, "")
    assert said.splitlines()[-1].startswith("ALL EXPLAINED")
    assert "120  ticks expected" in said
    assert "\x1b[" not in said


def test_the_page_names_the_check_and_the_ticks(
    audited: Audited, run: Callable[..., tuple[int, str, str]]
) -> None:
    tick = audited.ticks("shop")[30]
    audited.delete(tick)
    exit_code, said, _ = run()
    assert exit_code == 1
    assert said.splitlines()[-1] == "UNEXPLAINED: 1 tick without a row"
    (line,) = [line for line in said.splitlines() if line.startswith("shop")]
    assert instant(tick)[:10] in line
    assert instant(tick)[11:19] in line
    assert "\nhome" not in said
    assert "\nhome" in run("--verbose")[1]


def test_an_unknown_check_is_exit_2_and_suggests(run: Callable[..., tuple[int, str, str]]) -> None:
    exit_code, _, errors = run("--check", "shpo")
    assert exit_code == 2
    assert "did you mean shop?" in errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "yesterday"), "--from: 'yesterday' is no instant"),
        (("--to", "2999-01-01"), "--to: '2999-01-01' must lie between"),
        (("--from", "-1h", "--to", "-2h"), "is not before --to"),
        (("--output", "xml"), "xml"),
    ],
)
def test_what_is_no_time_is_exit_2_and_named(
    run: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...], said: str
) -> None:
    exit_code, _, errors = run(*arguments)
    assert exit_code == 2
    assert said in errors
    assert "Traceback" not in errors


def test_options_have_variables(run: Callable[..., tuple[int, str, str]]) -> None:
    assert run(APISTATUS_AUDIT_OUTPUT="json")[1].startswith("{")
    assert run(APISTATUS_AUDIT_OUTPUT="json")[2] == ""


def test_an_audit_writes_nothing_and_needs_no_right_to(
    audited: Audited, run: Callable[..., tuple[int, str, str]]
) -> None:
    role = audited.database.app_user
    audited.sql(
        f"alter role {role} in database {audited.database.name} set default_transaction_read_only = on"
    )
    assert run()[0] == 0


def test_a_role_that_may_not_read_the_tables_is_refused_with_what_to_do(
    audited: Audited, run: Callable[..., tuple[int, str, str]]
) -> None:
    environ = audited.database.environ()
    exit_code, _, errors = run(PGAPPUSER=environ["PGREADUSER"], PGAPPPW=environ["PGREADPW"])
    assert exit_code == 2
    assert "permission denied" in errors


def test_a_database_without_the_schema_is_exit_2(database: TestDatabase) -> None:
    answer = command.run("audit", "--no-kafka", env={**database.environ(), "PGAPPUSER": "postgres"})
    assert answer.returncode == 2
    assert "apistatus" in answer.stderr


def test_services_that_are_away_are_exit_75(audited: Audited) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        away = command.run("audit", "--no-kafka", "--connect-timeout", "0.5", env={"PGPORT": str(port)})
        assert away.returncode == 75
        assert "PostgreSQL" in away.stderr
        env = {**audited.database.environ(), "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"}
        away = command.run("audit", "--connect-timeout", "0.5", env=env)
        assert away.returncode == 75
        assert "--no-kafka" in away.stderr or "127.0.0.1" in away.stderr
