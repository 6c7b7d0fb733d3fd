"""Durations, sizes, addresses and the other small grammars."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apistatus.settings import quantities


@pytest.mark.parametrize(
    ("text", "value_us"),
    [
        ("500ms", 500_000),
        ("5s", 5_000_000),
        ("2m", 120_000_000),
        ("1h", 3_600_000_000),
        ("7d", 604_800_000_000),
        ("30", 30_000_000),
        ("0.5", 500_000),
        ("1.5 s", 1_500_000),
        ("0", 0),
        ("0.000001", 1),
        ("0.1s", 100_000),
    ],
)
def test_a_duration(text: str, value_us: int) -> None:
    assert quantities.duration_us(text) == value_us


@pytest.mark.parametrize(
    "text", ["", "s", "-1s", "1 week", "1M", "5S", "1e3", ".5s", "1.s", "5s ", "٣s", "1" * 16]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write 500ms"):
        quantities.duration_us(text)


def test_a_duration_within_bounds_that_count_as_within() -> None:
    assert quantities.duration_within("500ms", "500ms", "7d") == 500_000
    assert quantities.duration_within("7d", "500ms", "7d") == 604_800_000_000
    for text in ("499ms", "169h"):
        with pytest.raises(ValueError, match="must be from 500ms to 7d"):
            quantities.duration_within(text, "500ms", "7d")


@pytest.mark.parametrize(
    ("text", "value_bytes"),
    [("0", 0), ("10", 10), ("10B", 10), ("500kB", 500_000), ("1MB", 10**6), ("2GB", 2 * 10**9),
     ("64KiB", 65_536), ("1MiB", 2**20), ("1.5GiB", 3 * 2**29), ("1 MiB", 2**20)],
)  # fmt: skip
def test_a_size(text: str, value_bytes: int) -> None:
    assert quantities.size_bytes(text) == value_bytes


@pytest.mark.parametrize("text", ["", "1KB", "1mib", "-1", "1TiB", "MiB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size; write 64KiB"):
        quantities.size_bytes(text)


def test_a_whole_number_within_bounds() -> None:
    assert quantities.whole_number("1", 1, 10) == 1
    assert quantities.whole_number("10", 1, 10) == 10


@pytest.mark.parametrize("text", ["", "0", "11", "-1", "+1", "1.0", "1_0", "ten", "٣", "9" * 19, " 1"])
def test_what_is_no_whole_number_within_bounds(text: str) -> None:
    with pytest.raises(ValueError, match="must be a whole number from 1 to 10"):
        quantities.whole_number(text, 1, 10)


@pytest.mark.parametrize(
    ("texts", "value"), [("true 1 yes on TRUE On", True), ("false 0 no off FALSE", False)]
)
def test_true_and_false_as_people_write_them(texts: str, value: bool) -> None:
    assert [quantities.truth(text) for text in texts.split()] == [value] * len(texts.split())


def test_neither_true_nor_false() -> None:
    with pytest.raises(ValueError, match="must be true or false"):
        quantities.truth("maybe")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65_535)),
        ("[fe80::1%eth0]:80", ("fe80::1%eth0", 80)),
    ],
)
def test_a_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert quantities.host_and_port(text) == address


@pytest.mark.parametrize(
    "text", ["", "8080", ":8080", "host", "host:", "host:65536", "::1:80", "a b:1", "http://x:1"]
)
def test_what_is_no_host_and_port(text: str) -> None:
    with pytest.raises(ValueError, match="must be HOST:PORT"):
        quantities.host_and_port(text)


def test_the_nearest_of_the_known_names_is_suggested() -> None:
    assert quantities.nearest("intervall", ["interval", "timeout"]) == "; did you mean interval?"
    assert quantities.nearest("zzz", ["interval"]) == ""


@pytest.mark.parametrize(
    "parse", [quantities.duration_us, quantities.size_bytes, quantities.truth, quantities.host_and_port]
)
def test_no_message_repeats_a_text_that_may_be_a_secret(parse: Callable[[str], object]) -> None:
    with pytest.raises(ValueError, match=r"must|is not") as caught:
        parse("hunter2")
    assert "hunter2" not in str(caught.value)
