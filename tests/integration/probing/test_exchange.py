"""The exchange alone, as its listener sees it, on both event loops."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from apistatus.model.check import TlsOptions
from apistatus.probing.dialing import Dialing
from apistatus.probing.exchange import Exchange
from apistatus.probing.exchange_errors import (
    ClosedByUs,
    ConnectFailed,
    EndedEarly,
    HeldUp,
    NotHttp,
    OutOfTime,
)
from apistatus.probing.exchange_plan import Plan
from apistatus.probing.resolve import Address
from apistatus.probing.response_reader import ResponseReader
from apistatus.probing.tls import openssl_context
from apistatus.probing.tls_engines import EngineName
from tests.targets import behaviours
from tests.targets.certificates import Issued, issue, server_context
from tests.targets.server import Behaviour, Connection, Target, answer, read_request, reset

GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
Run = Callable[[Awaitable[None]], None]
both_loops = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


class Heard:
    """A listener that remembers."""

    def __init__(self, *, wants_body: bool = True, fails_in: str = "") -> None:
        self.events: list[str] = []
        self.body = b""
        self.error: Exception | None = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wants_body = wants_body
        self._fails_in = fails_in

    def _note(self, event: str) -> None:
        self.events.append(event)
        if event == self._fails_in:
            raise LookupError(event)

    def on_open(self) -> None:
        self._note("open")

    def on_head(self, response: ResponseReader) -> bool:
        self._note("head")
        return self._wants_body

    def on_body(self, piece: bytes) -> None:
        self.body += piece
        if self.events[-1] != "body":
            self._note("body")

    def on_end(self, error: Exception | None) -> None:
        self.events.append("end")
        self.error = error
        self.over.set_result(None)


def _at(port: int, ip: str = "127.0.0.1") -> Address:
    return Address(socket.AF_INET, ip, (ip, port))


async def _carry_out(
    port: int, *, request: bytes = GET, timeout_s: float = 20.0, **listening: Any
) -> tuple[Exchange, Heard]:
    heard = Heard(**listening)
    exchange = Exchange(
        Plan(request), heard, deadline_s=time.monotonic() + timeout_s, loop=asyncio.get_running_loop()
    )
    exchange.connect([_at(port)])
    await heard.over
    return exchange, heard


async def _with(behaviour: Behaviour, **options: Any) -> tuple[Exchange, Heard]:
    with Target(behaviour) as target:
        exchange, heard = await _carry_out(target.port, **options)
        if exchange.connection is not None:
            assert exchange.connection.closed
            assert target.gone.acquire(timeout=20), "the socket was not closed"
        return exchange, heard


@both_loops
def test_a_response_is_told_piece_by_piece_and_its_end_once(run: Run) -> None:
    async def test() -> None:
        exchange, heard = await _with(behaviours.ok)
        assert heard.events == ["open", "head", "body", "end"]
        assert (heard.body, heard.error) == (b'{"value": 1.50}', None)
        assert exchange.response is not None
        assert exchange.response.status == 200
        assert exchange.phase == "transfer"
        spent = (exchange.connect_ns, exchange.processing_ns, exchange.transfer_ns)
        assert all(one is not None and one >= 0 for one in spent)
        assert exchange.tls_ns is None

    run(test())


@both_loops
@pytest.mark.parametrize("event", ["open", "head", "body"])
def test_what_a_listener_raises_ends_the_exchange_with_it(run: Run, event: str) -> None:
    async def test() -> None:
        _, heard = await _with(behaviours.ok, fails_in=event)
        assert isinstance(heard.error, LookupError)
        assert heard.events[-2:] == [event, "end"]

    run(test())


async def test_a_body_that_is_not_wanted_is_not_read() -> None:
    _, heard = await _with(behaviours.endless_body, wants_body=False)
    assert (heard.events, heard.error, heard.body) == (["open", "head", "end"], None, b"")


@both_loops
def test_an_answer_that_comes_before_the_request_has_gone_out_counts(run: Run) -> None:
    def refuses_early(connection: Connection, target: Target) -> None:
        connection.recv(100)
        connection.sendall(answer(b"no", status="413 Too Much", headers=("Connection: close",)))
        target.over.wait(20)

    async def test() -> None:
        with Target(refuses_early) as target:
            exchange, heard = await _carry_out(target.port, request=GET + bytes(32 << 20))
        assert (heard.error, heard.body) == (None, b"no")
        assert exchange.response is not None
        assert exchange.response.status == 413

    run(test())


@both_loops
@pytest.mark.parametrize("size", [3_000, 32 << 20])
def test_a_request_goes_out_whole_however_slowly_it_is_taken(run: Run, size: int) -> None:
    def takes_all(connection: Connection, target: Target) -> None:
        # Until the sender's buffers are full, from when it has begun to send.
        left = len(GET) + size - len(connection.recv(1))
        target.over.wait(0.1)
        while left:
            left -= len(connection.recv(1 << 20))
        connection.sendall(answer(b"all of it"))

    async def test() -> None:
        exchange, heard = await _with(takes_all, request=GET + bytes(size))
        assert (heard.error, heard.body) == (None, b"all of it")
        assert exchange.processing_ns is not None
        assert exchange.processing_ns >= 90_000_000

    run(test())


@both_loops
def test_an_answer_before_a_reset_counts(run: Run) -> None:
    def answers_and_leaves(connection: Connection, target: Target) -> None:
        connection.recv(100)
        connection.sendall(answer(b"no", status="413 Too Much", headers=("Connection: close",)))

    async def test() -> None:
        with Target(answers_and_leaves) as target:
            heard = Heard()
            loop = asyncio.get_running_loop()
            exchange = Exchange(
                Plan(GET + bytes(32 << 20)), heard, deadline_s=time.monotonic() + 20, loop=loop
            )
            exchange.connect([_at(target.port)])
            while exchange.phase == "connect":
                await asyncio.sleep(0)
            # Answer and reset are there before the loop looks again.
            assert target.gone.acquire(timeout=20)
            await heard.over
        assert (heard.error, heard.body) == (None, b"no")

    run(test())


async def test_a_server_that_resets_a_request_it_did_not_take_is_an_os_error() -> None:
    def resets(connection: Connection, target: Target) -> None:
        connection.recv(100)
        reset(connection)

    exchange, heard = await _with(resets, request=GET + bytes(32 << 20))
    assert isinstance(heard.error, OSError)
    assert exchange.phase == "send"


async def test_an_answer_to_nothing_is_read_all_the_same() -> None:
    def speaks_first(connection: Connection, target: Target) -> None:
        connection.sendall(answer(b"hello"))
        target.over.wait(0.05)
        read_request(connection, target)

    exchange, heard = await _with(speaks_first)
    assert (heard.error, heard.body) == (None, b"hello")
    assert exchange.processing_ns is not None
    assert exchange.processing_ns >= 0


def _half_closes(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nall of it")
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)


async def test_a_half_closed_connection_ends_a_body_without_length() -> None:
    _, heard = await _with(_half_closes)
    assert (heard.error, heard.body) == (None, b"all of it")


@pytest.mark.parametrize("count", range(0, 60, 3))
async def test_a_reset_after_any_byte_ends_in_an_error(count: int) -> None:
    def resets(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(answer(b"hello")[:count])
        reset(connection)

    _, heard = await _with(resets)
    whole = len(answer(b"hello"))
    assert isinstance(heard.error, OSError) or count >= whole
    assert heard.events[-1] == "end"


async def test_cancelling_tells_the_listener_once_in_every_phase() -> None:
    for behaviour in (behaviours.silent, behaviours.drips_its_head, behaviours.drips_its_body):
        with Target(behaviour) as target:
            heard = Heard()
            loop = asyncio.get_running_loop()
            exchange = Exchange(Plan(GET), heard, deadline_s=time.monotonic() + 20, loop=loop)
            exchange.connect([_at(target.port)])
            while not target.requests:
                await asyncio.sleep(0.005)
            exchange.cancel()
            exchange.cancel()
            assert isinstance(heard.error, ClosedByUs)
            assert heard.events.count("end") == 1
            assert target.gone.acquire(timeout=20)


async def test_cancelling_at_once_leaves_no_socket() -> None:
    with Target(behaviours.silent) as target:
        heard = Heard()
        loop = asyncio.get_running_loop()
        exchange = Exchange(Plan(GET), heard, deadline_s=time.monotonic() + 20, loop=loop)
        exchange.connect([_at(target.port)])
        exchange.cancel()
        assert isinstance(heard.error, ClosedByUs)
        assert exchange.phase == "connect"


async def test_every_address_is_tried_and_told(closed: int) -> None:
    heard = Heard()
    exchange = Exchange(Plan(GET), heard, deadline_s=time.monotonic() + 20, loop=asyncio.get_running_loop())
    exchange.connect([_at(closed), _at(closed, "224.0.0.1"), _at(closed, "127.0.0.2")])
    await heard.over
    assert isinstance(heard.error, ConnectFailed)
    assert [address.ip for address, _ in heard.error.tried] == ["127.0.0.1", "224.0.0.1", "127.0.0.2"]


@both_loops
def test_the_deadline_is_kept(run: Run) -> None:
    async def test() -> None:
        began = time.monotonic()
        exchange, heard = await _with(behaviours.silent, timeout_s=0.3)
        assert isinstance(heard.error, OutOfTime)
        assert exchange.phase == "processing"
        # Not a moment early; how late is up to the machine.
        assert time.monotonic() - began >= 0.3

    run(test())


@both_loops
def test_what_came_in_time_counts_though_the_loop_looked_at_it_late(run: Run) -> None:
    async def test() -> None:
        with Target(behaviours.ok) as target:
            heard = Heard()
            loop = asyncio.get_running_loop()
            exchange = Exchange(Plan(GET), heard, deadline_s=time.monotonic() + 0.3, loop=loop)
            exchange.connect([_at(target.port)])
            while not heard.events:
                await asyncio.sleep(0)
            # The loop stands still for longer than the timeout, while the answer waits in the kernel.
            time.sleep(0.5)
            await heard.over
        assert (heard.error, heard.body) == (None, b'{"value": 1.50}')
        if exchange.has_kernel_clock:
            assert exchange.processing_ns is not None
            assert exchange.processing_ns < 300_000_000
            assert exchange.late_ns > 5_000_000

    run(test())


@both_loops
def test_a_target_that_was_asked_after_the_deadline_is_not_late(run: Run) -> None:
    async def test() -> None:
        with Target(behaviours.silent) as target:
            loop, heard = asyncio.get_running_loop(), Heard()
            exchange = Exchange(Plan(GET), heard, deadline_s=time.monotonic() + 0.3, loop=loop)
            exchange.connect([_at(target.port)])
            # The loop stands still before it can see that the target accepts.
            time.sleep(0.5)
            await heard.over
            assert isinstance(heard.error, HeldUp)
            heard = Heard()
            exchange = Exchange(Plan(GET), heard, deadline_s=time.monotonic() - 0.1, loop=loop)
            exchange.connect([_at(target.port)])
            await heard.over
            assert isinstance(heard.error, HeldUp), "a look-up that ended late"

    run(test())


@both_loops
def test_a_target_that_was_asked_in_time_and_says_nothing_is_late(run: Run) -> None:
    async def test() -> None:
        with Target(behaviours.silent) as target:
            loop, heard = asyncio.get_running_loop(), Heard()
            exchange = Exchange(Plan(GET), heard, deadline_s=time.monotonic() + 2, loop=loop)
            exchange.connect([_at(target.port)])
            while not heard.events:
                await asyncio.sleep(0)
            time.sleep(max(0.0, exchange._deadline_s - time.monotonic()) + 0.1)
            await heard.over
            assert type(heard.error) is OutOfTime

    run(test())


@both_loops
def test_a_handshake_that_was_answered_in_time_and_went_on_late_is_not_late(
    run: Run, authority: Issued, tmp_path: Path
) -> None:
    async def test() -> None:
        context = server_context(tmp_path, issue("good", authority))
        with Target(behaviours.silent, context) as target:
            loop, heard = asyncio.get_running_loop(), Heard()
            engines: list[tuple[EngineName, ssl.SSLContext]] = [
                ("openssl", openssl_context(TlsOptions(verify=False)))
            ]
            plan = Plan(GET, engines=engines, server_name="localhost")
            exchange = Exchange(plan, heard, deadline_s=time.monotonic() + 0.5, loop=loop)
            exchange.connect([_at(target.port)])
            time.sleep(0.7)
            await heard.over
            assert isinstance(heard.error, HeldUp)

    run(test())


@both_loops
def test_an_address_that_accepted_is_taken_though_the_loop_saw_it_late(
    run: Run, closed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Dialing._begin
    begun: list[str] = []

    def stand_still(dialing: Dialing, address: Address) -> None:
        begin(dialing, address)
        begun.append(address.ip)
        if len(begun) == 2:
            time.sleep(0.6)  # its share of the second below

    async def test() -> None:
        with Target(behaviours.ok) as target:
            loop, heard = asyncio.get_running_loop(), Heard()
            exchange = Exchange(Plan(GET), heard, deadline_s=time.monotonic() + 1, loop=loop)
            exchange.connect([_at(closed), _at(target.port), _at(closed, "127.0.0.2")])
            await heard.over
            assert (heard.error, heard.body) == (None, b'{"value": 1.50}')

    monkeypatch.setattr(Dialing, "_begin", stand_still)
    run(test())


async def test_a_paused_exchange_reads_no_more_until_it_is_resumed() -> None:
    with Target(behaviours.endless_body) as target:
        heard = Heard()
        loop = asyncio.get_running_loop()
        exchange = Exchange(Plan(GET), heard, deadline_s=time.monotonic() + 20, loop=loop)
        exchange.connect([_at(target.port)])
        while not heard.body:
            await asyncio.sleep(0)
        exchange.pause()
        held = len(heard.body)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(heard.body) == held
        exchange.resume()
        while len(heard.body) == held:
            await asyncio.sleep(0)
        exchange.cancel()


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (behaviours.closes_after_request, EndedEarly),
        (behaviours.promises_more_than_it_sends, EndedEarly),
        (behaviours.http_0_9, NotHttp),
    ],
    ids=["no-answer", "cut-short", "not-http"],
)
async def test_how_it_ends_is_told_by_type(behaviour: Behaviour, error: type[Exception]) -> None:
    _, heard = await _with(behaviour)
    assert isinstance(heard.error, error)


async def test_a_name_that_no_certificate_can_have_is_an_error_and_no_crash() -> None:
    with Target(behaviours.silent) as target:
        heard = Heard()
        plan = Plan(GET, engines=[("openssl", ssl.create_default_context())], server_name="a" * 300 + "\0")
        exchange = Exchange(plan, heard, deadline_s=time.monotonic() + 20, loop=asyncio.get_running_loop())
        exchange.connect([_at(target.port)])
        await heard.over
    assert isinstance(heard.error, ValueError)
    assert exchange.phase == "tls"
