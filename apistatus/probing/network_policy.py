"""Addresses that no check may reach, whatever name or redirect leads to them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, TypeAlias

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
# Where an IPv4 address stands in the last 32 bits: deprecated IPv4-compatible (RFC 4291, 2.5.5.1),
# mapped (2.5.5.2), translated (RFC 2765), the well-known prefix of NAT64 (RFC 6052, 2.1).
_TAILS: Final = tuple(
    ipaddress.IPv6Network(text) for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
_LOCAL_NAT64: Final = ipaddress.IPv6Network("64:ff9b:1::/48")
"""RFC 8215. Where the IPv4 address stands depends on the length of the prefix in use: RFC 6052, 2.2."""
_6TO4: Final = ipaddress.IPv6Network("2002::/16")
# A connection to the unspecified address reaches this host, as one to the loopback address does.
_THIS_HOST: Final[dict[IpAddress, IpAddress]] = {
    ipaddress.IPv4Address(0): ipaddress.IPv4Address("127.0.0.1"),
    ipaddress.IPv6Address(0): ipaddress.IPv6Address(1),
}


class Blocked(Exception):
    """No address of a host may be reached: a line for people."""


class NetworkPolicy:
    """The networks that are denied (`APISTATUS_DENY_NETWORKS`)."""

    def __init__(self, denied: Iterable[IpNetwork] = ()) -> None:
        self._denied = tuple(_plain(network) for network in denied)
        self._refusal = lru_cache(maxsize=4096)(self._look_up)

    def refusal(self, ip: str) -> str | None:
        """Why this address may not be reached, as half a sentence; None when it may."""
        return self._refusal(ip) if self._denied else None

    def _look_up(self, ip: str) -> str | None:
        address = ipaddress.ip_address(ip.partition("%")[0])
        for form in _forms(address):
            for network in self._denied:
                if form in network:
                    means = "" if form == address else f" means {form}, which"
                    return f"{ip}{means} is in {network}: APISTATUS_DENY_NETWORKS keeps checks away from it"
        return None


def _plain(network: IpNetwork) -> IpNetwork:
    """An IPv4 network where a network of mapped addresses was named."""
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        low = ipaddress.IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        return ipaddress.IPv4Network((low, network.prefixlen - 96))
    return network


def _forms(address: IpAddress) -> Iterator[IpAddress]:
    """The address, and every one that it may stand for."""
    yield address
    if address in _THIS_HOST:
        yield _THIS_HOST[address]
    if isinstance(address, ipaddress.IPv4Address):
        return
    bits = int(address)
    inside = []
    if any(address in network for network in _TAILS):
        inside = [bits]
    elif address in _LOCAL_NAT64:
        # Prefixes of 48, 56, 64 and 96 bits; bits 64 to 71 are skipped.
        inside = [
            (bits >> 64 & 0xFFFF) << 16 | (bits >> 40 & 0xFFFF),
            (bits >> 64 & 0xFF) << 24 | (bits >> 32 & 0xFFFFFF),
            bits >> 24,
            bits,
        ]
    elif address in _6TO4:
        inside = [bits >> 80]
    for number in inside:
        yield from _forms(ipaddress.IPv4Address(number & 0xFFFFFFFF))
