"""What became of each hop of an attempt, for those who ask for a single run."""

from __future__ import annotations

import re
from typing import Final

import httpx

from apistatus.model.result import Hop
from apistatus.probing.masking import Mask, one_line
from apistatus.probing.measured import Measured
from apistatus.probing.redirects import shown

_MAX_SHOWN: Final = 200
_QUERY: Final = re.compile(r"[?#].*", re.DOTALL)
_USER: Final = re.compile(r"//[^/]*@")


class Hops:
    """One object a hop, in order: a redirect that is followed makes a new one."""

    def __init__(self) -> None:
        self._hops: list[Hop] = []

    def begin(self, method: str, url: httpx.URL) -> None:
        """A hop begins; without `note` nothing came of it."""
        self._hops.append(Hop(method=method, url=shown(url)))

    def note(self, exchange: Measured, *, resolve_us: int | None) -> None:
        """What the exchange of the last hop that began has measured and received."""
        began, response = self._hops[-1], exchange.response
        has_head = response is not None and response.has_head
        location = response.header(b"location") if response is not None and has_head else None
        self._hops[-1] = Hop(
            method=began.method, url=began.url, resolve_us=resolve_us,
            status_code=response.status if response is not None and has_head else None,
            ip=exchange.address.ip if exchange.address else None, reused=exchange.reused,
            connect_us=_us(exchange.connect_ns),
            tls_us=_us(exchange.tls_ns if exchange.phase != "tls" else None),
            processing_us=_us(exchange.processing_ns), transfer_us=_us(exchange.transfer_ns),
            location=_bare(location) if location else None,
        )  # fmt: skip

    def told(self, mask: Mask) -> tuple[Hop, ...]:
        """All of them, secrets masked."""
        return tuple(_masked(hop, mask) for hop in self._hops)


def _masked(hop: Hop, mask: Mask) -> Hop:
    fields = {name: getattr(hop, name) for name in hop.__struct_fields__}
    # Shortened last: half of a secret could not be masked any more.
    fields["url"] = one_line(hop.url, mask)[:_MAX_SHOWN]
    if hop.location is not None:
        fields["location"] = one_line(hop.location, mask)[:_MAX_SHOWN]
    return Hop(**fields)


def _us(spent_ns: int | None) -> int | None:
    return None if spent_ns is None else spent_ns // 1000


def _bare(location: str) -> str:
    """As it came, without query, fragment and credentials, which may hold secrets."""
    return _USER.sub("//", _QUERY.sub("", location))
