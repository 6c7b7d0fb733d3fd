"""What a reader file needs on disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apistatus.settings.disk_need import disk_need, size
from tests.fakes.messages import check


def test_a_hundred_thousand_checks_a_minute_are_warned_of() -> None:
    [line], warning = disk_need([check(interval_s=60.0)] * 100_000, 90)
    assert "144,000,000 results a day take 19.6 GB, 1.8 TB in 90 days" in line
    assert warning is not None
    assert "1.8 TB" in warning
    assert "APISTATUS_RETENTION_DAYS" in warning


def test_a_hundred_checks_a_minute_are_no_reason_to_warn() -> None:
    [line], warning = disk_need([check(interval_s=60.0)] * 100, 90)
    assert "144,000 results a day take 19.6 MB, 1.76 GB in 90 days" in line
    assert warning is None


def test_checks_that_are_not_enabled_take_nothing() -> None:
    [line], warning = disk_need([replace(check(), enabled=False)], 90)
    assert "0 results a day take 0 B" in line
    assert warning is None


@pytest.mark.parametrize(
    ("number_bytes", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (999.6, "1 kB"),
        (136 * 1440, "196 kB"),
        (1e9, "1 GB"),
        (1.23e15, "1,230.0 TB"),
    ],
)
def test_sizes_are_told_in_three_digits(number_bytes: float, told: str) -> None:
    assert size(number_bytes) == told
