"""Having a proxy open the way to a target: CONNECT (RFC 9110, section 9.3.6) and SOCKS 5 (RFC 1928, RFC 1929).

The proxy looks the target's name up, in SOCKS too.
"""

from __future__ import annotations

import base64
import ipaddress
from typing import Final

from apistatus import __version__
from apistatus.model.check import Proxy
from apistatus.model.result import FailureKind, Phase
from apistatus.probing.exchange_errors import NotHttp
from apistatus.probing.response_reader import ResponseReader
from apistatus.probing.streams import Stream

AUTHENTICATION_REQUIRED: Final = 407
_READ_BYTES: Final = 16_384
_GATEWAY: Final[dict[int, FailureKind]] = {
    502: "connect_unreachable", 503: "connect_unreachable", 504: "connect_timeout",
}  # fmt: skip
_NO_AUTH, _BY_PASSWORD, _NONE_WILL_DO = 0, 2, 255
_SOCKS_REPLIES: Final[dict[int, tuple[FailureKind, str]]] = {
    1: ("connect_unreachable", "general failure"),
    2: ("connect_refused", "its rules do not allow it"),
    3: ("connect_unreachable", "network unreachable"),
    4: ("connect_unreachable", "host unreachable"),
    5: ("connect_refused", "connection refused"),
    6: ("connect_timeout", "TTL expired"),
    7: ("protocol", "it does not know CONNECT"),
    8: ("protocol", "it does not know this kind of address"),
}


class ProxyFailed(Exception):
    """The proxy is why the target was not asked: a line for people."""

    def __init__(self, kind: FailureKind, phase: Phase, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.phase = phase


def proxy_headers(proxy: Proxy) -> tuple[tuple[str, str], ...]:
    """What tells an HTTP proxy who we are."""
    if proxy.username is None:
        return ()
    return (("Proxy-Authorization", f"Basic {basic(proxy)}"),)


def basic(proxy: Proxy) -> str:
    """User name and password as HTTP Basic has them (RFC 7617)."""
    return base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()


def wants_credentials(proxy: Proxy) -> ProxyFailed:
    """What 407 means (RFC 9110, section 15.5.8): it is never the target's."""
    given = "other credentials" if proxy.username is not None else "credentials"
    return ProxyFailed("auth", "connect", f"the proxy {proxy.place} wants {given} (status 407)")


async def open_way(stream: Stream, proxy: Proxy, host: str, port: int) -> None:
    """From here on the stream is one to `host:port`.

    Raises ProxyFailed, and what reading raises.
    """
    if proxy.scheme == "socks5":
        await _Socks(stream, proxy).open(host, port)
    else:
        await _connect(stream, proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


async def _connect(stream: Stream, proxy: Proxy, place: str) -> None:
    fields = (("Host", place), ("User-Agent", f"apistatus/{__version__}"), *proxy_headers(proxy))
    lines = (f"CONNECT {place} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", "")
    stream.send("\r\n".join(lines).encode("latin-1"))
    # A response to CONNECT has no body that would matter.
    response = ResponseReader(only_head=True)
    while not response.has_head:
        data = await stream.read(_READ_BYTES)
        if not data:
            raise _gone(proxy)
        try:
            response.feed(data)
        except NotHttp as error:
            raise _odd(proxy, f"proper HTTP/1.1: {str(error)[:300]}") from error
    status = response.status
    response.close()
    if 200 <= status < 300:
        return
    if status == AUTHENTICATION_REQUIRED:
        raise wants_credentials(proxy)
    kind = _GATEWAY.get(status, "connect_unreachable" if status >= 500 else "connect_refused")
    raise ProxyFailed(
        kind, "connect", f"the proxy {proxy.place} does not connect us to {place}: status {status}"
    )


class _Socks:
    """The client's side of SOCKS 5, its answers read to the byte: what follows them is not the proxy's."""

    def __init__(self, stream: Stream, proxy: Proxy) -> None:
        self._stream = stream
        self._proxy = proxy

    async def open(self, host: str, port: int) -> None:
        proxy = self._proxy
        await self._say_who_we_are()
        self._stream.send(b"\x05\x01\x00" + _address(host) + port.to_bytes(2))
        version, reply, _, kind = await self._take(4)
        if version != 5:
            raise _odd(proxy, "SOCKS 5")
        if reply:
            failure, why = _SOCKS_REPLIES.get(reply, ("connect_unreachable", f"reply {reply}"))
            place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            raise ProxyFailed(
                failure, "connect", f"the proxy {proxy.place} does not connect us to {place}: {why}"
            )
        length = {1: 4, 4: 16}.get(kind)
        if length is None:
            if kind != 3:
                raise _odd(proxy, "SOCKS 5")
            [length] = await self._take(1)
        await self._take(length + 2)

    async def _say_who_we_are(self) -> None:
        proxy = self._proxy
        ways = (_NO_AUTH,) if proxy.username is None else (_NO_AUTH, _BY_PASSWORD)
        self._stream.send(bytes((5, len(ways), *ways)))
        version, way = await self._take(2)
        if version != 5:
            raise _odd(proxy, "SOCKS 5")
        if way == _NONE_WILL_DO:
            what = "credentials" if proxy.username is None else "another way to say who we are"
            raise ProxyFailed("auth", "connect", f"the proxy {proxy.place} wants {what}")
        if way not in ways:
            raise _odd(proxy, "SOCKS 5")
        if way == _BY_PASSWORD:
            username, password = (proxy.username or "").encode(), proxy.password.encode()
            self._stream.send(b"\x01%c%b%c%b" % (len(username), username, len(password), password))
            _, refused = await self._take(2)
            if refused:
                raise ProxyFailed("auth", "connect", f"the proxy {proxy.place} wants other credentials")

    async def _take(self, count: int) -> bytes:
        """The next so many bytes."""
        data = b""
        while len(data) < count:
            piece = await self._stream.read(count - len(data))
            if not piece:
                raise _gone(self._proxy)
            data += piece
        return data


def _address(host: str) -> bytes:
    """ATYP and DST.ADDR."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii")
        return b"\x03%c%b" % (len(name), name)
    return (b"\x01" if address.version == 4 else b"\x04") + address.packed


def _gone(proxy: Proxy) -> ProxyFailed:
    return ProxyFailed(
        "disconnected", "connect", f"the proxy {proxy.place} closed the connection without an answer"
    )


def _odd(proxy: Proxy, what: str) -> ProxyFailed:
    return ProxyFailed("protocol", "connect", f"the proxy {proxy.place} does not speak {what}")
