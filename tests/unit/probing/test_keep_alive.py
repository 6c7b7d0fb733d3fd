"""Idle connections, by origin and by age."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from apistatus.probing import keep_alive
from apistatus.probing.connection import Connection
from apistatus.probing.keep_alive import KeepAlive
from apistatus.probing.resolve import Address


class Peer:
    """Makes connections to itself, and holds their other ends."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stack = ExitStack()
        self.others: dict[Connection, socket.socket] = {}

    def connection(self) -> Connection:
        address = self._listener.getsockname()
        made = Connection(Address(socket.AF_INET, "127.0.0.1", address), asyncio.get_running_loop())
        self._stack.callback(made.close)
        made.sock.connect_ex(address)
        other, _ = self._listener.accept()
        self.others[made] = self._stack.enter_context(other)
        return made

    def close(self) -> None:
        self._stack.close()
        self._listener.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


async def test_the_connection_that_was_used_last_is_taken_first(peer: Peer) -> None:
    kept, first, second = KeepAlive(), peer.connection(), peer.connection()
    kept.put("a", first)
    kept.put("a", second)
    assert len(kept) == 2
    assert [kept.take("a"), kept.take("b"), kept.take("a"), kept.take("a")] == [second, None, first, None]
    assert len(kept) == 0


async def test_a_connection_that_the_peer_closed_or_speaks_on_is_not_taken(peer: Peer) -> None:
    kept, closed, spoken, well = KeepAlive(), peer.connection(), peer.connection(), peer.connection()
    for one in (well, closed, spoken):
        kept.put("a", one)
    peer.others[closed].close()
    peer.others[spoken].sendall(b"HTTP/1.1 408 Too Late\r\n\r\n")
    assert kept.take("a") is well
    assert (closed.closed, spoken.closed, well.closed) == (True, True, False)


async def test_a_resting_connection_closes_as_soon_as_the_peer_does(peer: Peer) -> None:
    connection = peer.connection()
    connection.rest()
    peer.others[connection].close()
    async with asyncio.timeout(20):
        while not connection.closed:
            await asyncio.sleep(0)


async def test_there_are_never_more_than_allowed_and_the_oldest_gives_way(peer: Peer) -> None:
    kept = KeepAlive(most=2)
    connections = [peer.connection() for _ in range(3)]
    for number, connection in enumerate(connections):
        kept.put(number, connection)
    assert len(kept) == 2
    assert connections[0].closed
    assert kept.take(0) is None
    assert kept.take(1) is connections[1]


async def test_a_connection_that_waited_too_long_is_closed(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ns = 10**12
    monkeypatch.setattr(keep_alive, "monotonic_ns", lambda: now_ns)
    kept, old, older = KeepAlive(), peer.connection(), peer.connection()
    kept.put("a", older)
    kept.put("b", old)
    now_ns += 301 * 10**9
    assert kept.take("b") is None
    fresh = peer.connection()
    kept.put("c", fresh)
    assert (old.closed, older.closed, fresh.closed) == (True, True, False)
    assert len(kept) == 1


async def test_closing_closes_all_of_them(peer: Peer) -> None:
    kept = KeepAlive()
    connections = [peer.connection() for _ in range(3)]
    for number, connection in enumerate(connections):
        kept.put(number % 2, connection)
    kept.close()
    assert all(connection.closed for connection in connections)
    assert len(kept) == 0
