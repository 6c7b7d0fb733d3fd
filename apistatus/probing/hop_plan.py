"""A hop made ready: its bytes and everything about it that does not change from one check to the next."""

from __future__ import annotations

import re
import socket
from collections.abc import Hashable
from typing import Final, NamedTuple

import httpx

from apistatus import __version__
from apistatus.model.check import Check, Proxy
from apistatus.probing.decoding import ACCEPT_ENCODING
from apistatus.probing.exchange_plan import Plan
from apistatus.probing.redirects import Hop, origin_of
from apistatus.probing.resolve import Address, Resolver
from apistatus.probing.tls_engines import Engines
from apistatus.probing.tls_files import Contexts, LiveContexts

_OWN_HEADERS: Final = (
    ("Accept", "*/*"),
    ("Accept-Encoding", ACCEPT_ENCODING),
    ("User-Agent", f"apistatus/{__version__}"),
)
_PLAIN: Final = Contexts(())
_REPEATABLE: Final = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"))
"""RFC 9110, section 9.2.2. A kept connection may turn out to be dead, and the request has to be sent again."""
# RFC 9110, section 5.5, and the characters that would end a line or a part of it.
_IMPOSSIBLE: Final = re.compile(rb"[\0\r\n]")
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


class RequestImpossible(Exception):
    """The request cannot be written as HTTP/1.1: half a sentence for people."""


class Road(NamedTuple):
    """How a check wants a host to be reached."""

    connect_to: tuple[str, int] | None = None
    """Host and port to connect to instead of the URL's."""
    family: int = 0
    """AF_INET or AF_INET6; 0: either."""
    proxy: Proxy | None = None
    """Whom to connect to instead, and ask for the way."""
    http2: bool = False

    @property
    def is_plain(self) -> bool:
        """True for HTTP/1.1 with the target itself at the other end."""
        return self.proxy is None and not self.http2


_ANY_ROAD: Final = Road()


def road_of(check: Check, url: httpx.URL) -> Road:
    """`connect_to` is meant for the check's own origin, whatever led there; `ip_family` for every hop."""
    family = {None: 0, 4: socket.AF_INET, 6: socket.AF_INET6}[check.ip_family]
    place, http2 = check.connect_to, check.http_version == "2"
    if place is None or origin_of(url) != origin_of(httpx.URL(check.url)):
        return Road(None, family, check.proxy, http2)
    return Road(place, family, check.proxy, http2)


class HopPlan:
    """Where a hop leads, and the plan of its exchange. The TLS contexts are looked up when it is carried out:
    their files may be missing now and there later."""

    __slots__ = (
        "_contexts",
        "_plan",
        "_url_host",
        "family",
        "hop",
        "host",
        "literal",
        "only_head",
        "origin",
        "port",
        "request",
        "road",
        "tls",
        "wants_keep_alive",
    )

    def __init__(self, hop: Hop, *, keep_alive: bool = False, road: Road = _ANY_ROAD) -> None:
        """Raises RequestImpossible."""
        url = hop.url
        self._url_host = url.raw_host.decode("ascii").strip("[]")
        port = url.port or (443 if url.scheme == "https" else 80)
        self.host, self.port = road.connect_to or (self._url_host, port)
        """Where to connect."""
        if road.proxy is not None:
            self.host, self.port = road.proxy.host, road.proxy.port
        self.road = road
        self.hop = None if road.is_plain else hop
        """Of a detour, whose request is written there."""
        self.family = road.family
        self.literal: Address | None = Resolver.literal(self.host, self.port)
        self.tls = hop.tls if url.scheme == "https" else None
        self.wants_keep_alive = keep_alive and hop.method in _REPEATABLE
        self.only_head = hop.method == "HEAD"
        self.request = written(hop, keep_alive=self.wants_keep_alive)
        self.origin: Hashable = None
        """Whose connections can be used again."""
        if self.wants_keep_alive:
            self.origin = (url.scheme, self._url_host, port, self.tls, road)
        self._contexts: LiveContexts | None = None
        self._plan: Plan | None = None

    @property
    def server_name(self) -> str:
        """What the certificate is held against."""
        return (self.tls.server_name if self.tls else None) or self._url_host.rstrip(".")

    def plan(self, engines: Engines) -> Plan:
        """The plan, made once, and again when certificate files have changed. Raises TlsOptionsUnusable."""
        if self.tls is not None and self._contexts is None:
            self._contexts = engines.of(self.tls)
        use = self._contexts.now() if self._contexts is not None else _PLAIN
        if self._plan is None or self._plan.engines is not use.engines:
            self._plan = Plan(
                self.request, only_head=self.only_head, keep_alive=self.wants_keep_alive,
                engines=use.engines, server_name=self.server_name, witness=use.witness,
            )  # fmt: skip
        return self._plan


def request_of(hop: Hop) -> httpx.Request:
    """The hop's request, with every header that it needs."""
    given = {name.lower() for name, _ in hop.headers}
    headers = [pair for pair in _OWN_HEADERS if pair[0].lower() not in given]
    # As bytes: httpx would refuse what is not ASCII. It adds Host and Content-Length.
    pairs = [(name.encode(), value.encode()) for name, value in (*headers, *hop.headers)]
    return httpx.Request(hop.method, hop.url, headers=pairs, content=hop.body)


def written(hop: Hop, *, keep_alive: bool = False) -> bytes:
    """The hop's request as it goes out. Raises RequestImpossible."""
    return written_request(request_of(hop), keep_alive=keep_alive)


def written_request(request: httpx.Request, *, keep_alive: bool) -> bytes:
    """A request, whose body has been read, as it goes out. Raises RequestImpossible."""
    method, body = request.method.encode(), request.content
    if not _TOKEN.match(method):
        raise RequestImpossible(f"the method {request.method[:40]!r} cannot be written")
    lines = [b"%s %s HTTP/1.1" % (method, request.url.raw_path)]
    headers = [pair for pair in request.headers.raw if pair[0].lower() != b"transfer-encoding"]
    if len(headers) < len(request.headers.raw):
        headers.append((b"Content-Length", b"%d" % len(body)))
    if not keep_alive:
        headers = [
            pair
            for pair in headers
            if pair[0].lower() != b"connection" or b"keep-alive" not in pair[1].lower()
        ]
        if not any(name.lower() == b"connection" for name, _ in headers):
            headers.append((b"Connection", b"close"))
    for name, value in headers:
        if not _TOKEN.match(name) or _IMPOSSIBLE.search(value):
            raise RequestImpossible(f"the header {name[:40]!r} cannot be written")
        lines.append(b"%s: %s" % (name, value))
    return b"\r\n".join((*lines, b"", body))
