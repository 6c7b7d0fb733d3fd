"""Names to addresses: what is known for as long as it holds, and one look-up for all that ask at once."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic_ns
from typing import Final, Literal, NamedTuple

from apistatus.probing.dns_names import DnsNames
from apistatus.probing.names import Answer, NameService, NoAddress, Said
from apistatus.probing.system_names import SystemNames, knows_more_than_dns
from apistatus.probing.threads import Busy
from apistatus.probing.two_sources import TwoSources

_LONGEST_S: Final = 3600
_MOST: Final = 50_000
"""Names that are remembered; past it the ones that were looked up first give way."""
_PAUSE_S: Final = 0.1
# What inet_aton(3) takes for an address besides the usual form: `127.1`, `0x7f.1`, `2130706433`.
_NUMBERS: Final = re.compile(r"(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+)){0,3}", re.IGNORECASE)


class Address(NamedTuple):
    """One place to connect to."""

    family: int
    ip: str
    sockaddr: tuple[str, int] | tuple[str, int, int, int]


class NameNotResolved(Exception):
    """The name has no address: a line for people."""


class Found(NamedTuple):
    """What a look-up gave."""

    addresses: list[Address]
    """In the order to try them, at least one."""
    at_ns: int
    """When the answer came, by `time.monotonic_ns`."""


class _Kept:
    __slots__ = ("addresses", "answer", "until_ns")

    def __init__(self, answer: Answer, until_ns: int) -> None:
        self.answer = answer
        self.until_ns = until_ns
        self.addresses: dict[int, list[Address]] = {}
        """By port."""


class _Question:
    """A look-up under way, and who waits for what comes of it and when."""

    __slots__ = ("counts", "waiting")

    def __init__(self) -> None:
        self.counts = True
        """False once the answer may be that of a name server which is no longer ours."""
        self.waiting: set[asyncio.Future[tuple[Said, int]]] = set()


class Resolver:
    """Looks names up. Belongs to one event loop.

    An answer is used again until its time to live is over, at most for an hour. Failures are not kept here
    (c-ares keeps "no such name" and "no address" for as long as the zone's SOA says, RFC 2308).
    """

    def __init__(
        self, names: NameService | None = None, *, now_ns: Callable[[], int] = monotonic_ns, most: int = _MOST
    ) -> None:
        self._names = names or names_of("auto")
        self._now_ns = now_ns
        self._most = most
        self._kept: OrderedDict[tuple[str, int], _Kept] = OrderedDict()
        self._under_way: dict[tuple[str, int], _Question] = {}
        self._closed = False

    @staticmethod
    def literal(host: str, port: int) -> Address | None:
        """The address that `host` already is, None when it is a name."""
        for family in (socket.AF_INET, socket.AF_INET6):
            with suppress(OSError, ValueError):  # no address of this family
                socket.inet_pton(family, host)
                return _address(family, host, port)
        if _NUMBERS.fullmatch(host):
            with suppress(OSError):  # no address in spite of its digits
                return _address(socket.AF_INET, socket.inet_ntoa(socket.inet_aton(host)), port)
        return None

    def known(self, host: str, port: int, family: int = 0) -> list[Address] | None:
        """Addresses that are known from an earlier look-up and still hold; None: look them up."""
        if self._names.has_changed():
            self._begin_anew()
            return None
        kept = self._kept.get((host, family))
        if kept is None:
            return None
        if kept.until_ns <= self._now_ns():
            del self._kept[host, family]
            return None
        addresses = kept.addresses.get(port)
        if addresses is None:
            addresses = kept.addresses[port] = _addresses(kept.answer, port)
        return addresses

    async def lookup(self, host: str, port: int, family: int = 0) -> Found:
        """Look the name up; `family` is AF_INET, AF_INET6 or 0 for both.

        Raises NameNotResolved; OSError when the look-up failed for a reason of our own.
        """
        key = host, family
        waiter: asyncio.Future[tuple[Said, int]] = asyncio.get_running_loop().create_future()
        question = self._under_way.get(key)
        if question is None:
            question = self._under_way[key] = _Question()
            question.waiting.add(waiter)
            self._ask(key, question)
        else:
            question.waiting.add(waiter)
        try:
            said, at_ns = await waiter
        finally:
            question.waiting.discard(waiter)
            if not question.waiting:
                self._forget(key, question)
        if isinstance(said, OSError):
            raise OSError(*said.args)
        if isinstance(said, NoAddress):
            raise NameNotResolved(f"{said.says} (name lookup of {host})")
        return Found(_addresses(said, port), at_ns)

    def starved(self, host: str, family: int = 0) -> Busy | None:
        """Why a look-up that was given up is our own shortage; None when it had begun."""
        return self._names.starved(host, family)

    def close(self) -> None:
        """Give up what is under way, and forget everything."""
        self._closed = True
        for question in list(self._under_way.values()):
            self._tell(question, OSError(errno.ECANCELED, "the prober was closed"))
        self._begin_anew()
        self._names.close()

    def _begin_anew(self) -> None:
        for question in self._under_way.values():
            question.counts = False
        self._under_way.clear()
        self._kept.clear()

    def _ask(self, key: tuple[str, int], question: _Question) -> None:
        if not self._closed:
            self._names.ask(*key, lambda said: self._receive(key, question, said))

    def _receive(self, key: tuple[str, int], question: _Question, said: Said) -> None:
        """Tell everybody who waits. Silence is no answer: the name is asked for again while somebody waits,
        because a server that is slow to find out may know it by now."""
        if isinstance(said, NoAddress) and said.is_silence and question.waiting:
            asyncio.get_running_loop().call_later(_PAUSE_S, self._ask, key, question)
            return
        if isinstance(said, Answer) and said.ttl_s and question.counts:
            self._keep(key, said)
        self._forget(key, question)
        self._tell(question, said)

    def _tell(self, question: _Question, said: Said) -> None:
        at_ns = monotonic_ns()
        for waiter in question.waiting:
            if not waiter.done():
                waiter.set_result((said, at_ns))

    def _keep(self, key: tuple[str, int], answer: Answer) -> None:
        self._kept[key] = _Kept(answer, self._now_ns() + min(answer.ttl_s, _LONGEST_S) * 1_000_000_000)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def _forget(self, key: tuple[str, int], question: _Question) -> None:
        """Whoever asks from here on asks anew: a question that nobody waited for may be stuck."""
        if self._under_way.get(key) is question:
            del self._under_way[key]


def names_of(choice: Literal["auto", "system"], servers: Sequence[str] = ()) -> NameService:
    """Who is asked: DNS through c-ares, and the system where it may know more (`auto`), or the system alone.
    Named servers are asked alone."""
    if choice == "system":
        return SystemNames()
    if servers or not knows_more_than_dns():
        return DnsNames(servers)
    return TwoSources(DnsNames(), SystemNames())


def _addresses(answer: Answer, port: int) -> list[Address]:
    return [_address(family, ip, port) for family, ip in answer.ips]


def _address(family: int, ip: str, port: int) -> Address:
    return Address(family, ip, (ip, port) if family == socket.AF_INET else (ip, port, 0, 0))
