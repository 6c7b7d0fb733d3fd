"""Connections that cannot be made: whose fault it is, and which address said what."""

from __future__ import annotations

import asyncio
import resource
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from apistatus.probing import connection, system_names
from apistatus.probing.prober import HttpProber
from apistatus.probing.system_names import SystemNames
from apistatus.runtime.clock import SystemClock
from tests.fakes.names import ScriptedNames, answer
from tests.targets import behaviours
from tests.targets.checks import check_of, outcome_of, probing
from tests.targets.server import Target, reset


async def test_a_closed_port_refuses(closed: int) -> None:
    outcome = await outcome_of(check_of(f"http://127.0.0.1:{closed}/"))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "connect_refused", "connect")
    assert outcome.error == f"127.0.0.1:{closed} refused the connection"
    assert outcome.ip == "127.0.0.1"
    assert outcome.connect_us is None


async def test_a_network_without_a_route_is_unreachable() -> None:
    # Linux refuses TCP to multicast addresses with ENETUNREACH, before anything is sent.
    outcome = await outcome_of(check_of("http://224.0.0.1/"))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "connect_unreachable", "connect")
    assert outcome.error == "224.0.0.1:80 cannot be reached: no route to its network"


@contextmanager
def _port_that_drops_connections() -> Iterator[int]:
    """A listener whose backlog is full: Linux drops further connections without an answer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        try:
            yield listener.getsockname()[1]
        finally:
            for filler in fillers:
                filler.close()


async def test_no_answer_to_a_connection_is_a_connect_timeout() -> None:
    with _port_that_drops_connections() as port:
        outcome = await outcome_of(check_of(f"http://127.0.0.1:{port}/", timeout_us=200_000))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "connect_timeout", "connect")
    assert outcome.error == f"127.0.0.1:{port} did not answer within 0.2 s"


async def test_a_reset_while_connecting_is_named(closed: int) -> None:
    """The handshake is done by the kernels; the reset comes before the loop has looked at its socket."""
    was_reset = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept_and_reset() -> None:
            connection, _ = listener.accept()
            reset(connection)
            was_reset.set()

        threading.Thread(target=accept_and_reset, daemon=True).start()
        async with probing() as prober:
            await prober.probe(check_of(f"http://127.0.0.1:{closed}/"))
            check = check_of(f"http://127.0.0.1:{listener.getsockname()[1]}/")
            probe = asyncio.create_task(prober.probe(check))
            # One turn of the loop begins the connection; then the loop stands still until it is reset.
            await asyncio.sleep(0)
            assert was_reset.wait(20)
            outcome = await probe
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "connect_reset", "connect")


async def test_a_name_that_does_not_exist_is_dns() -> None:
    outcome = await outcome_of(check_of("http://name.invalid/"))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "dns", "resolve")
    assert outcome.error is not None
    assert outcome.error.endswith("(name lookup of name.invalid)")
    assert outcome.ip is None


async def test_a_label_that_is_too_long_is_dns() -> None:
    outcome = await outcome_of(check_of(f"http://{'a' * 70}.invalid/"))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "dns", "resolve")


def _many(*addresses: str) -> ScriptedNames:
    return ScriptedNames(**{"many.example": answer(*addresses)})


async def test_the_next_address_is_tried_when_one_refuses() -> None:
    names = _many("127.0.0.9", "224.0.0.1", "127.0.0.1")
    with Target(behaviours.ok) as target:
        outcome = await outcome_of(check_of(f"http://many.example:{target.port}/"), names=names)
    assert (outcome.status, outcome.ip) == ("up", "127.0.0.1")


async def test_a_silent_address_uses_only_its_share_of_the_timeout() -> None:
    with _port_that_drops_connections() as port, socket.socket() as other:
        other.bind(("127.0.0.2", port))
        other.listen()
        check = check_of(f"http://many.example:{port}/", timeout_us=2_000_000)
        outcome = await outcome_of(check, names=_many("127.0.0.1", "127.0.0.2"))
    # The second one accepts, and then says nothing.
    assert (outcome.failure, outcome.phase, outcome.ip) == ("timeout", "processing", "127.0.0.2")
    assert outcome.connect_us is not None
    # How late the loop noticed that the share was over is the machine's.
    assert outcome.connect_us > 900_000


async def test_every_address_is_in_the_error_when_all_fail(closed: int) -> None:
    names = _many("224.0.0.1", "127.0.0.1")
    outcome = await outcome_of(check_of(f"http://many.example:{closed}/"), names=names)
    assert (outcome.status, outcome.failure) == ("down", "connect_refused")
    no_route = f"224.0.0.1:{closed} cannot be reached: no route to its network"
    assert outcome.error == f"{no_route}; 127.0.0.1:{closed} refused the connection"


async def test_a_lookup_without_an_answer_ends_at_the_deadline() -> None:
    names = ScriptedNames()
    names.is_slow = True
    check = check_of("http://slow.example/", timeout_us=200_000)
    async with probing(names=names) as prober:
        outcomes = await asyncio.gather(prober.probe(check), prober.probe(check))
    for outcome in outcomes:
        assert (outcome.status, outcome.failure, outcome.phase) == ("down", "dns", "resolve")
        assert outcome.error == "no answer to the name lookup of slow.example within 0.2 s"
    assert names.asked == [("slow.example", 0)]


async def test_a_lookup_that_no_thread_was_free_for_is_our_own_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, answer = threading.Event(), threading.Event()

    def hanging(host: str, *_: Any) -> list[Any]:
        begun.set()
        answer.wait(60)
        return []

    monkeypatch.setattr(system_names, "_MAX_LOOKUPS", 1)
    monkeypatch.setattr(system_names.socket, "getaddrinfo", hanging)
    try:
        async with probing(names=SystemNames()) as prober:
            first = asyncio.create_task(prober.probe(check_of("http://a.example/", timeout_us=2_000_000)))
            while not begun.is_set():
                await asyncio.sleep(0.005)
            second = await prober.probe(check_of("http://b.example/", timeout_us=200_000))
            assert (await first).failure == "dns"
    finally:
        answer.set()
    assert (second.status, second.failure, second.phase) == ("inconclusive", "internal", "resolve")
    assert second.error == "our own fault: all 1 threads for name lookups are busy"


@contextmanager
def _no_file_descriptor_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        while True:
            try:
                held.append(socket.socket())
            except OSError:
                break
        yield
    finally:
        for one in held:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "name.invalid"])
async def test_without_a_file_descriptor_nothing_is_said_about_the_target(host: str, closed: int) -> None:
    async with probing() as prober:
        check = check_of(f"http://{host}:{closed}/")
        with _no_file_descriptor_left():
            outcome = await prober.probe(check)
    assert (outcome.status, outcome.failure) == ("inconclusive", "internal")
    assert outcome.error is not None
    assert "too many open files" in outcome.error.lower()


async def test_without_a_local_port_nothing_is_said_about_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system has local ports, so each socket of ours is allowed a single one, which is taken."""
    make = socket.socket
    with Target(behaviours.ok) as target, make() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        def narrow(*args: Any) -> socket.socket:
            made = make(*args)
            if made.type & socket.SOCK_STREAM:
                # IP_LOCAL_PORT_RANGE of ip(7), Linux 6.3: the upper bound in the upper half.
                made.setsockopt(socket.IPPROTO_IP, 51, struct.pack("I", port << 16 | port))
            return made

        monkeypatch.setattr(connection.socket, "socket", narrow)
        try:
            outcome = await outcome_of(check_of(target.url))
        finally:
            monkeypatch.undo()
    assert (outcome.status, outcome.failure) == ("inconclusive", "internal")
    assert (
        outcome.error == f"our own fault: no local port is free for a connection to 127.0.0.1:{target.port}"
    )


async def test_closing_the_prober_ends_what_is_under_way() -> None:
    with Target(behaviours.silent) as target:
        prober = HttpProber(SystemClock())
        probe = asyncio.create_task(prober.probe(check_of(target.url)))
        while not target.requests:
            await asyncio.sleep(0.005)
        await prober.aclose()
        outcome = await probe
    assert (outcome.status, outcome.failure) == ("inconclusive", "internal")


async def test_a_cancelled_probe_raises_and_leaves_no_connection() -> None:
    with Target(behaviours.silent) as target:
        async with probing() as prober:
            probe = asyncio.create_task(prober.probe(check_of(target.url)))
            while not target.requests:
                await asyncio.sleep(0.005)
            probe.cancel()
            with pytest.raises(asyncio.CancelledError):
                await probe
            assert not prober.exchanges_under_way()
