"""One TCP connection, with or without TLS: what an exchange works on, and what keep-alive keeps."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

from apistatus.probing.resolve import Address
from apistatus.probing.tls import expires_at_us, served_chain
from apistatus.probing.tls_engines import EngineName

_NONBLOCKING: Final = socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0)


def _nothing() -> None:
    """Called for a socket that became ready after its user had lost interest."""


class Connection:
    """A socket that never blocks, its TLS state, and what is known of the peer.

    While watched, the loop calls `on_readable` and `on_writable`, which may be replaced at any time.
    """

    __slots__ = (
        "_fd", "_loop", "_reads", "_writes", "address", "certificate_expires_at_us", "closed", "encrypted_in",
        "encrypted_out", "engine", "kept_at_ns", "on_readable", "on_writable", "sock", "tls",
    )  # fmt: skip

    def __init__(self, address: Address, loop: asyncio.AbstractEventLoop) -> None:
        """Raises OSError: this host has no socket left."""
        self._loop = loop
        self.address = address
        self.sock = socket.socket(address.family, _NONBLOCKING)
        self.sock.settimeout(0)
        self._fd = self.sock.fileno()
        self._reads = self._writes = self.closed = False
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
        if self.engine == "openssl" and self.tls is not None:
            self.certificate_expires_at_us = expires_at_us(served_chain(self.tls))
        elif self.tls is not None:
            # Public on `rtls`, unlike on the ssl module before Python 3.13.
            chain: Any = self.tls
            served = chain.get_unverified_chain() or ()
            self.certificate_expires_at_us = expires_at_us(tuple(one.public_bytes() for one in served))

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
