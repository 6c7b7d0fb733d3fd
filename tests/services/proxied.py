"""One connection through the proxy, and the faults that it meets on its way."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

_CHUNK_BYTES = 65_536
_QUEUE_CHUNKS = 256
_SLICES_PER_S = 20
_FAREWELL_S = 5.0


# asm-generic/socket.h; Linux only. A filter of one instruction, "return 0", that keeps no packet.
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
_DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)


class Cut(Exception):
    """The trigger's point is reached."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


@dataclass(frozen=True, slots=True)
class Trigger:
    """Cut one connection when its client has sent so many bytes, or these bytes and had them answered."""

    after_bytes: int | None
    pattern: bytes | None
    reset: bool


class Faults:
    """What is wrong with the network now. Used on the proxy's loop only."""

    def __init__(self) -> None:
        self.flows = asyncio.Event()
        self.to_server_bytes = self.to_client_bytes = 0
        self.unplugged: list[socket.socket] = []
        self.clear()

    def clear(self) -> None:
        self.swallows = False
        self.delay_s = 0.0
        self.bytes_per_s: float | None = None
        self.trigger: Trigger | None = None
        for side in self.unplugged:
            if side.fileno() >= 0:
                side.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        self.unplugged = []
        self.flows.set()

    def set(self, *, delay_s: float | None = None, bytes_per_s: float | None = None) -> None:
        if delay_s is not None:
            self.delay_s = delay_s
        else:
            self.bytes_per_s = bytes_per_s

    def hold(self) -> None:
        self.flows.clear()

    def unplug(self, sockets: Iterable[socket.socket]) -> None:
        self.flows.clear()
        self.unplugged = [side for side in sockets if side.fileno() >= 0]
        for side in self.unplugged:
            _drop_packets(side)

    def swallow(self) -> None:
        self.swallows = True
        self.flows.set()

    def arm(self, trigger: Trigger, connections: Iterable[Connection]) -> None:
        self.trigger = trigger
        for connection in connections:
            connection.sent_bytes, connection.tail = 0, b""


class Connection:
    """Both sockets of one client."""

    def __init__(self, client: socket.socket) -> None:
        self.client = _prepared(client)
        self.server: socket.socket | None = None
        self.sent_bytes = 0
        """From the client, since the trigger was armed."""
        self.tail = b""
        """The newest of them, for a pattern that comes in pieces."""
        self._lost = False
        """Bytes were swallowed: nothing may follow them, or the stream would have a hole."""
        self._answer_cuts: Trigger | None = None
        """The pattern went by; the server's next bytes are not handed on."""

    async def run(self, target: tuple[str, int], faults: Faults) -> None:
        """Carry both directions until both have ended. Raises Cut, and OSError of a broken side."""
        loop = asyncio.get_running_loop()
        if faults.swallows:
            self._lost = True
            await self._read(self.client, asyncio.Queue(), faults)
            return
        self.server = server = _prepared(socket.socket())
        await loop.sock_connect(server, target)
        try:
            async with asyncio.TaskGroup() as group:
                for source, sink in ((self.client, server), (server, self.client)):
                    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUE_CHUNKS)
                    group.create_task(self._read(source, queue, faults))
                    group.create_task(self._write(sink, queue, faults))
        except BaseExceptionGroup as errors:
            # The first says what happened; the others are its consequences.
            raise errors.exceptions[0] from errors

    def close(self, *, reset: bool) -> None:
        """Close both sides."""
        close_socket(self.client, reset=reset)
        close_socket(self.server, reset=reset)

    async def leave_server(self) -> None:
        """Say FIN to the server and read on until it ends too: RST could cost it bytes it has not read."""
        if self.server is None:
            return
        loop = asyncio.get_running_loop()
        with suppress(OSError, TimeoutError):  # it has gone, or says no more: that is its end as well
            self.server.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(_FAREWELL_S):
                while await loop.sock_recv(self.server, _CHUNK_BYTES):
                    pass

    async def _read(
        self, source: socket.socket, queue: asyncio.Queue[tuple[float, bytes]], faults: Faults
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                data = await loop.sock_recv(source, _CHUNK_BYTES)
            except OSError:
                if faults.swallows or self._lost:
                    data = b""
                else:
                    raise
            if not self._lost:
                await queue.put((loop.time() + faults.delay_s, data))
            if not data:
                # Of a lost connection nobody hears the end: it stays until the proxy closes it.
                if self._lost:
                    await asyncio.Event().wait()
                return

    async def _write(
        self, sink: socket.socket, queue: asyncio.Queue[tuple[float, bytes]], faults: Faults
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await queue.get()
            # `loop.time` may be a hair early after a sleep.
            while (left_s := due - loop.time()) > 0:
                await asyncio.sleep(left_s)
            await faults.flows.wait()
            if faults.swallows:
                self._lost = True
            if self._lost:
                if not data:
                    await asyncio.Event().wait()
            elif not data:
                self._end_of_stream(sink)
                return
            elif sink is self.server:
                await self._to_server(sink, data, faults)
            else:
                await self._to_client(sink, data, faults)

    def _end_of_stream(self, sink: socket.socket) -> None:
        if sink is self.client and self._answer_cuts is not None:
            raise Cut(reset=self._answer_cuts.reset)
        with suppress(OSError):  # it has gone already
            sink.shutdown(socket.SHUT_WR)

    async def _to_server(self, server: socket.socket, data: bytes, faults: Faults) -> None:
        trigger = faults.trigger
        if trigger is None:
            faults.to_server_bytes += await self._send(server, data, faults)
            return
        self.sent_bytes += len(data)
        if trigger.after_bytes is not None and self.sent_bytes >= trigger.after_bytes:
            faults.trigger = None
            wanted = len(data) - (self.sent_bytes - trigger.after_bytes)
            faults.to_server_bytes += await self._send(server, data[:wanted], faults)
            raise Cut(reset=trigger.reset)
        if trigger.pattern is not None:
            seen = self.tail + data
            self.tail = seen[-len(trigger.pattern) :]
            if trigger.pattern in seen:
                faults.trigger = None
                self._answer_cuts = trigger
        faults.to_server_bytes += await self._send(server, data, faults)

    async def _to_client(self, client: socket.socket, data: bytes, faults: Faults) -> None:
        if self._answer_cuts is not None:
            raise Cut(reset=self._answer_cuts.reset)
        faults.to_client_bytes += await self._send(client, data, faults)

    async def _send(self, sink: socket.socket, data: bytes, faults: Faults) -> int:
        """Hand on, at the bounded rate; how many bytes were, before anything swallowed the rest."""
        loop = asyncio.get_running_loop()
        at = 0
        while at < len(data):
            await faults.flows.wait()
            if faults.swallows:
                self._lost = True
                break
            rate = faults.bytes_per_s
            size = len(data) if rate is None else max(1, int(rate / _SLICES_PER_S))
            piece = data[at : at + size]
            if rate is not None:
                await asyncio.sleep(len(piece) / rate)
            await loop.sock_sendall(sink, piece)
            at += len(piece)
        return at


def close_socket(side: socket.socket | None, *, reset: bool) -> None:
    """Close with FIN, or with RST."""
    if side is None or side.fileno() < 0:
        return
    with suppress(OSError):  # the other side has closed it
        if reset:
            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            # What nobody has read would turn the FIN into RST.
            while side.recv(_CHUNK_BYTES):
                pass
    side.close()


def _drop_packets(side: socket.socket) -> None:
    """Let the kernel drop every packet that comes for this socket, so that it acknowledges none."""
    program = ctypes.create_string_buffer(_DROP_ALL)
    # struct sock_fprog: the number of instructions, and where they are (linux/filter.h).
    described = struct.pack("HP", 1, ctypes.addressof(program))
    side.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)


def reserved(port: int) -> socket.socket:
    """A socket bound to a port on loopback that does not listen; 0: any port."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def listening(port: int) -> socket.socket:
    """A socket that listens on a reserved port."""
    listener = reserved(port)
    listener.setblocking(False)
    listener.listen(128)
    return listener


def _prepared(side: socket.socket) -> socket.socket:
    side.setblocking(False)
    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return side
