"""What waits on disk for Kafka, and how far back a stop is made up for."""

from __future__ import annotations

import pytest

from tests.unit.settings.environment import loaded

DAY_US = 86_400_000_000


def test_defaults_are_those_that_the_readme_promises() -> None:
    probe = loaded().settings.probe
    assert probe.spool == "overflow"
    assert probe.spool_max_bytes == 1024**3
    assert probe.spool_max_age_us == DAY_US
    assert probe.missed_backfill_us == DAY_US // 24


@pytest.mark.parametrize("text", ["always", "ALWAYS", "overflow", "off"])
def test_the_mode_is_read_in_any_case(text: str) -> None:
    assert loaded(APISTATUS_SPOOL=text).settings.probe.spool == text.lower()


def test_sizes_and_durations_are_read() -> None:
    probe = loaded(
        APISTATUS_SPOOL_MAX_BYTES="50MB", APISTATUS_SPOOL_MAX_AGE="7d", APISTATUS_MISSED_BACKFILL="0"
    ).settings.probe  # fmt: skip
    assert (probe.spool_max_bytes, probe.spool_max_age_us, probe.missed_backfill_us) == (
        50_000_000,
        7 * DAY_US,
        0,
    )
