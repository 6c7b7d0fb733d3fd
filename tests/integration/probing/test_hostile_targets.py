"""Targets that break off, flood, lie or speak something else: each ends in its kind, soon and small."""

from __future__ import annotations

import resource

import pytest

from apistatus.probing.extract import compile_json_path
from tests.targets import behaviours
from tests.targets.checks import check_of, outcome_at, probing
from tests.targets.server import Behaviour, Target

BROKEN: list[tuple[Behaviour, str, str]] = [
    (behaviours.endless_headers, "protocol", "transfer"),
    (behaviours.endless_header_line, "protocol", "transfer"),
    (behaviours.endless_status_line, "protocol", "transfer"),
    (behaviours.endless_garbage, "protocol", "transfer"),
    (behaviours.flood_of_interim_responses, "protocol", "transfer"),
    (behaviours.endless_chunk_extension, "protocol", "transfer"),
    (behaviours.endless_trailers, "protocol", "transfer"),
    (behaviours.http_0_9, "protocol", "transfer"),
    (behaviours.another_protocol, "protocol", "transfer"),
    (behaviours.impossible_version, "protocol", "transfer"),
    (behaviours.bad_status, "protocol", "transfer"),
    (behaviours.nul_in_header, "protocol", "transfer"),
    (behaviours.header_without_colon, "protocol", "transfer"),
    (behaviours.bad_content_length, "protocol", "transfer"),
    (behaviours.absurd_content_length, "protocol", "transfer"),
    (behaviours.two_content_lengths, "protocol", "transfer"),
    (behaviours.negative_content_length, "protocol", "transfer"),
    (behaviours.unknown_transfer_encoding, "protocol", "transfer"),
    (behaviours.bad_chunk_size, "protocol", "transfer"),
    (behaviours.chunk_without_end, "protocol", "transfer"),
    (behaviours.broken_gzip, "protocol", "body"),
    (behaviours.gzip_cut_short, "protocol", "body"),
    (behaviours.gzip_many_times_over, "protocol", "body"),
    (behaviours.brotli, "protocol", "body"),
    (behaviours.endless_body, "too_large", "body"),
    (behaviours.endless_chunks, "too_large", "body"),
    (behaviours.huge_content_length, "too_large", "body"),
    (behaviours.gzip_bomb, "too_large", "body"),
    (behaviours.deflate_bomb, "too_large", "body"),
    (behaviours.gzip_bomb_in_gzip, "too_large", "body"),
    (behaviours.closes_at_once, "disconnected", "processing"),
    (behaviours.closes_after_request, "disconnected", "processing"),
    (behaviours.breaks_off_in_its_head, "disconnected", "transfer"),
    (behaviours.breaks_off_between_chunks, "disconnected", "transfer"),
    (behaviours.promises_more_than_it_sends, "disconnected", "transfer"),
    (behaviours.resets_after_request, "disconnected", "processing"),
    (behaviours.resets_in_its_head, "disconnected", "transfer"),
    (behaviours.resets_in_its_body, "disconnected", "transfer"),
]


def _named(one: object) -> str | None:
    for name, behaviour in vars(behaviours).items():
        if behaviour is one:
            return name
    return None


@pytest.mark.parametrize(("behaviour", "kind", "phase"), BROKEN, ids=_named)
async def test_a_broken_answer_is_named(behaviour: Behaviour, kind: str, phase: str) -> None:
    outcome = await outcome_at(behaviour, extractor=compile_json_path("$"), max_body_bytes=200_000)
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", kind, phase), outcome.error
    assert outcome.error
    assert outcome.error.isprintable()
    assert outcome.total_us is None


async def test_a_body_within_the_limit_is_read_however_it_is_cut_up() -> None:
    chunks = b"".join(b"1\r\nx\r\n" for _ in range(20_000)) + b"0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    outcome = await outcome_at(behaviours.replies(head + chunks))
    assert (outcome.status, outcome.size_bytes) == ("up", 20_000)


async def test_bytes_after_the_promised_end_are_ignored() -> None:
    outcome = await outcome_at(behaviours.sends_more_than_it_promises)
    assert (outcome.status, outcome.size_bytes) == ("up", 2)


async def test_a_body_in_an_unknown_coding_does_not_matter_when_nothing_is_taken_from_it() -> None:
    outcome = await outcome_at(behaviours.brotli)
    assert (outcome.status, outcome.size_bytes) == ("up", 9)


async def test_the_body_limit_is_exact() -> None:
    exactly = behaviours.replies(behaviours.answer(b"x" * 1_000))
    assert (await outcome_at(exactly, max_body_bytes=1_000)).status == "up"
    assert (await outcome_at(exactly, max_body_bytes=999)).failure == "too_large"


async def test_memory_stays_small_whatever_is_sent() -> None:
    floods = [behaviour for behaviour, _, _ in BROKEN if "endless" in str(_named(behaviour))]
    floods += [behaviours.gzip_bomb, behaviours.gzip_bomb_in_gzip, behaviours.flood_of_interim_responses]
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with probing() as prober:
        for behaviour in floods * 2:
            with Target(behaviour) as target:
                outcome = await prober.probe(check_of(target.url, extractor=compile_json_path("$")))
                assert outcome.status == "down"
    # A bomb here decodes to 64 MiB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 40_000
