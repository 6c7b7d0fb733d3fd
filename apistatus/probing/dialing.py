"""Connecting to the first of several addresses that accepts, as callbacks on the event loop."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Sequence
from time import monotonic, monotonic_ns
from typing import Final

from apistatus.probing.connection import Connection
from apistatus.probing.deadlines import LAST_LOOK_S
from apistatus.probing.exchange_errors import ConnectFailed
from apistatus.probing.resolve import Address
from apistatus.probing.stamps import connect_ns, want_stamps

_UNDER_WAY: Final = frozenset((0, errno.EINPROGRESS))


class Dialing:
    """Tries addresses in order; each may use its share of the time that is left.

    Ends with exactly one call of `on_connected(connection)` or `on_failed(error)`, unless stopped.
    """

    __slots__ = (
        "_addresses", "_deadline_s", "_loop", "_lost_ns", "_on_connected", "_on_failed", "_share", "began_ns",
        "connect_ns", "connection", "has_kernel_clock", "tried",
    )  # fmt: skip

    def __init__(
        self, addresses: Sequence[Address], deadline_s: float, loop: asyncio.AbstractEventLoop, *,
        on_connected: Callable[[Connection], None], on_failed: Callable[[ConnectFailed], None],
    ) -> None:  # fmt: skip
        self._addresses = addresses
        self._deadline_s = deadline_s
        self._loop = loop
        self._on_connected = on_connected
        self._on_failed = on_failed
        self._share: asyncio.TimerHandle | None = None
        self._lost_ns = 0
        self.began_ns = 0
        """When the address was begun with that is tried (monotonic)."""
        self.connection: Connection | None = None
        self.tried: list[tuple[Address, OSError]] = []
        """Addresses that could not be connected to, and what they said."""
        self.connect_ns = 0
        """How long it took: one round trip, and what addresses before it had been waited for."""
        self.has_kernel_clock = True

    @property
    def address(self) -> Address:
        """The address that is tried, or was last."""
        return self._addresses[min(len(self.tried), len(self._addresses) - 1)]

    def start(self) -> None:
        """Begin with the first address that has not been tried. Callbacks may come before this returns."""
        while len(self.tried) < len(self._addresses):
            self.began_ns = monotonic_ns()
            try:
                self._begin(self.address)
            except OSError as error:
                self._failed(error)
            else:
                return
        self._on_failed(ConnectFailed(self.tried))

    def stop(self) -> None:
        """Drop the connection that is being made, and every timer."""
        if self._share is not None:
            self._share.cancel()
            self._share = None
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _begin(self, address: Address) -> None:
        connection = self.connection = Connection(address, self._loop)
        want_stamps(connection.sock)
        code = connection.sock.connect_ex(address.sockaddr)
        if code not in _UNDER_WAY:
            raise OSError(code, os.strerror(code))
        others = len(self._addresses) - len(self.tried) - 1
        if others:
            left_s = max(0.0, self._deadline_s - monotonic())
            self._share = self._loop.call_later(left_s / (others + 1), self._is_over)
        connection.on_readable = connection.on_writable = self._ready
        # Reads as well, though nothing comes yet: changing a watch later costs less than beginning one.
        connection.watch(reads=True, writes=True)

    def _failed(self, error: OSError) -> None:
        self.tried.append((self.address, error))
        self._lost_ns += monotonic_ns() - self.began_ns
        self.stop()

    def _is_over(self) -> None:
        # What has come by now counts first: the loop may have been held up.
        self._share = self._loop.call_later(LAST_LOOK_S, self._give_up)

    def _give_up(self) -> None:
        self._share = None
        self._failed(TimeoutError())
        self.start()

    def _ready(self) -> None:
        connection = self.connection
        if connection is None:
            return
        code = connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._failed(OSError(code, os.strerror(code)))
            self.start()
            return
        waited_ns = monotonic_ns() - self.began_ns
        measured_ns = connect_ns(connection.sock, waited_ns)
        self.has_kernel_clock = measured_ns is not None
        self.connect_ns = self._lost_ns + (waited_ns if measured_ns is None else measured_ns)
        self.connection = None
        self.stop()
        connection.watch(reads=True, writes=False)
        self._on_connected(connection)
