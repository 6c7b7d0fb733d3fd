"""The fault proxy does to a connection exactly what a test asked for."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.services.proxied import reserved
from tests.services.proxy import Proxy
from tests.unit.services.echo import (
    PATIENCE_S,
    EchoServer,
    client,
    echoed,
    receive,
    silent,
    to_the_end,
    until,
)


@pytest.fixture
def server() -> Iterator[EchoServer]:
    with closing(EchoServer()) as server:
        yield server


@pytest.fixture
def proxy(server: EchoServer) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", server.port) as proxy:
        yield proxy


def test_passes_bytes_and_the_end_of_each_direction(proxy: Proxy, server: EchoServer) -> None:
    data = bytes(range(256)) * 8_000
    with client(proxy) as side:
        writer = threading.Thread(target=side.sendall, args=(data,))
        writer.start()
        assert receive(side, len(data)) == data
        writer.join(PATIENCE_S)
        assert (proxy.to_server_bytes, proxy.to_client_bytes) == (len(data), len(data))
        side.shutdown(socket.SHUT_WR)
        assert side.recv(1) == b""
    assert server.ended.acquire(timeout=PATIENCE_S)
    assert server.ends == ["fin"]
    until(lambda: proxy.open_connections == 0, "a connection is left over")
    assert proxy.accepted == 1


def test_delays_without_changing_order_and_adds_up_once_per_direction(proxy: Proxy) -> None:
    proxy.delay(60)
    with client(proxy) as side:
        began = time.monotonic()
        side.sendall(b"a")
        side.sendall(b"b" * 100)
        assert receive(side, 101) == b"a" + b"b" * 100
        assert time.monotonic() - began >= 0.119


def test_throttles_to_a_rate(proxy: Proxy) -> None:
    proxy.throttle(100_000)
    with client(proxy) as side:
        began = time.monotonic()
        assert echoed(side, b"x" * 20_000) == b"x" * 20_000
        assert time.monotonic() - began >= 0.19
        proxy.throttle(None)
        assert echoed(side, b"x" * 1_000_000) == b"x" * 1_000_000


def test_cut_ends_connections_in_order_and_takes_new_ones(proxy: Proxy, server: EchoServer) -> None:
    with client(proxy) as side, client(proxy) as other:
        assert echoed(side, b"1") + echoed(other, b"2") == b"12"
        proxy.cut()
        assert proxy.open_connections == 0
        assert side.recv(1) == b""
        assert other.recv(1) == b""
    assert server.ended.acquire(timeout=PATIENCE_S)
    assert server.ended.acquire(timeout=PATIENCE_S)
    assert server.ends == ["fin", "fin"]
    with client(proxy) as side:
        assert echoed(side, b"again") == b"again"


def test_reset_breaks_both_sides(proxy: Proxy, server: EchoServer) -> None:
    with client(proxy) as side:
        assert echoed(side, b"1") == b"1"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            side.recv(1)
    assert server.ended.acquire(timeout=PATIENCE_S)
    assert server.ends == ["ConnectionResetError"]


def test_a_client_that_breaks_its_connection_breaks_the_servers(proxy: Proxy, server: EchoServer) -> None:
    with client(proxy) as side:
        assert echoed(side, b"1") == b"1"
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert server.ended.acquire(timeout=PATIENCE_S)
    assert server.ends == ["ConnectionResetError"]


def test_a_black_hole_swallows_on_old_and_new_connections_without_a_sign(
    proxy: Proxy, server: EchoServer
) -> None:
    with client(proxy) as old:
        assert echoed(old, b"before") == b"before"
        proxy.black_hole()
        old.sendall(b"lost")
        with client(proxy) as new:
            new.sendall(b"lost too")
            until(lambda: proxy.accepted == 2, "the new connection is not accepted")
            proxy.pass_through()
            with client(proxy) as later:
                assert echoed(later, b"after") == b"after"
                old.sendall(b"more")
                new.sendall(b"more")
                assert echoed(later, b"and on") == b"and on"
            assert silent(old)
            assert silent(new)
    assert sorted(bytes(each) for each in server.received) == [b"afterand on", b"before"]


def test_a_black_hole_keeps_the_end_of_a_connection_from_the_other_side(
    proxy: Proxy, server: EchoServer
) -> None:
    with client(proxy) as side:
        assert echoed(side, b"1") == b"1"
        proxy.black_hole()
    with client(proxy):
        until(lambda: proxy.accepted == 2, "the new connection is not accepted")
    assert server.ends == []
    proxy.reset()
    assert server.ended.acquire(timeout=PATIENCE_S)


def test_frozen_bytes_come_through_afterwards(proxy: Proxy, server: EchoServer) -> None:
    with client(proxy) as side:
        assert echoed(side, b"1") == b"1"
        proxy.freeze()
        side.sendall(b"held")
        with client(proxy) as other:
            other.sendall(b"held as well")
            assert silent(side)
            assert bytes(server.received[0]) == b"1"
            proxy.pass_through()
            assert receive(side, 4) == b"held"
            assert receive(other, 12) == b"held as well"


def test_unplugged_nothing_is_acknowledged_and_plugged_in_again_nothing_is_lost(proxy: Proxy) -> None:
    with client(proxy) as side, client(proxy) as limited:
        assert echoed(side, b"1") + echoed(limited, b"2") == b"12"
        limited.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 300)
        proxy.unplug()
        side.sendall(b"sent again by TCP")
        limited.sendall(b"given up by TCP")
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", proxy.port), timeout=0.1)
        with pytest.raises(TimeoutError) as given_up:
            limited.recv(1)
        assert given_up.value.errno == errno.ETIMEDOUT
        assert silent(side)
        proxy.pass_through()
        assert receive(side, 17) == b"sent again by TCP"
    with client(proxy) as side:
        assert echoed(side, b"and new ones") == b"and new ones"


def test_refuses_new_connections_keeps_old_ones_and_the_port(proxy: Proxy) -> None:
    with client(proxy) as side:
        assert echoed(side, b"1") == b"1"
        for _ in range(3):
            proxy.refuse()
            proxy.refuse()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S)
            assert echoed(side, b"2") == b"2"
            proxy.pass_through()
            with client(proxy) as new:
                assert echoed(new, b"3") == b"3"


def test_a_target_that_is_away_breaks_the_client() -> None:
    with closing(reserved(0)) as nobody, Proxy("127.0.0.1", nobody.getsockname()[1]) as proxy:
        with pytest.raises(ConnectionResetError), client(proxy) as side:
            side.recv(1)
        until(lambda: proxy.open_connections == 0, "a connection is left over")


def test_half_open_tells_one_side_only(proxy: Proxy, server: EchoServer) -> None:
    with client(proxy) as side:
        assert echoed(side, b"1") == b"1"
        proxy.half_open("server")
        assert server.ended.acquire(timeout=PATIENCE_S)
        side.sendall(b"into nothing")
        assert silent(side)
        assert proxy.open_connections == 1
    with client(proxy) as side:
        assert echoed(side, b"1") == b"1"
        proxy.half_open("client")
        assert side.recv(1) == b""
        assert server.ends == ["fin"]
        assert proxy.open_connections == 2
        proxy.cut()
    assert server.ended.acquire(timeout=PATIENCE_S)


def test_cuts_after_exactly_so_many_bytes(proxy: Proxy, server: EchoServer) -> None:
    with client(proxy) as side:
        assert echoed(side, b"before") == b"before"
        proxy.cut_after(bytes_to_server=10)
        assert echoed(side, b"12345") == b"12345"
        side.sendall(b"6789abcdef")
        assert proxy.wait_cut()
        with pytest.raises(ConnectionResetError):
            to_the_end(side)
    assert server.ended.acquire(timeout=PATIENCE_S)
    assert bytes(server.received[0]) == b"before123456789a"
    assert server.ends == ["fin"]
    with client(proxy) as side:
        assert echoed(side, b"once only, more than ten") == b"once only, more than ten"


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("pieces", [[b"x COMMIT\0"], [b"x COM", b"MIT", b"\0"]])
def test_cuts_after_a_pattern_was_answered_and_before_the_answer_comes_through(
    proxy: Proxy, server: EchoServer, pieces: list[bytes], reset: bool
) -> None:
    proxy.cut_after(pattern=b"COMMIT\0", reset=reset)
    with client(proxy) as other, client(proxy) as side:
        assert echoed(other, b"BEGIN") == b"BEGIN"
        for piece in pieces[:-1]:
            assert echoed(side, piece) == piece
        side.sendall(pieces[-1])
        assert proxy.wait_cut()
        if reset:
            with pytest.raises(ConnectionResetError):
                side.recv(1)
        else:
            assert side.recv(1) == b""
        assert echoed(other, b"COMMIT\0") == b"COMMIT\0"
    assert b"".join(pieces) in [bytes(each) for each in server.received]


def test_a_trigger_is_one_of_the_two(proxy: Proxy) -> None:
    with pytest.raises(ValueError, match="either"):
        proxy.cut_after()
    with pytest.raises(ValueError, match="either"):
        proxy.cut_after(bytes_to_server=1, pattern=b"x")
    assert not proxy.wait_cut(0)


def test_carries_many_connections_at_once(proxy: Proxy) -> None:
    failures: list[object] = []

    def talk(number: int) -> None:
        try:
            with client(proxy) as side:
                for turn in range(20):
                    data = b"%d-%d;" % (number, turn) * 500
                    assert echoed(side, data) == data
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert failures == []
    assert proxy.accepted == 20
