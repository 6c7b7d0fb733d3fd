"""A time that nobody can read is exit 2 at once, whether PostgreSQL is there or not."""

from __future__ import annotations

import pytest

from tests.services import command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report", "--month", "2026-13"), "--month: '2026-13' is no month"),
        (("report", "--from", "yesterday"), "--from: 'yesterday' is no instant"),
        (("audit", "--from", "yesterday", "--no-kafka"), "--from: 'yesterday' is no instant"),
        (("history", "home", "--from", "yesterday"), "--from: 'yesterday' is no instant"),
        (("report", "--objective", "nan"), "write a percentage like 99.9"),
    ],
)
def test_a_time_that_cannot_be_read_is_told_at_once(arguments: tuple[str, ...], said: str) -> None:
    answer = command.run(*arguments, env={"PGHOST": "127.0.0.1", "PGPORT": "1"})
    assert answer.returncode == 2
    assert said in answer.stderr
    assert "127.0.0.1" not in answer.stderr
