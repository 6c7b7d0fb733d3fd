"""Names by /etc/hosts and DNS, through c-ares: no thread waits for an answer."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from time import monotonic_ns
from typing import Final

import pycares
from pycares import errno as codes

from apistatus.probing.dns_channel import DnsChannel
from apistatus.probing.names import Answer, NoAddress, Receive, Said
from apistatus.probing.system_names import own_shortage
from apistatus.probing.threads import Busy

_LOOK_NS: Final = 1_000_000_000
"""How often the files are looked at that say whom to ask."""
_FILES: Final = (Path("/etc/resolv.conf"), Path("/etc/hosts"), Path("/etc/nsswitch.conf"))
_SILENT: Final = frozenset((codes.ARES_ETIMEOUT,))
_NOT_FOUND: Final = frozenset((codes.ARES_ENOTFOUND, codes.ARES_ENONAME, codes.ARES_ENODATA))
_SAYS: Final = {
    codes.ARES_ENOTFOUND: "no such name",
    codes.ARES_ENONAME: "no such name",
    codes.ARES_ENODATA: "the name exists, but has no address",
    codes.ARES_ESERVFAIL: "the name server failed (SERVFAIL)",
    codes.ARES_EREFUSED: "the name server refuses to answer (REFUSED)",
    codes.ARES_ENOTIMP: "the name server does not know how to answer (NOTIMP)",
    codes.ARES_EFORMERR: "the name server does not understand the question (FORMERR)",
    codes.ARES_EBADRESP: "the name server's answer makes no sense",
    codes.ARES_ETIMEOUT: "no answer from the name server",
    codes.ARES_ECONNREFUSED: "no name server can be reached",
    codes.ARES_EBADNAME: "this is no host name",
    codes.ARES_ECANCELLED: "the look-up was given up",
    codes.ARES_EDESTRUCTION: "the look-up was given up",
}
_NOBODY_WAS_ASKED: Final = frozenset((codes.ARES_EBADNAME, codes.ARES_ECANCELLED, codes.ARES_EDESTRUCTION))


class DnsNames:
    """`names.NameService` by c-ares, which reads resolv.conf, nsswitch.conf, hosts, LOCALDOMAIN, RES_OPTIONS
    and CARES_HOSTS as its manual says (ares_init_options(3), ares_getaddrinfo(3))."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        """`servers`: `ip`, `ip:port` or `[ip]:port`; none: those of resolv.conf."""
        self._servers = servers
        self._channel: DnsChannel | None = None
        self._alone: set[DnsChannel] = set()
        """Channels with one question each."""
        hosts = os.environ.get("CARES_HOSTS")
        self._own_hosts = bool(hosts)
        self._files = (*_FILES, Path(hosts)) if hosts else _FILES
        self._seen = self._look()
        self._look_ns = monotonic_ns() + _LOOK_NS

    def ask(self, name: str, family: int, receive: Receive) -> None:
        try:
            channel = self._channel = self._channel or self._new_channel()
        except OSError as error:
            receive(error)
            return

        def received(result: pycares.AddrInfoResult | None, code: int | None) -> None:
            if code == codes.ARES_EBADRESP:
                # Maybe to the question of somebody else: c-ares gives up all that went over the same socket.
                self._ask_alone(name, family, receive)
            else:
                receive(_said(result, code, channel, family))

        channel.ask(_asked_for(name), family, received)

    def has_changed(self) -> bool:
        now_ns = monotonic_ns()
        if now_ns < self._look_ns:
            return False
        self._look_ns = now_ns + _LOOK_NS
        seen = self._look()
        if seen == self._seen:
            return False
        self._seen = seen
        if self._channel is not None:
            self._channel.retire()
            self._channel = None
        return True

    def starved(self, name: str, family: int) -> Busy | None:  # noqa: ARG002 - of no name
        return None

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        for channel in list(self._alone):
            channel.close()

    def _new_channel(self) -> DnsChannel:
        return DnsChannel(self._servers, own_hosts=self._own_hosts)

    def _ask_alone(self, name: str, family: int, receive: Receive) -> None:
        try:
            channel = self._new_channel()
        except OSError as error:
            receive(error)
            return

        def received(result: pycares.AddrInfoResult | None, code: int | None) -> None:
            self._alone.discard(channel)
            receive(_said(result, code, channel, family))

        self._alone.add(channel)
        channel.ask(_asked_for(name), family, received)
        channel.retire()

    def _look(self) -> list[tuple[int, ...] | None]:
        return [_stamp(path) for path in self._files]


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _asked_for(name: str) -> str:
    """The name; a dot at the end would lead `localhost` past the rule that it is this host (RFC 6761, 6.3)."""
    bare = name.rstrip(".")
    return bare if bare == "localhost" or bare.endswith(".localhost") else name


def _said(result: pycares.AddrInfoResult | None, code: int | None, channel: DnsChannel, family: int) -> Said:
    if result is not None and result.nodes:
        ips = tuple((int(node.family), _text(node.addr[0])) for node in result.nodes)
        ttls = [node.ttl for node in result.nodes] + [cname.ttl for cname in result.cnames]
        return Answer(ips, min(ttls))
    code = codes.ARES_ENODATA if code is None else code
    if code == codes.ARES_ENOMEM:
        return OSError(errno.ENOMEM, "out of memory for a name lookup")
    shortage = own_shortage() if code not in _NOBODY_WAS_ASKED else None
    return shortage or NoAddress(_words(code, channel, family), is_silence=code in _SILENT)


def _words(code: int, channel: DnsChannel, family: int) -> str:
    says = _SAYS.get(code) or f"the look-up failed: {_text(codes.strerror(code))}"
    if code in _NOBODY_WAS_ASKED:
        return says
    if family and code in _NOT_FOUND:
        version = 4 if family == socket.AF_INET else 6
        says = f"the name has no IPv{version} address, and `ip_family` is {version}"
    return f"{says}, at {channel.servers}"


def _text(ip: str | bytes) -> str:
    return ip.decode("ascii") if isinstance(ip, bytes) else ip
