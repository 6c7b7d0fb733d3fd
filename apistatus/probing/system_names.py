"""Names by the system's own resolver and all that nsswitch.conf names, in threads: it blocks."""

from __future__ import annotations

import errno
import re
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from apistatus.probing.names import Answer, NoAddress, Receive, Said
from apistatus.probing.threads import Busy, Job, Threads

_MAX_LOOKUPS: Final = 64
"""Look-ups under way at once. The system's resolver blocks a thread for each, up to half a minute."""
_NSSWITCH: Final = Path("/etc/nsswitch.conf")
_KNOWN_TO_DNS: Final = frozenset(("files", "dns"))


class SystemNames:
    """`names.NameService` by getaddrinfo(3)."""

    def __init__(self) -> None:
        self._threads = Threads("apistatus-resolve", _MAX_LOOKUPS)
        self._jobs: dict[tuple[str, int], Job[Said]] = {}

    def ask(self, name: str, family: int, receive: Receive) -> None:
        job = self._jobs[name, family] = self._threads.submit(lambda: _look_up(name, family))

        def done(_: object) -> None:
            if self._jobs.get((name, family)) is job:
                del self._jobs[name, family]
            receive(NoAddress("the look-up was given up") if job.future.cancelled() else job.future.result())

        job.future.add_done_callback(done)

    def has_changed(self) -> bool:
        return False

    def starved(self, name: str, family: int) -> Busy | None:
        job = self._jobs.get((name, family))
        if job is None or job.begun:
            return None
        return Busy(f"all {_MAX_LOOKUPS} threads for name lookups are busy")

    def close(self) -> None:
        for job in list(self._jobs.values()):
            job.future.cancel()
        self._threads.close()


_SAYS: Final = {
    socket.EAI_NONAME: "no such name",
    socket.EAI_AGAIN: "the name server gave no answer, or said to try later",
    socket.EAI_FAIL: "the name server failed",
    getattr(socket, "EAI_NODATA", -5): "the name has no address",
    getattr(socket, "EAI_ADDRFAMILY", -9): "the name has no address of this family",
}


def _look_up(name: str, family: int) -> Said:
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except socket.gaierror as error:
        if error.errno == socket.EAI_MEMORY:
            return OSError(errno.ENOMEM, "out of memory for a name lookup")
        return own_shortage() or NoAddress(_SAYS.get(error.errno or 0, error.strerror or str(error)))
    except UnicodeError:
        return NoAddress("this is no host name")
    except OSError as error:  # EAI_SYSTEM of getaddrinfo(3): the call itself failed
        return error
    return Answer(tuple((family, str(sockaddr[0])) for family, _, _, _, sockaddr in found))


def own_shortage() -> OSError | None:
    """Why this process could not even ask; None when it could.

    Without a free file descriptor nobody can read /etc/hosts or ask a server, and what resolvers say then
    is `no such name`.
    """
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except OSError as error:
        return error
    return None


def knows_more_than_dns(nsswitch: Path = _NSSWITCH) -> bool:
    """True when the system also looks elsewhere than in /etc/hosts and DNS: mDNS, LDAP, its own host name."""
    if sys.platform == "darwin":
        return True
    with suppress(OSError, UnicodeDecodeError):  # without a file that says so, it does not
        for line in nsswitch.read_text().splitlines():
            database, _, sources = line.partition("#")[0].partition(":")
            if database.strip() == "hosts":
                named = re.sub(r"\[[^\]]*\]", " ", sources).split()
                return not _KNOWN_TO_DNS.issuperset(named)
    return False
