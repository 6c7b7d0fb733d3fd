"""A connection that coroutines read from and write to, with TLS in it as often as it takes: once with a proxy,
once more with the target behind it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import Final

from apistatus.probing.connection import Connection
from apistatus.probing.exchange_errors import HandshakeClosed
from apistatus.probing.stamps import Arrivals

_RECORD_BYTES: Final = 16_384
_GONE: Final = frozenset((errno.EPIPE, errno.ECONNRESET))


class _Layer:
    """TLS between the bytes of a connection and those of its user."""

    __slots__ = ("_in", "_out", "ended", "tls")

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname=server_name)
        self.ended = False
        """True once the peer has said goodbye (RFC 8446, section 6.1)."""

    def encrypt(self, data: bytes) -> bytes:
        """What goes out for it, and with it what else there is to say."""
        if data:
            self.tls.write(data)
        return self._out.read()

    def take_in(self, data: bytes) -> None:
        self._in.write(data)

    def decrypt(self, data: bytes) -> bytes:
        """All that can be read by now. Raises ssl.SSLError."""
        self._in.write(data)
        pieces = []
        while not self.ended:
            try:
                piece = self.tls.read(_RECORD_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                piece = b""
            self.ended = not piece
            pieces.append(piece)
        return b"".join(pieces)


class Stream:
    """What is sent goes out by itself, as fast as the peer takes it. Each read is one turn of the event loop, so
    that a peer that floods us holds nobody else up. Stamps are monotonic nanoseconds, the kernel's where it has
    them.
    """

    __slots__ = (
        "_ahead", "_arrivals", "_error", "_layers", "_loop", "_unsent", "_waiter", "at_ns", "connection", "context",
        "ended", "first_ns", "kept_at_ns", "tls", "truncated",
    )  # fmt: skip

    def __init__(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        """Takes over a connection that has just been made."""
        self.connection = connection
        self._loop = loop
        self._arrivals = Arrivals()
        self._layers: list[_Layer] = []
        self._unsent = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._ahead = b""
        self._error: Exception | None = None
        self.context: ssl.SSLContext | None = None
        self.tls: ssl.SSLObject | None = None
        """Of the last handshake that began."""
        self.at_ns = self.first_ns = self.kept_at_ns = 0
        """When what was read last had come; and first, since it was set to 0."""
        self.ended = self.truncated = False
        """True once nothing more comes; and when that ended TLS without a goodbye."""
        connection.watch(reads=False, writes=False)
        connection.on_readable, connection.on_writable = self._wake, self._writable
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def late_ns(self) -> int:
        """How late, at worst, we looked at what had come."""
        return self._arrivals.late_ns

    @property
    def waits_to_send(self) -> bool:
        """True while the kernel has not taken all that was sent."""
        return bool(self._unsent)

    def send(self, data: bytes) -> None:
        """Have it go out. Raises OSError and ssl.SSLError; not when the peer has left, which reading tells of."""
        for layer in reversed(self._layers):
            data = layer.encrypt(data)
        self._unsent += data
        self._push()

    async def read(self, max_bytes: int) -> bytes:
        """What came, decrypted, of at most so many bytes; empty at the end. Raises OSError and ssl.SSLError."""
        data, self._ahead = self._ahead, b""
        while not data and not self.ended:
            data = await self._read_through(self._layers, max_bytes)
        return data

    async def start_tls(
        self, context: ssl.SSLContext, server_name: str, protocols: Sequence[str] = ()
    ) -> int:
        """Speak TLS from here on, offering these protocols (ALPN); the nanoseconds that were spent waiting.

        Raises ssl.SSLError, OSError, HandshakeClosed, ValueError for a name that no certificate can have.
        """
        # Copied by the object that wrap_bio makes: another stream can offer others.
        context.set_alpn_protocols(list(protocols))
        layer = _Layer(context, server_name)
        self.tls, self.context = layer.tls, context
        waited_ns = sent_ns = 0
        while not self._has_shaken_hands(layer):
            if flight := layer.encrypt(b""):
                sent_ns = monotonic_ns()
                self.send(flight)
            data = await self._read_through(self._layers, _RECORD_BYTES)
            if data:
                waited_ns += max(0, self.at_ns - sent_ns)
                # What comes in several reads was waited for until the last of them.
                sent_ns = self.at_ns
                layer.take_in(data)
            elif self.ended:
                raise HandshakeClosed
        # Its last flight goes out with what is sent next.
        self._ahead = layer.decrypt(b"")
        self._layers.append(layer)
        return waited_ns

    def _has_shaken_hands(self, layer: _Layer) -> bool:
        try:
            layer.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            # The alert that tells the peer why.
            with contextlib.suppress(OSError):
                self.send(layer.encrypt(b""))
            raise
        return True

    async def _read_through(self, layers: Sequence[_Layer], max_bytes: int) -> bytes:
        data, came_ns = await self._raw(max_bytes)
        for layer in layers:
            if data:
                data = layer.decrypt(data)
            self.ended = self.ended or layer.ended
        if self.ended and layers:
            self.truncated = not layers[-1].ended
        if data and not self.first_ns:
            self.first_ns = came_ns
        return data

    async def _raw(self, max_bytes: int) -> tuple[bytes, int]:
        """The next bytes, still encrypted, and when the first of them had come."""
        sock, arrivals = self.connection.sock, self._arrivals
        while True:
            await self._readable()
            try:
                if not self.first_ns:
                    arrivals.read(sock, 1, peek=True)
                came_ns = arrivals.at_ns
                data = arrivals.read(sock, max_bytes)
            except BlockingIOError:
                continue  # the loop called though nothing was there
            break
        self.at_ns = arrivals.at_ns
        if not data:
            broken = self.connection.broken
            if broken is not None and broken.errno != errno.EPIPE:
                raise broken
            # EPIPE: the peer had closed its side before it reset what we still sent.
            self.ended = True
        return data, came_ns

    async def _readable(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        self._watch()
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._watch()

    def _watch(self) -> None:
        if not self.connection.closed:
            self.connection.watch(reads=self._waiter is not None, writes=bool(self._unsent))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _writable(self) -> None:
        try:
            self._push()
        except OSError as error:
            self.close(error)

    def _push(self) -> None:
        if self._unsent:
            try:
                sent = self.connection.sock.send(self._unsent)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                if error.errno not in _GONE:
                    raise
                # It may have answered before it left, and what it said then counts.
                sent = len(self._unsent)
            del self._unsent[:sent]
        self._watch()

    # --- between two checks --------------------------------------------------------------------------

    def rest(self, hear: Callable[[bytes], bytes | None]) -> None:
        """Wait for the next user. `hear` is given what comes meanwhile, and says what to answer; None: nothing may
        come, and the connection is closed."""
        connection = self.connection
        left_bytes = 4 * _RECORD_BYTES

        def listen() -> None:
            nonlocal left_bytes
            try:
                data = connection.sock.recv(_RECORD_BYTES)
                left_bytes -= len(data)
                is_over = not data or left_bytes < 0
                for layer in self._layers:
                    data = layer.decrypt(data)
                    is_over = is_over or layer.ended
                # Without data it was a matter of TLS, like a ticket.
                answer = None if is_over else hear(data) if data else b""
                if answer is not None:
                    self.send(answer)
            except BlockingIOError:
                return
            except Exception:  # noqa: BLE001 - nobody waits for it: it is of no use any more, whatever it is
                answer = None
            if answer is None:
                connection.close()
            else:
                connection.watch(reads=True, writes=bool(self._unsent))

        connection.on_readable = listen
        connection.watch(reads=True, writes=False)

    def go_on(self) -> None:
        """Belong to a new user."""
        self._arrivals = Arrivals()
        self.connection.on_readable = self._wake
        self.connection.watch(reads=False, writes=bool(self._unsent))

    def is_idle(self) -> bool:
        """True while it can be used again."""
        return self.connection.is_idle()

    def close(self, error: Exception | None = None) -> None:
        """Close at once; whoever reads, now or later, hears of the error. Twice is fine."""
        self.connection.close()
        self._error = self._error or error
        if error is not None and self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
