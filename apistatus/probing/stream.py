"""One TCP connection on a raw socket, with or without TLS, as httpcore's connection wants its stream.

Works on asyncio's loop and on uvloop alike. Every wait can be cancelled, and closing is immediate:
no linger and no TLS goodbye, because nothing of a check follows.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

import httpcore

from apistatus.probing.resolve import Address

_READ_BYTES: Final = 65_536
_READ_HEAD_BYTES: Final = 16_384
"""Less at a time before the body: a flood of small heads costs more to take apart than to send."""
_HTTP: Final = b"HTTP/"
_READS_IN_A_ROW: Final = 4
"""Reads that found data at once before other checks get their turn."""


class HandshakeClosed(Exception):
    """The peer closed the connection in the middle of the TLS handshake."""


class ClosedByUs(Exception):
    """The stream was closed while something waited for it."""


class CheckStream(httpcore.AsyncNetworkStream):
    """Bytes in and out. Raises httpcore.ReadError and httpcore.WriteError with the OSError as cause.

    `ended` is true once the peer has closed its side, `truncated` when it did so inside TLS without
    saying goodbye, so that an attacker could have cut the stream (RFC 8446, section 6.1).
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock: Final = sock
        self._loop = asyncio.get_running_loop()
        self._tls: ssl.SSLObject | None = None
        self._encrypted_in = ssl.MemoryBIO()
        self._encrypted_out = ssl.MemoryBIO()
        self._waiter: asyncio.Future[None] | None = None
        self._reads = 0
        self._closed = False
        self.ended = False
        self.truncated = False
        self.received_bytes = 0
        self.on_first_wait: Callable[[], None] | None = None
        self.on_first_byte: Callable[[], None] | None = None
        self.max_head_bytes: int | None = None

    @classmethod
    async def connect(cls, address: Address) -> CheckStream:
        """A connected stream. Raises OSError."""
        sock = socket.socket(address.family, socket.SOCK_STREAM)
        stream = cls(sock)
        try:
            sock.settimeout(0)
            # The request is one small segment: waiting for more would only delay it.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            code = sock.connect_ex(address.sockaddr)
            if code == errno.EINPROGRESS:
                await stream._writable()
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))
        except BaseException:
            stream.close()
            raise
        return stream

    async def handshake(self, context: ssl.SSLContext, server_name: str) -> ssl.SSLObject:
        """Speak TLS from here on. Raises ssl.SSLError, HandshakeClosed, OSError.

        The TLS object is kept in `tls` even when the handshake fails: it may tell whose certificate
        was refused.
        """
        self._tls = tls = context.wrap_bio(
            self._encrypted_in, self._encrypted_out, server_side=False, server_hostname=server_name
        )
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
            except ssl.SSLError:
                # The alert that tells the peer why.
                with contextlib.suppress(OSError):
                    await self._flush()
                raise
            else:
                await self._flush()
                return tls
            data = await self._receive()
            if not data:
                raise HandshakeClosed
            self._encrypted_in.write(data)

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS object, also after a handshake that failed; None on a plain connection."""
        return self._tls

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109, ARG002 - httpcore's interface
        """Up to `max_bytes`; empty at the end. The timeout is ignored: the attempt has one deadline."""
        if self.on_first_wait is not None:
            self.on_first_wait()
            self.on_first_wait = None
        try:
            data = await (
                self._receive(max_bytes) if self._tls is None else self._decrypt(self._tls, max_bytes)
            )
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error
        if not data:
            self.ended = True
            return data
        self.received_bytes += len(data)
        if self.on_first_byte is not None:
            self.on_first_byte()
            self.on_first_byte = None
            if not data.startswith(_HTTP[: len(data)]):
                # Said at once: who speaks something else may well wait for an answer to it.
                raise httpcore.RemoteProtocolError(f"its answer begins with {data[:40]!r}")
        if self.max_head_bytes is not None and self.received_bytes > self.max_head_bytes:
            raise httpcore.RemoteProtocolError(
                f"more than {self.max_head_bytes} bytes before any final status"
            )
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109, ARG002 - httpcore's interface
        """Send all of it. The timeout is ignored: the attempt has one deadline."""
        try:
            if self._tls is None:
                await self._send(buffer)
            else:
                self._tls.write(buffer)
                await self._flush()
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket at once; closing twice is fine. Whoever waits on it gets a ClosedByUs."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ClosedByUs("the prober was closed"))

    def get_extra_info(self, info: str) -> Any:
        return self._sock if info == "socket" else None

    async def _decrypt(self, tls: ssl.SSLObject, max_bytes: int) -> bytes:
        while True:
            try:
                return tls.read(max_bytes)
            except ssl.SSLWantReadError:
                await self._flush()
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLEOFError:
                self.truncated = True
                return b""
            data = await self._receive()
            if data:
                self._encrypted_in.write(data)
            else:
                self._encrypted_in.write_eof()

    async def _flush(self) -> None:
        if self._encrypted_out.pending:
            await self._send(self._encrypted_out.read())

    async def _receive(self, max_bytes: int = _READ_BYTES) -> bytes:
        while True:
            try:
                data = self._sock.recv(max_bytes if self.max_head_bytes is None else _READ_HEAD_BYTES)
            except BlockingIOError:
                self._reads = 0
                await self._readable()
                continue
            self._reads += 1
            if self._reads >= _READS_IN_A_ROW:
                self._reads = 0
                await asyncio.sleep(0)
            return data

    async def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self._sock.send(view) :]
            except BlockingIOError:
                await self._writable()

    async def _readable(self) -> None:
        self._waiter = waiter = self._loop.create_future()
        self._loop.add_reader(self._sock, _wake, waiter)
        try:
            await waiter
        finally:
            if not self._closed:
                self._loop.remove_reader(self._sock)

    async def _writable(self) -> None:
        self._waiter = waiter = self._loop.create_future()
        self._loop.add_writer(self._sock, _wake, waiter)
        try:
            await waiter
        finally:
            if not self._closed:
                self._loop.remove_writer(self._sock)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
