"""One c-ares channel, driven by the event loop: sockets, time and questions under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import pycares

from apistatus.probing.system_names import own_shortage

_NO_SOCKET: Final = pycares.ARES_SOCKET_BAD
_ENVHOSTS: Final = 1 << 8
"""ARES_AI_ENVHOSTS of ares_getaddrinfo(3): hosts are in the file that CARES_HOSTS names, which has to be set."""
_TRIES: Final = 4
"""How often each server is asked. c-ares doubles its patience every time, from 250 ms up once it knows how fast
a server is, and by its own three tries it would have given up on a slow one after less than two seconds."""
_SHORTEST_WAIT_S: Final = 0.005
_TCP: Final = 6
_STREAM: Final = 1

Received = Callable[[pycares.AddrInfoResult | None, int | None], None]


class DnsChannel:
    """Asks the servers of resolv.conf as it was when this was made, or those that are given."""

    def __init__(self, servers: Sequence[str] = (), *, own_hosts: bool = False) -> None:
        """Raises OSError: this host lacks something."""
        # c-ares takes a resolv.conf that it cannot open for an empty one.
        if (shortage := own_shortage()) is not None:
            raise shortage
        self._loop = asyncio.get_running_loop()
        self._watched: dict[int, tuple[bool, bool]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._retired = False
        self._under_way = 0
        self._flags = _ENVHOSTS if own_hosts else 0
        try:
            self._channel = pycares.Channel(
                sock_state_cb=self._watch, tries=_TRIES, servers=list(servers) or None
            )  # fmt: skip
        except pycares.AresError as error:
            raise OSError(f"the DNS resolver could not be set up: {error}") from error

    @property
    def servers(self) -> str:
        """Who is asked, for people."""
        return " ".join(self._channel.servers)

    def ask(self, name: str, family: int, received: Received) -> None:
        """`name` is ASCII. Call `received(result, None)` or `received(None, code of pycares.errno)` once, maybe before
        this returns."""

        def over(result: pycares.AddrInfoResult | None, code: int | None) -> None:
            self._under_way -= 1
            received(result, code)

        self._under_way += 1
        self._channel.getaddrinfo(
            name, None, family=family, type=_STREAM, proto=_TCP,  # type: ignore[arg-type]  # 0 is both families
            flags=self._flags, callback=over,
        )  # fmt: skip
        self._went_on()

    def retire(self) -> None:
        """Close as soon as nothing is under way: another channel takes its place."""
        self._retired = True
        self._went_on()

    def close(self) -> None:
        """Give up what is under way: `received` is called with ARES_ECANCELLED."""
        self._retired = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._under_way:
            self._channel.cancel()
        # Here and not in the thread in which pycares closes the channel for good: the loop is ours alone.
        for fd in list(self._watched):
            self._watch(fd, readable=False, writable=False)
        self._channel.close()

    # --- calls of c-ares and of the loop -----------------------------------------------------------

    def _watch(self, fd: int, readable: bool, writable: bool) -> None:  # noqa: FBT001 - as c-ares calls it
        reads, writes = self._watched.pop(fd, (False, False))
        if readable or writable:
            self._watched[fd] = readable, writable
        if readable != reads:
            if readable:
                self._loop.add_reader(fd, self._go_on, fd, _NO_SOCKET)
            else:
                self._loop.remove_reader(fd)
        if writable != writes:
            if writable:
                self._loop.add_writer(fd, self._go_on, _NO_SOCKET, fd)
            else:
                self._loop.remove_writer(fd)

    def _go_on(self, readable: int, writable: int) -> None:
        self._channel.process_fd(readable, writable)
        self._went_on()

    def _went_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._under_way:
            wait_s = max(_SHORTEST_WAIT_S, self._channel.timeout())  # type: ignore[no-untyped-call]  # it has no types
            self._timer = self._loop.call_later(wait_s, self._go_on, _NO_SOCKET, _NO_SOCKET)
        elif self._retired:
            self.close()
