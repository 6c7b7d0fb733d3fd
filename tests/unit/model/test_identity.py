"""Identity and time of ticks. The figures are pinned: a change moves everybody's schedule and history."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apistatus.model.identity import event_id, phase_us, slug, tick_at_or_after
from apistatus.model.result import ID_PATTERN


@pytest.mark.parametrize(
    ("check_id", "interval_us", "phase"),
    [
        # The digests, from `printf ID | b2sum -l 64`: a76316f670584a93, 98567f035922de25, cd6e78b96913ecfc.
        ("home", 500_000, 420_595), ("home", 30_000_000, 10_920_595),
        ("home", 604_800_000_000, 9_130_920_595), ("world-clock", 30_000_000, 29_249_445),
        ("aiven.io", 30_000_000, 20_595_452),
    ],
)  # fmt: skip
def test_the_phase_is_for_ever(check_id: str, interval_us: int, phase: int) -> None:
    assert phase_us(check_id, interval_us) == phase


def test_the_phase_is_the_digest_as_a_big_endian_number_modulo_the_interval() -> None:
    assert phase_us("home", 30_000_000) == 0xA76316F670584A93 % 30_000_000


@given(st.integers(0, 4_000_000_000_000_000), st.integers(1, 604_800_000_000), st.text(max_size=10))
def test_ticks_are_phase_plus_a_multiple_of_the_interval(
    instant_us: int, interval_us: int, check_id: str
) -> None:
    phase = phase_us(check_id, interval_us)
    tick = tick_at_or_after(instant_us, phase, interval_us)
    assert 0 <= phase < interval_us
    assert (tick - phase) % interval_us == 0
    assert instant_us <= tick < instant_us + interval_us


def test_a_tick_at_its_own_instant_is_that_tick() -> None:
    assert tick_at_or_after(70, 10, 30) == 70
    assert tick_at_or_after(71, 10, 30) == 100
    assert tick_at_or_after(0, 10, 30) == 10


@pytest.mark.parametrize(
    ("name", "check_id"),
    [
        ("World Clock", "world-clock"), ("Japan Stock Exchange", "japan-stock-exchange"),
        ("aiven.io", "aiven.io"), ("Ärger & Öl", "arger-ol"), ("Straße", "stra-e"),
        ("Foo—Bar", "foo-bar"), ("日本 Tokyo", "tokyo"),
        ("İstanbul", "istanbul"), ("\uff26\uff55\uff4c\uff4c \ufb01le", "full-file"),
        ("  --a__b..c--  ", "a__b..c"), ("5", "5"),
        ("x" * 64, "x" * 64), ("x" * 65, None), ("日本", None), ("", None), ("._-", None),
    ],
)  # fmt: skip
def test_the_slug_of_a_name_is_for_ever(name: str, check_id: str | None) -> None:
    assert slug(name) == check_id


@given(st.text(max_size=80))
def test_a_slug_is_an_id_and_its_own_slug(name: str) -> None:
    made = slug(name)
    if made is not None:
        assert re.match(ID_PATTERN, made)
        assert slug(made) == made


def test_the_event_id_is_a_function_of_the_identity() -> None:
    assert event_id("home", "local", 1_800_000_000_000_000) == "47b42049-482f-5e97-a4b9-d5546a0e8982"
    assert event_id("home", "local", 1_800_000_000_000_000) == str(
        uuid.uuid5(uuid.NAMESPACE_URL, "apistatus:home/local/1800000000000000")
    )
    assert event_id("home", "local", 1) != event_id("home", "other", 1)
