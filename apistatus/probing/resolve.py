"""Names to addresses, by the system's resolver (files, nsswitch, DNS), in threads of our own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from typing import Final, NamedTuple

from apistatus.probing.threads import Busy, Job, Threads

_MAX_LOOKUPS: Final = 64
"""Lookups under way at once. The system's resolver blocks a thread for each, up to half a minute."""


class Address(NamedTuple):
    """One place to connect to."""

    family: int
    ip: str
    sockaddr: tuple[str, int] | tuple[str, int, int, int]


class NameNotResolved(Exception):
    """The name has no address: a line for people."""


class Resolver:
    """Looks names up. Checks that ask for the same name at the same time share one lookup, so that a
    dead name server costs one thread per name, not one per check."""

    def __init__(self) -> None:
        self._threads = Threads("apistatus-resolve", _MAX_LOOKUPS)
        self._under_way: dict[tuple[str, int], Job[list[Address]]] = {}

    @staticmethod
    def literal(host: str, port: int) -> Address | None:
        """The address that `host` already is, None when it is a name."""
        for family in (socket.AF_INET, socket.AF_INET6):
            with contextlib.suppress(OSError, ValueError):
                socket.inet_pton(family, host)
                return Address(family, host, (host, port) if family == socket.AF_INET else (host, port, 0, 0))
        return None

    async def lookup(self, host: str, port: int) -> list[Address]:
        """Addresses in the order to try them, at least one.

        Raises NameNotResolved; OSError when the lookup failed for a reason of our own.
        """
        key = (host, port)
        job = self._under_way.get(key)
        if job is None:
            job = self._under_way[key] = self._threads.submit(lambda: _lookup(host, port))
            job.future.add_done_callback(lambda _: self._under_way.pop(key, None))
        # Shielded: one check that runs out of time does not end the lookup of the others.
        return await asyncio.shield(job.future)

    def starved(self, host: str, port: int) -> Busy | None:
        """Why a lookup that was given up is our own shortage; None when it had begun."""
        job = self._under_way.get((host, port))
        if job is None or job.begun:
            return None
        return Busy(f"all {_MAX_LOOKUPS} threads for name lookups are busy")

    def close(self) -> None:
        """Forget lookups under way and let the threads end."""
        for job in list(self._under_way.values()):
            job.future.cancel()
        self._threads.close()


_SAYS: Final = {
    socket.EAI_NONAME: "no such name",
    socket.EAI_AGAIN: "the name server gave no answer, or said to try later",
    socket.EAI_FAIL: "the name server failed",
    getattr(socket, "EAI_NODATA", -5): "the name has no address",
    getattr(socket, "EAI_ADDRFAMILY", -9): "the name has no address of this family",
}


def _lookup(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except socket.gaierror as error:
        _raise_if_ours(error)
        said = _SAYS.get(error.errno or 0, error.strerror or str(error))
        raise NameNotResolved(f"{said} (name lookup of {host})") from error
    except UnicodeError as error:
        raise NameNotResolved(f"{host} is no host name") from error
    return [
        Address(family, str(sockaddr[0]), sockaddr)  # type: ignore[arg-type]  # AF_INET and AF_INET6 only
        for family, _, _, _, sockaddr in found
    ]


def _raise_if_ours(error: socket.gaierror) -> None:
    """Raise OSError when the lookup failed because this process or host ran out of something.

    Without a free file descriptor the C library can read neither /etc/hosts nor ask a server, and
    says `no such name`.
    """
    if error.errno == socket.EAI_MEMORY:
        raise OSError(errno.ENOMEM, "out of memory for a name lookup") from error
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
