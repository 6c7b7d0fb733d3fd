"""A connection that was reset before the event loop looked at what had come on it."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from apistatus.model.check import TlsOptions
from apistatus.model.result import Outcome
from apistatus.probing.tls_engines import EngineChoice
from tests.targets.certificates import issue, server_context
from tests.targets.checks import check_of, probing
from tests.targets.server import Behaviour, Connection, Target, answer, read_request, reset

Run = Callable[[Awaitable[Outcome]], Outcome]
both_loops = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


def _sends_and_resets(sent: bytes, gone: threading.Event) -> Behaviour:
    def behaviour(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(sent)
        # The other side acknowledges at once, whether its program looks or not.
        target.over.wait(0.05)
        reset(connection)
        gone.set()

    return behaviour


async def _outcome(target: Target, gone: threading.Event, **changes: object) -> Outcome:
    """Of a check during which the loop stands still from the request until the reset."""
    async with probing() as prober:
        probe = asyncio.create_task(prober.probe(check_of(target.url, **changes)))
        while not target.requests:
            await asyncio.sleep(0)
        assert gone.wait(20)
        return await probe


@both_loops
@pytest.mark.parametrize("begun", [answer(b"hel", length=5), b"HTTP/1.1 200 OK\r\n\r\nhel", b"HTT", b""])
def test_what_it_cut_off_is_a_broken_connection_and_no_silence(run: Run, begun: bytes) -> None:
    gone = threading.Event()
    with Target(_sends_and_resets(begun, gone)) as target:
        outcome = run(_outcome(target, gone))
    assert (outcome.status, outcome.failure) == ("down", "disconnected")
    assert outcome.phase == ("transfer" if begun else "processing")
    assert outcome.error is not None
    assert "connection reset by peer" in outcome.error


@both_loops
def test_a_whole_answer_before_it_counts_however_long_it_is(run: Run) -> None:
    gone = threading.Event()
    with Target(_sends_and_resets(answer(b"x" * 60_000), gone)) as target:
        outcome = run(_outcome(target, gone))
    assert (outcome.status, outcome.size_bytes) == ("up", 60_000)


@pytest.mark.parametrize("engine", ["rustls", "openssl"])
@pytest.mark.parametrize("stays", [False, True], ids=["and leaves", "and stays"])
def test_a_goodbye_ends_a_body_whatever_becomes_of_the_connection(
    engine: EngineChoice, stays: bool, tmp_path: Path
) -> None:
    def says_goodbye(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")
        connection.settimeout(0)
        with pytest.raises(ssl.SSLWantReadError):
            connection.unwrap()  # it is an ssl.SSLSocket
        if stays:
            target.over.wait()

    async def outcome(url: str) -> Outcome:
        async with probing(engine) as prober:
            return await prober.probe(check_of(url, tls=TlsOptions(ca_file=str(tmp_path / "ca.pem"))))

    authority = issue("Authority", authority=True)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    with Target(says_goodbye, server_context(tmp_path, issue("leaf", authority))) as target:
        told = uvloop.run(outcome(target.url))
    assert (told.status, told.size_bytes) == ("up", 5), told.error
