"""A TCP proxy on loopback that fails on demand, for tests of what a network does to a connection.

    with Proxy("127.0.0.1", port) as proxy:
        connect(proxy.port)
        proxy.black_hole()
        ...
        proxy.pass_through()

Every method returns when its fault is in force. The proxy runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Literal, Self, TypeVar

from tests.services.proxied import Connection, Cut, Faults, Trigger, close_socket, listening, reserved

T = TypeVar("T")

_PATIENCE_S = 30.0


class Proxy:
    """Forwards connections from `port` to the target. Its methods may be called from any thread."""

    def __init__(self, target_host: str, target_port: int, *, port: int = 0) -> None:
        """`port` 0: chosen by the kernel. The target is not looked for before a client comes."""
        self._target = (target_host, target_port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        # Bound and never listening, it keeps the port ours while `refuse` has the listener closed.
        self._reserved = reserved(port)
        self.port: int = self._reserved.getsockname()[1]
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._connections: dict[Connection, asyncio.Task[None] | None] = {}
        self._faults = Faults()
        self._cut = threading.Event()
        self.accepted = 0
        """Connections taken from clients so far."""

    def __enter__(self) -> Self:
        self._thread.start()
        self._await(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._await(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._reserved.close()

    @property
    def open_connections(self) -> int:
        """Connections that are alive or held half open right now."""
        return self._call(lambda: len(self._connections))

    @property
    def to_server_bytes(self) -> int:
        """Bytes handed on to the target so far, over all connections."""
        return self._call(lambda: self._faults.to_server_bytes)

    @property
    def to_client_bytes(self) -> int:
        """Bytes handed on to clients so far, over all connections."""
        return self._call(lambda: self._faults.to_client_bytes)

    def pass_through(self, *, bytes_per_s: float | None = None) -> None:
        """End every fault, but for this bound (see `throttle`), which holds from the first byte on. A connection
        that lost bytes stays dead and silent, as after a lost NAT entry."""

        def clear() -> None:
            self._faults.clear()
            self._faults.set(bytes_per_s=bytes_per_s)

        self._call(clear)
        self._await(self._listen())

    def delay(self, milliseconds: float) -> None:
        """Deliver everything, either way, so much later; the order and the throughput stay."""
        self._call(lambda: self._faults.set(delay_s=milliseconds / 1000))

    def throttle(self, bytes_per_s: float | None) -> None:
        """Let no more than this through, each connection and direction for itself; None: no bound."""
        self._call(lambda: self._faults.set(bytes_per_s=bytes_per_s))

    def freeze(self) -> None:
        """Hold everything back, and deliver it after `pass_through`: packets lost and sent again."""
        self._call(self._faults.hold)

    def black_hole(self) -> None:
        """Swallow everything, on old and new connections, and close nothing: no FIN, no RST, no answer.

        The kernel still acknowledges what comes, so no keepalive or `tcp_user_timeout` notices: a peer
        that hangs. For a network that is gone see `unplug`.
        """
        self._call(self._faults.swallow)

    def unplug(self) -> None:
        """Pull the cable: packets are dropped before TCP sees them, nothing is acknowledged, and nobody
        can connect. After `pass_through` both ends send again what got lost. Linux only."""
        self._call(lambda: self._faults.unplug(self._sockets()))

    def cut(self) -> None:
        """Close every connection in order (FIN); new ones are welcome."""
        self._await(self._close_all(reset=False))

    def reset(self) -> None:
        """Break every connection (RST); new ones are welcome."""
        self._await(self._close_all(reset=True))

    def refuse(self) -> None:
        """Refuse new connections; the old ones live on."""
        self._await(self._stop_listening())

    def half_open(self, gone: Literal["client", "server"] = "server") -> None:
        """Close the side that is `gone`; the other one is not told and waits for ever."""
        self._await(self._half_open(gone))

    def cut_after(
        self, *, bytes_to_server: int | None = None, pattern: bytes | None = None, reset: bool = True
    ) -> None:
        """Once, on the connection where it comes first: cut it at a precise point of what its client sends.

        `bytes_to_server`: exactly so many, counted from now, reach the server. `pattern`: it is let
        through, and the server's next bytes, its answer, are swallowed: the server has done what it was
        told and the client does not know. `reset` is how the client hears of it; the server gets FIN.
        """
        if (bytes_to_server is None) == (pattern is None):
            raise ValueError("either bytes_to_server or pattern")
        self._cut.clear()
        trigger = Trigger(bytes_to_server, pattern, reset=reset)
        self._call(lambda: self._faults.arm(trigger, self._connections))

    def wait_cut(self, timeout_s: float = _PATIENCE_S) -> bool:
        """Wait until `cut_after` has cut; whether it has."""
        return self._cut.wait(timeout_s)

    def _call(self, work: Callable[[], T]) -> T:
        async def call() -> T:
            return work()

        return self._await(call())

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)

    def _sockets(self) -> list[socket.socket]:
        sides = [self._listener]
        for connection in self._connections:
            sides += [connection.client, connection.server]
        return [side for side in sides if side is not None]

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = listening(self.port)
            self._accepting = self._loop.create_task(self._accept(self._listener))

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            client, _ = await self._loop.sock_accept(listener)
            self.accepted += 1
            connection = Connection(client)
            self._connections[connection] = self._loop.create_task(self._carry(connection))

    async def _carry(self, connection: Connection) -> None:
        """One connection from its client's arrival to the end of both sides."""
        try:
            await connection.run(self._target, self._faults)
        except Cut as cut:
            close_socket(connection.client, reset=cut.reset)
            await connection.leave_server()
            self._cut.set()
        except OSError:
            # One side broke its connection: so does the proxy with the other.
            connection.close(reset=True)
        connection.close(reset=False)
        self._connections.pop(connection, None)

    async def _stop_listening(self) -> None:
        if self._accepting is not None and self._listener is not None:
            await _cancel([self._accepting])
            self._listener.close()
        self._accepting = self._listener = None

    async def _close_all(self, *, reset: bool) -> None:
        connections, self._connections = self._connections, {}
        await _cancel(connections.values())
        for connection in connections:
            connection.close(reset=reset)

    async def _half_open(self, gone: Literal["client", "server"]) -> None:
        connections = list(self._connections)
        await _cancel(self._connections.values())
        for connection in connections:
            self._connections[connection] = None
            close_socket(connection.client if gone == "client" else connection.server, reset=False)

    async def _end(self) -> None:
        await self._stop_listening()
        await self._close_all(reset=False)


async def _cancel(tasks: Any) -> None:
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
