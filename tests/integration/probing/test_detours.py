"""Detours: connections that are kept, what ends them, and that they hold nobody up."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from h2.events import PingAckReceived

from apistatus.model.check import Proxy, TlsOptions
from tests.targets import behaviours, http2, server
from tests.targets.checks import check_of, outcome_of, probing
from tests.targets.http2 import Peer, hello, http2_context, once, speaks
from tests.targets.proxies import http_proxy, opens_and, socks_proxy
from tests.targets.server import Behaviour, Connection, Target, read_request


def _answers(connection: Connection, target: Target) -> None:
    while read_request(connection, target):
        connection.sendall(server.answer(b'{"value": 1.50}'))


async def _twice(
    target: Target, heard: threading.Event | None = None, **changes: object
) -> list[tuple[str, bool]]:
    """Status of two probes in a row, the second once something was `heard`, and whether their connection was used
    before."""
    async with probing() as prober:
        check = check_of(target.url, keep_alive=True, **changes)
        outcomes = [await prober.probe(check)]
        if heard is not None:
            assert await asyncio.to_thread(heard.wait, 20)
        outcomes.append(await prober.probe(check))
    return [(outcome.status, outcome.reused) for outcome in outcomes]


async def test_a_connection_of_http2_is_kept(tmp_path: Path) -> None:
    tls = TlsOptions(ca_file=str(tmp_path / "ca.pem"))
    with Target(speaks(hello), http2_context(tmp_path, "h2")) as target:
        assert await _twice(target, http_version="2", tls=tls) == [("up", False), ("up", True)]
        assert target.accepted == 1


async def test_a_connection_through_a_proxy_is_kept() -> None:
    with Target(opens_and(_answers)) as proxy, Target(_answers) as target:
        for way, kept in ((Proxy("socks5", "127.0.0.1", proxy.port), True), (None, True)):
            assert await _twice(target, proxy=way) == [("up", False), ("up", kept)]


async def test_without_keep_alive_every_probe_makes_its_own_connection() -> None:
    with Target(speaks(hello)) as target:
        async with probing() as prober:
            check = check_of(target.url, http_version="2")
            assert [(await prober.probe(check)).reused for _ in range(2)] == [False, False]
        assert target.accepted == 2


def _pings(peer: Peer) -> None:
    """And goes on when there was an answer."""
    peer.h2.ping(b"12345678")
    peer.flush()
    while not any(
        isinstance(event, PingAckReceived) for event in peer.h2.receive_data(peer.connection.recv(65_536))
    ):
        pass


def _says_goodbye(peer: Peer) -> None:
    """And waits until the client has drawn its conclusion."""
    peer.frame(http2.GOAWAY, peer.stream.to_bytes(4) + bytes(4), stream=0)
    while peer.connection.recv(65_536):
        pass


def _closes(peer: Peer) -> None:
    peer.connection.close()


@pytest.mark.parametrize(("say", "kept"), [(_pings, True), (_says_goodbye, False), (_closes, False)])
async def test_what_is_said_on_an_idle_connection_decides_whether_it_is_kept(
    say: Callable[[Peer], None], kept: bool
) -> None:
    heard = threading.Event()

    def answer(peer: Peer) -> None:
        hello(peer)
        if not heard.is_set():
            say(peer)
            heard.set()

    with Target(speaks(answer)) as target:
        assert await _twice(target, heard, http_version="2") == [("up", False), ("up", kept)]


async def test_a_connection_that_dies_with_the_request_is_no_reason_to_fail() -> None:
    """The server may give it up at the very moment at which the request goes out."""

    def answer(peer: Peer) -> None:
        if peer.stream == 1:
            hello(peer)
        else:
            peer.frame(http2.GOAWAY, (1).to_bytes(4) + (2).to_bytes(4), stream=0)
            peer.connection.close()

    with Target(speaks(answer)) as target:
        assert await _twice(target, http_version="2") == [("up", False), ("up", False)]
        assert target.accepted == 2


@pytest.mark.parametrize("changes", [{"http_version": "2"}, {"proxy": True}], ids=["http2", "proxy"])
async def test_detours_under_way_end_as_given_up_when_the_prober_is_closed(
    changes: dict[str, object],
) -> None:
    with Target(behaviours.silent) as target:
        if "proxy" in changes:
            changes = {"proxy": Proxy("http", "127.0.0.1", target.port)}
        async with probing() as prober:
            check = check_of("https://127.0.0.1:1/" if "proxy" in changes else target.url, **changes)
            probe = asyncio.create_task(prober.probe(check))
            while not target.requests:
                await asyncio.sleep(0.01)
            await prober.aclose()
            outcome = await probe
        assert (outcome.status, outcome.failure) == ("inconclusive", "internal")
        assert "the prober was closed" in (outcome.error or "")


async def test_a_probe_that_is_cancelled_leaves_no_connection() -> None:
    with Target(speaks(lambda _: None)) as target:
        async with probing() as prober:
            probe = asyncio.create_task(prober.probe(check_of(target.url, http_version="2")))
            while not target.requests:
                await asyncio.sleep(0.01)
            probe.cancel()
            with pytest.raises(asyncio.CancelledError):
                await probe
            assert await asyncio.to_thread(target.gone.acquire, timeout=20)


def _floods(peer: Peer) -> None:
    peer.answer(http2.OK, ends=False)
    piece = b"x" * 16_384
    while not peer.target.over.is_set():
        peer.frame(http2.DATA, piece)


@pytest.mark.parametrize(
    ("behaviour", "changes"),
    [(once(_floods), {"http_version": "2"}), (opens_and(behaviours.endless_body), {"proxy": "socks5"})],
    ids=["http2", "proxy"],
)
async def test_a_flood_leaves_others_their_turn(behaviour: Behaviour, changes: dict[str, object]) -> None:
    """Between two turns of the loop no more is read than one piece: it goes round thousands of times."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    with Target(behaviour) as target:
        if changes.get("proxy"):
            changes = {"proxy": Proxy("socks5", "127.0.0.1", target.port)}
        counting = asyncio.create_task(count())
        url = "http://127.0.0.1:1/" if "proxy" in changes else target.url
        outcome = await outcome_of(check_of(url, max_body_bytes=2_000_000, **changes))
        counting.cancel()
    assert outcome.failure == "too_large"
    assert turns > 2_000_000 / 16_384


async def test_hundreds_of_detours_leave_neither_sockets_nor_tasks(tmp_path: Path) -> None:
    fds = Path("/proc/self/fd")
    with (
        Target(http_proxy()) as proxy,
        Target(socks_proxy(reply=5)) as refusing,
        Target(behaviours.ok) as target,
    ):
        ways = [Proxy("http", "127.0.0.1", proxy.port), Proxy("socks5", "127.0.0.1", refusing.port), None]
        async with probing() as prober:
            checks = [
                check_of(target.url, id=f"c{number}", proxy=way, http_version="1.1" if way else "2")
                for number, way in enumerate(ways)
            ]
            for check in checks:
                await prober.probe(check)
            gc.collect()
            tasks, open_before = len(asyncio.all_tasks()), len(list(fds.iterdir()))
            for _ in range(100):
                await asyncio.gather(*(prober.probe(check) for check in checks))
            assert len(asyncio.all_tasks()) == tasks
            until_s = time.monotonic() + 20
            # Those of the targets in this process close a little later.
            while len(list(fds.iterdir())) > open_before and time.monotonic() < until_s:
                await asyncio.sleep(0.05)
            assert len(list(fds.iterdir())) <= open_before
