"""One TCP connection, with or without TLS: what an exchange works on, and what keep-alive keeps."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Final

from apistatus.probing.chains import expires_at_us, served_chain
from apistatus.probing.resolve import Address
from apistatus.probing.tls_engines import EngineName

_NONBLOCKING: Final = socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0)


def _nothing() -> None:
    """Called for a socket that became ready after its user had lost interest."""


class Connection:
    """A socket that never blocks, its TLS state, and what is known of the peer.

    While watched, the loop calls `on_readable` and `on_writable`, which may be replaced at any time.
    """

    __slots__ = (
        "_fd", "_loop", "_reads", "_writes", "address", "broken", "certificate_expires_at_us", "closed",
        "encrypted_in", "encrypted_out", "engine", "kept_at_ns", "on_readable", "on_writable", "sock", "tls",
    )  # fmt: skip

    def __init__(self, address: Address, loop: asyncio.AbstractEventLoop) -> None:
        """Raises OSError: this host has no socket left."""
        self._loop = loop
        self.address = address
        self.sock = socket.socket(address.family, _NONBLOCKING)
        self.sock.settimeout(0)
        self._fd = self.sock.fileno()
        self._reads = self._writes = self.closed = False
        self.broken: OSError | None = None
        """What the end of the stream means, once the connection was reset; bytes may still come before it."""
        self.on_readable: Callable[[], None] = _nothing
        self.on_writable: Callable[[], None] = _nothing
        self.tls: ssl.SSLObject | None = None
        self.engine: EngineName | None = None
        self.certificate_expires_at_us: int | None = None
        self.kept_at_ns = 0

    def watch(self, *, reads: bool, writes: bool) -> None:
        """Have the loop call us when the socket is ready for what is named, and no more for what is not."""
        if reads != self._reads:
            self._reads = reads
            if reads:
                self._loop.add_reader(self._fd, self._readable)
            else:
                self._loop.remove_reader(self._fd)
        if writes != self._writes:
            self._writes = writes
            if writes:
                self._loop.add_writer(self._fd, self._writable)
            else:
                self._loop.remove_writer(self._fd)

    def _readable(self) -> None:
        self.on_readable()
        if self._reads:
            self._notice_a_break()

    def _notice_a_break(self) -> None:
        """libuv, and so uvloop, calls once for a socket with an error and then watches it no more, though all
        that had come before may not be read yet (uv__poll_io)."""
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            # Asking has taken it off the socket, which ends like any other from here on.
            self.broken = OSError(code, os.strerror(code))
            self._loop.call_soon(self._watch_again)

    def _watch_again(self) -> None:
        reads, writes = self._reads, self._writes
        self.watch(reads=False, writes=False)
        self.watch(reads=reads, writes=writes)

    def _writable(self) -> None:
        self.on_writable()

    def speak_tls(self, engine: EngineName, context: ssl.SSLContext, server_name: str) -> ssl.SSLObject:
        """Speak TLS from here on. Raises ssl.SSLError or ValueError for a name that no certificate can have."""
        self.engine = engine
        self.encrypted_in = ssl.MemoryBIO()
        self.encrypted_out = ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self.encrypted_in, self.encrypted_out, server_side=False, server_hostname=server_name
        )
        return self.tls

    def note_certificates(self) -> None:
        """Remember when the first certificate of the served chain ends."""
        if self.tls is not None:
            self.certificate_expires_at_us = expires_at_us(served_chain(self.tls))

    def speaks_with(self, contexts: Iterable[tuple[EngineName, ssl.SSLContext]]) -> bool:
        """True when there is no TLS, or it is spoken with one of these contexts."""
        tls = self.tls
        return tls is None or any(tls.context is context for _, context in contexts)

    def is_idle(self) -> bool:
        """True while the peer has neither closed the connection nor said anything unasked."""
        if self.closed:
            return False
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def hand_over(self, on_readable: Callable[[], None]) -> None:
        """From here on somebody else reads: whoever made the connection is forgotten, and its memory free."""
        self.on_readable, self.on_writable = on_readable, _nothing

    def rest(self) -> None:
        """Forget who used it, for a connection that is kept: it closes when the peer closes or speaks."""
        self.watch(reads=True, writes=False)
        self.on_readable, self.on_writable = self.close, _nothing

    def close(self) -> None:
        """Close at once, without a TLS goodbye: nothing follows. Closing twice is fine."""
        if self.closed:
            return
        self.closed = True
        self.watch(reads=False, writes=False)
        self.on_readable = self.on_writable = _nothing
        self.sock.close()
