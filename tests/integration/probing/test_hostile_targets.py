"""What is exact about a body: its limit, its end, and whether its coding matters. Every hostile behaviour is in
`tests.targets.table`, which `tests/e2e/test_hostile_targets.py` plays."""

from __future__ import annotations

from tests.targets import behaviours
from tests.targets.checks import outcome_at


async def test_a_body_within_the_limit_is_read_however_it_is_cut_up() -> None:
    chunks = b"".join(b"1\r\nx\r\n" for _ in range(20_000)) + b"0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    outcome = await outcome_at(behaviours.replies(head + chunks))
    assert (outcome.status, outcome.size_bytes) == ("up", 20_000)


async def test_bytes_after_the_promised_end_are_ignored() -> None:
    outcome = await outcome_at(behaviours.sends_more_than_it_promises)
    assert (outcome.status, outcome.size_bytes) == ("up", 2)


async def test_a_body_in_an_unknown_coding_does_not_matter_when_nothing_is_taken_from_it() -> None:
    unknown = behaviours.replies(behaviours.answer(b"uryyb", headers=("Content-Encoding: rot13",)))
    outcome = await outcome_at(unknown)
    assert (outcome.status, outcome.size_bytes) == ("up", 5)


async def test_the_body_limit_is_exact() -> None:
    exactly = behaviours.replies(behaviours.answer(b"x" * 1_000))
    assert (await outcome_at(exactly, max_body_bytes=1_000)).status == "up"
    assert (await outcome_at(exactly, max_body_bytes=999)).failure == "too_large"
