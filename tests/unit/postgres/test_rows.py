"""Results become rows whose numbers mean what the database's functions say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from apistatus.postgres import rows
from tests.fakes.messages import result

IDS = {("home", "local"): (7, 2)}


def row(**fields: object) -> rows.Row:
    return rows.encode([result(0, **fields)], IDS)[0]


def test_a_tick_is_counted_from_2000_as_postgresql_does() -> None:
    encoded = row(scheduled_at_us=946_684_800_000_001)
    assert encoded[rows.TICK] == 1
    assert rows.instant(1) == datetime(2000, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
    assert rows.pg_us(rows.instant(-5)) == -5
    assert rows.instant_of_unix(253_402_300_799_999_999).year == 9999


def test_a_row_has_the_columns_of_the_copy_statement() -> None:
    encoded = row(
        status="down", failure="connect_reset", phase="tls", error="reset", value="v", attempts=3,
        status_code=503, size_bytes=9, sla_ms=8, total_us=1, resolve_us=2, connect_us=3, tls_us=4,
        processing_us=5, transfer_us=6, start_delay_us=7,
    )  # fmt: skip
    assert encoded[1:] == (7, 7, 1, 2, 3, 4, 5, 6, 9, 8, 2, 2, 3, 0, 503, 4, 2, "v", "reset")
    assert len(encoded) == len(rows.TYPES)


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        ({}, 0),
        ({"clock": "kernel"}, 4),
        ({"clock": "user"}, 0),
        ({"tls_engine": "rustls"}, 8),
        ({"lagged": True}, 2),
        ({"reused": True}, 16),
        ({"origin": "once"}, 32),
        ({"clock": "kernel", "tls_engine": "rustls", "reused": True, "origin": "once"}, 60),
    ],
)
def test_how_a_result_came_about_is_a_bit_each(fields: dict[str, object], flags: int) -> None:
    assert row(**fields)[rows.FLAGS] == flags


def test_one_attempt_is_not_written_down() -> None:
    assert [row(attempts=n)[rows.ATTEMPTS] for n in (0, 1, 2)] == [0, None, 2]


def test_a_check_without_a_number_is_not_guessed() -> None:
    with pytest.raises(KeyError):
        rows.encode([result(0, "other")], IDS)


def test_the_first_of_a_tick_counts_unless_a_verdict_comes_after_none() -> None:
    ticks = [
        result(0, status="up"), result(0, status="down"),
        result(1, status="missed"), result(1, status="inconclusive"), result(1, status="degraded"),
        result(1, status="down"),
        result(2, status="inconclusive"), result(2, status="missed"),
    ]  # fmt: skip
    assert rows.first_of_each_tick(rows.encode(ticks, IDS)) == [0, 4, 6]
