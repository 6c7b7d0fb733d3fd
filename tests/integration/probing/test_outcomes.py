"""What the outcome of a check of a well-behaved target says."""

from __future__ import annotations

import asyncio
import gzip
import sys
import threading
import zlib
from functools import partial

import pytest

from apistatus import __version__
from apistatus.probing.extract import compile_json_path, compile_regex
from tests.targets import behaviours
from tests.targets.checks import check_of, outcome_at, outcome_of, probing
from tests.targets.server import Connection, Target, answer, read_request, replies

# The time of day in it would give every process of the run tests of other names.
zipped = partial(gzip.compress, mtime=0)


async def test_a_plain_check_has_every_phase_that_happened_and_no_other() -> None:
    outcome = await outcome_at(behaviours.ok)
    assert (outcome.status, outcome.failure, outcome.phase, outcome.error) == ("up", None, None, None)
    assert (outcome.status_code, outcome.http_version, outcome.ip) == (200, "1.1", "127.0.0.1")
    assert (outcome.size_bytes, outcome.redirects, outcome.attempts) == (15, 0, 1)
    assert (outcome.tls_engine, outcome.reused) == (None, False)
    assert outcome.resolve_us is None
    assert outcome.tls_us is None
    phases = (outcome.connect_us, outcome.processing_us, outcome.transfer_us)
    assert all(isinstance(phase, int) and phase >= 0 for phase in phases)
    assert outcome.total_us is not None
    assert outcome.total_us >= sum(phase or 0 for phase in phases) - 3


async def test_the_kernel_keeps_the_time_where_it_can() -> None:
    wanted = "kernel" if sys.platform == "linux" else "user"
    with Target(behaviours.ok) as target:
        async with probing() as prober, asyncio.timeout(20):
            # The kernel may begin later than the first check can wait for it.
            while (await prober.probe(check_of(target.url))).clock != wanted:
                await asyncio.sleep(0.01)


async def test_a_name_is_resolved_and_that_phase_is_measured() -> None:
    with Target(behaviours.ok) as target:
        outcome = await outcome_of(check_of(f"http://localhost:{target.port}/"))
    assert outcome.status == "up"
    assert outcome.ip == "127.0.0.1"
    assert outcome.resolve_us is not None


async def test_the_time_a_target_thinks_is_processing_and_not_transfer() -> None:
    def thinks(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        target.over.wait(0.1)
        connection.sendall(answer())

    outcome = await outcome_at(thinks)
    assert outcome.processing_us is not None
    assert outcome.total_us is not None
    assert 99_000 <= outcome.processing_us <= outcome.total_us


async def test_the_time_between_first_and_last_byte_is_transfer() -> None:
    first_was_read = threading.Event()

    def streams(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(answer(b"a", length=2))
        # Of two that lie in the kernel together, only the last one's stamp would be left.
        first_was_read.wait(20)
        target.over.wait(0.1)
        connection.sendall(b"b")

    with Target(streams) as target:
        async with probing() as prober:
            probe = asyncio.create_task(prober.probe(check_of(target.url)))
            while not any(one.received_bytes for one in prober.exchanges_under_way()):
                await asyncio.sleep(0.001)
            first_was_read.set()
            outcome = await probe
    assert outcome.status == "up"
    assert outcome.transfer_us is not None
    assert outcome.transfer_us >= 90_000


async def test_the_value_is_extracted_as_it_is_written_in_the_body() -> None:
    outcome = await outcome_at(behaviours.ok, extractor=compile_json_path("$.value"))
    assert (outcome.status, outcome.value) == ("up", "1.50")


async def test_the_charset_of_the_content_type_counts_for_extraction() -> None:
    page = answer(
        "<title>münchen</title>".encode("latin-1"), headers=("Content-Type: text/html; charset=latin-1",)
    )
    outcome = await outcome_at(replies(page), extractor=compile_regex("<title>(.*?)</title>"))
    assert outcome.value == "münchen"


async def test_an_element_that_is_missing_is_down_with_failure_extract() -> None:
    outcome = await outcome_at(behaviours.ok, extractor=compile_json_path("$.nothing"))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "extract", "body")
    assert outcome.error == 'no "nothing" in the object at $'
    assert outcome.value is None
    assert outcome.total_us is not None


async def test_a_status_outside_the_expected_is_down_with_failure_status() -> None:
    outcome = await outcome_at(replies(answer(status="503 Gone Fishing")), extractor=compile_json_path("$.a"))
    assert (outcome.status, outcome.failure, outcome.status_code) == ("down", "status", 503)
    assert outcome.error == "status 503 Service Unavailable, expected 200-299"


@pytest.mark.parametrize(("code", "status"), [(204, "up"), (404, "up"), (401, "down"), (599, "down")])
async def test_expected_statuses_are_ranges(code: int, status: str) -> None:
    response = f"HTTP/1.1 {code} X\r\nContent-Length: 0\r\n\r\n".encode()
    outcome = await outcome_at(replies(response), statuses=((204, 204), (402, 404)))
    assert (outcome.status, outcome.status_code) == (status, code)


async def test_a_status_that_is_wrong_counts_before_a_body_that_is_wrong() -> None:
    outcome = await outcome_at(replies(answer(b"short", "500 Oh", length=1_000)))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "status", "processing")
    assert outcome.error is not None
    assert outcome.error.startswith("status 500 Internal Server Error, expected 200-299; then 127.0.0.1:")
    assert outcome.total_us is None


async def test_slower_than_the_sla_is_degraded_and_says_by_how_much() -> None:
    def slow(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        target.over.wait(0.06)
        connection.sendall(answer())

    outcome = await outcome_at(slow, sla_ms=50)
    assert (outcome.status, outcome.failure) == ("degraded", None)
    assert outcome.error is not None
    assert outcome.error.endswith("ms over the SLA of 50 ms")


async def test_what_is_sent_is_ours_unless_the_check_says_otherwise() -> None:
    with Target(behaviours.ok) as target:
        await outcome_of(check_of(target.url))
        await outcome_of(
            check_of(
                target.url + "p?q=1", method="POST", body=b"{}", headers=(("user-agent", "me"), ("X-A", "b"))
            )
        )
    plain, own = target.requests
    assert plain.startswith(b"GET / HTTP/1.1\r\n")
    lines = plain.lower().split(b"\r\n")
    assert f"user-agent: apistatus/{__version__}".encode() in lines
    assert b"accept-encoding: gzip, deflate" in lines
    assert f"host: 127.0.0.1:{target.port}".encode() in lines
    assert b"cookie" not in plain.lower()
    assert own.startswith(b"POST /p?q=1 HTTP/1.1\r\n")
    own_lines = own.lower().split(b"\r\n")
    assert b"user-agent: me" in own_lines
    assert not any(line.startswith(b"user-agent: apistatus") for line in own_lines)
    assert b"x-a: b" in own_lines
    assert b"content-length: 2" in own_lines


async def test_cookies_of_a_target_are_not_sent_back() -> None:
    with Target(replies(answer(headers=("Set-Cookie: a=b",)))) as target:
        async with probing() as prober:
            await prober.probe(check_of(target.url))
            await prober.probe(check_of(target.url))
    assert len(target.requests) == 2
    assert all(b"cookie" not in request.lower() for request in target.requests)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", zipped(b'{"value": 7}')),
        ("deflate", zlib.compress(b'{"value": 7}')),
        ("deflate", zlib.compress(b'{"value": 7}', wbits=-15)),
    ],
)
async def test_a_compressed_body_is_decoded_and_its_decoded_size_counts(coding: str, packed: bytes) -> None:
    page = answer(packed, headers=(f"Content-Encoding: {coding}",))
    outcome = await outcome_at(replies(page), extractor=compile_json_path("$.value"))
    assert (outcome.status, outcome.value, outcome.size_bytes) == ("up", "7", 12)


async def test_a_body_that_ends_with_the_connection_is_whole() -> None:
    outcome = await outcome_at(replies(b"HTTP/1.0 200 OK\r\n\r\nall of it"))
    assert (outcome.status, outcome.size_bytes, outcome.http_version) == ("up", 9, "1.0")


async def test_a_head_request_has_no_body_whatever_its_length_says() -> None:
    outcome = await outcome_at(replies(answer(b"", length=10**9)), method="HEAD")
    assert (outcome.status, outcome.size_bytes) == ("up", 0)


async def test_attempts_are_made_until_one_succeeds() -> None:
    def second_time_lucky(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(answer(status="200 OK" if len(target.requests) > 1 else "500 No"))

    outcome = await outcome_at(second_time_lucky, retries=3, retry_delay_us=1_000)
    assert (outcome.status, outcome.attempts, outcome.failure) == ("up", 2, None)


async def test_the_last_attempt_counts_when_all_fail() -> None:
    with Target(replies(answer(status="500 No"))) as target:
        outcome = await outcome_of(check_of(target.url, retries=2, retry_delay_us=1_000))
    assert (outcome.status, outcome.attempts, outcome.failure) == ("down", 3, "status")
    assert target.accepted == 3


async def test_a_degraded_answer_is_not_tried_again() -> None:
    def slow(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        target.over.wait(0.02)
        connection.sendall(answer())

    outcome = await outcome_at(slow, sla_ms=1, retries=2, retry_delay_us=1_000)
    assert (outcome.status, outcome.attempts) == ("degraded", 1)
