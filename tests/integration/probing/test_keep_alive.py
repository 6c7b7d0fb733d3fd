"""A connection is used again when the check wants that and both sides allow it, and the result says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from apistatus.model.check import TlsOptions
from tests.targets import behaviours
from tests.targets.certificates import issue, server_context
from tests.targets.checks import check_of, probing
from tests.targets.server import Behaviour, Connection, Target, answer, read_request


def answers_for_ever(connection: Connection, target: Target) -> None:
    while read_request(connection, target):
        connection.sendall(answer())


async def _twice(behaviour: Behaviour, **changes: object) -> tuple[list[bool], int]:
    """Which of two probes in a row used a connection again, and how many connections were made."""
    with Target(behaviour) as target:
        check = check_of(target.url, keep_alive=True, **changes)
        async with probing() as prober:
            outcomes = [await prober.probe(check) for _ in range(2)]
        assert [outcome.status for outcome in outcomes] == ["up", "up"], outcomes
        return [outcome.reused for outcome in outcomes], target.accepted


async def test_a_second_probe_uses_the_connection_of_the_first() -> None:
    with Target(answers_for_ever) as target:
        check = check_of(target.url, keep_alive=True)
        async with probing() as prober:
            first = await prober.probe(check)
            second = await prober.probe(check)
        assert target.gone.acquire(timeout=20), "the prober left a connection open"
    assert target.accepted == 1
    assert (first.reused, second.reused) == (False, True)
    assert (first.connect_us is None, second.connect_us is None) == (False, True)
    assert second.ip == "127.0.0.1"
    assert b"connection: close" not in target.requests[0].lower()


async def test_a_tls_connection_is_kept_with_what_is_known_of_its_certificate(tmp_path: Path) -> None:
    leaf = issue("any")
    with Target(answers_for_ever, server_context(tmp_path, leaf)) as target:
        check = check_of(target.url, keep_alive=True, tls=TlsOptions(verify=False))
        async with probing() as prober:
            first = await prober.probe(check)
            second = await prober.probe(check)
    assert target.accepted == 1
    assert (second.status, second.reused, second.tls_us) == ("up", True, None), second.error
    assert first.certificate_expires_at_us == second.certificate_expires_at_us == leaf.expires_at_us()
    assert first.tls_engine == second.tls_engine == "rustls"


async def test_without_the_wish_every_probe_makes_its_own_connection() -> None:
    with Target(answers_for_ever) as target:
        async with probing() as prober:
            for _ in range(2):
                assert not (await prober.probe(check_of(target.url))).reused
    assert target.accepted == 2
    assert b"connection: close" in target.requests[0].lower()


async def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    assert await _twice(behaviours.ok) == ([False, False], 2)


async def test_a_kept_connection_that_dies_at_the_next_request_is_replaced() -> None:
    def hangs_up_on_the_second(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(answer())
        read_request(connection, target)

    reused, accepted = await _twice(hangs_up_on_the_second)
    assert (reused, accepted) == ([False, False], 2)


@pytest.mark.parametrize(
    "response",
    [
        answer(headers=("Connection: close",)),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        answer() + b"more than was promised",
    ],
)
async def test_a_response_that_does_not_allow_it_ends_the_connection(response: bytes) -> None:
    def answers(connection: Connection, target: Target) -> None:
        while read_request(connection, target):
            connection.sendall(response)

    assert await _twice(answers) == ([False, False], 2)


async def test_a_request_that_must_not_be_sent_twice_has_a_connection_of_its_own() -> None:
    assert await _twice(answers_for_ever, method="POST", body=b"x") == ([False, False], 2)


async def test_probes_at_the_same_time_do_not_share_a_connection() -> None:
    with Target(answers_for_ever) as target:
        check = check_of(target.url, keep_alive=True)
        async with probing() as prober:
            outcomes = await asyncio.gather(*(prober.probe(check) for _ in range(5)))
            assert [outcome.status for outcome in outcomes] == ["up"] * 5
            outcomes = await asyncio.gather(*(prober.probe(check) for _ in range(5)))
            assert [outcome.reused for outcome in outcomes] == [True] * 5
    assert target.accepted == 5
