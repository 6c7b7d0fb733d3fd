"""The timeout is the whole attempt's, and it holds whatever the target does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from tests.targets import behaviours
from tests.targets.checks import check_of, outcome_of, probing
from tests.targets.server import Behaviour, Connection, Target, answer, read_request

TIMEOUT_US = 500_000
SLACK_S = 5.0
"""How late a deadline may be on a machine with other work; without a deadline these tests never end."""


def redirects_for_ever_slowly(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    target.over.wait(0.1)
    number = len(target.requests)
    connection.sendall(answer(status="302 Found", headers=(f"Location: /{number}",)))


HANGS: list[tuple[Behaviour, str, str]] = [
    (behaviours.silent, "processing", "sent nothing within 0.5 s of the start"),
    (behaviours.drips_its_head, "transfer", "did not end within 0.5 s"),
    (behaviours.drips_headers, "transfer", "did not end within 0.5 s"),
    (behaviours.drips_its_body, "transfer", "did not end within 0.5 s"),
    (behaviours.drips_chunks, "transfer", "did not end within 0.5 s"),
    (redirects_for_ever_slowly, "", ""),
]


async def _timed(awaitable: Awaitable[object]) -> tuple[object, float]:
    began = time.monotonic()
    return await awaitable, time.monotonic() - began


@pytest.mark.parametrize(("behaviour", "phase", "says"), HANGS, ids=lambda one: getattr(one, "__name__", ""))
async def test_a_target_that_hangs_or_drips_is_given_up_in_time(
    behaviour: Behaviour, phase: str, says: str
) -> None:
    with Target(behaviour) as target:
        outcome, took_s = await _timed(
            outcome_of(check_of(target.url, timeout_us=TIMEOUT_US, max_redirects=1000))
        )
        assert target.gone.acquire(timeout=20), "the socket was not closed"
    assert (outcome.status, outcome.failure) == ("down", "timeout")
    assert 0.49 < took_s < 0.5 + SLACK_S
    if phase:
        assert outcome.phase == phase
        assert says in outcome.error


async def test_a_request_that_is_not_taken_is_given_up_in_time() -> None:
    with Target(behaviours.never_reads) as target:
        check = check_of(target.url, timeout_us=TIMEOUT_US, method="POST", body=bytes(32 << 20))
        outcome = await outcome_of(check)
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "timeout", "send")


async def test_a_flood_within_the_limits_does_not_outlast_the_deadline() -> None:
    with Target(behaviours.endless_tiny_chunks) as target:
        check = check_of(target.url, timeout_us=TIMEOUT_US, max_body_bytes=1 << 30)
        outcome, took_s = await _timed(outcome_of(check))
    assert outcome.failure == "timeout"
    assert took_s < 0.5 + SLACK_S


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_flood_does_not_hold_up_other_checks(run: Callable[[Awaitable[None]], None]) -> None:
    async def both() -> None:
        with Target(behaviours.endless_tiny_chunks) as flood, Target(behaviours.ok) as quick:
            async with probing() as prober:
                flooded = asyncio.create_task(
                    prober.probe(check_of(flood.url, timeout_us=3_000_000, max_body_bytes=1 << 30))
                )
                while not flood.requests:
                    await asyncio.sleep(0.005)
                outcome = await prober.probe(check_of(quick.url))
                assert outcome.status == "up"
                assert not flooded.done()
                flooded.cancel()
                await asyncio.wait([flooded])

    run(both())


async def test_an_attempt_that_hangs_is_tried_again() -> None:
    def hangs_once(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        if len(target.requests) == 1:
            target.over.wait()
        connection.sendall(answer())

    with Target(hangs_once) as target:
        # The second attempt has the same limit, so it must not be too tight for a busy machine.
        check = check_of(target.url, timeout_us=1_500_000, retries=1, retry_delay_us=1_000)
        outcome = await outcome_of(check)
    assert (outcome.status, outcome.attempts) == ("up", 2)
