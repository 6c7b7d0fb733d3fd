"""Proxies: the target of each case is the proxy, and the check is of somebody behind it."""

from __future__ import annotations

from typing import Final

from apistatus.model.result import FailureKind, Phase
from tests.targets import behaviours
from tests.targets.case import HANDSHAKE, HANGING_S, UNTRUSTED, UP, Case, Truth
from tests.targets.http2 import hello, speaks
from tests.targets.proxies import http_proxy, opens_and, socks_proxy
from tests.targets.server import Behaviour, Connection, Target, answer, read_request, replies, reset

_CA: Final = "tls: {ca_file: '{folder}/ca.pem'}"
_PLAIN, _TLS = "http://127.0.0.1:{ok}/", "https://127.0.0.1:{tls}/"
_MOVED: Final = "http://127.0.0.1:{moved}/"
_NAMED: Final = "https://localhost:{tls}/"
_CREDENTIALS: Final = "probe:pass word/%"
_IN_URL: Final = "probe:pass%20word%2f%25@"
_BAD_REQUEST: Final = answer(b"", "400 Bad Request")
_READ: Final = "json_path: $.value, expect: {value: {equals: 1.5}}"


def _way(scheme: str = "http", who: str = "", host: str = "127.0.0.1") -> str:
    return f"proxy: '{scheme}://{who}{host}:{{port}}'"


def _down(kind: FailureKind, phase: Phase = "connect") -> Truth:
    return Truth("down", kind, phase)


def _refuses(status: str) -> Behaviour:
    return replies(answer(b"no", status))


def _resets(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    reset(connection)


def _drips(connection: Connection, target: Target) -> None:
    """A head that begins well and never ends."""
    read_request(connection, target)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not target.over.wait(behaviours.DRIP_PAUSE_S):
        connection.sendall(b"x")


def _says(*pieces: bytes) -> Behaviour:
    """Another SOCKS: each piece in answer to what comes."""

    def behaviour(connection: Connection, _target: Target) -> None:
        for piece in pieces:
            connection.recv(65_536)
            connection.sendall(piece)

    return behaviour


def _case(
    name: str,
    behaviour: Behaviour,
    truth: Truth,
    url: str,
    keys: str,
    source: str = "RFC 9110, 9.3.6",
    **more: object,
) -> Case:
    return Case(f"a proxy {name}", behaviour, truth, source, keys, url=url, **more)


def _socks(
    name: str, behaviour: Behaviour, truth: Truth, url: str = _PLAIN, who: str = "", keys: str = ""
) -> Case:
    way = f"{_way('socks5', who)}{', ' if keys else ''}{keys}"
    return _case(f"of SOCKS {name}", behaviour, truth, url, way, "RFC 1928")


def _timeout(name: str, behaviour: Behaviour, truth: Truth, url: str, way: str) -> Case:
    return _case(name, behaviour, truth, url, way, "INTERFACE: timeout", timeout_s=HANGING_S)


_TUNNEL: Final = f"{_way()}, {_CA}"
CASES: Final = (
    _case("that forwards", http_proxy(), UP, _PLAIN, f"{_way()}, {_READ}", "RFC 9112, 3.2.2"),
    _case("that connects", http_proxy(), UP, _TLS, f"{_TUNNEL}, {_READ}"),
    _case("that connects to a name", http_proxy(), UP, _NAMED, f"{_TUNNEL}, {_READ}"),
    _case("by its name", http_proxy(), UP, _TLS, f"{_way(host='localhost')}, {_CA}, {_READ}"),
    _case("and HTTP/2 behind it", http_proxy(), UP, "https://127.0.0.1:{h2}/", f"{_TUNNEL}, http_version: 2, {_READ}"),
    _case("with credentials", http_proxy(credentials=_CREDENTIALS), UP, _TLS, f"{_way(who=_IN_URL)}, {_CA}"),
    _case("that forwards with credentials", http_proxy(credentials=_CREDENTIALS), UP, _PLAIN, _way(who=_IN_URL)),
    _case("followed by a redirect", http_proxy(), UP, _MOVED, f"{_TUNNEL}, {_READ}"),
    _case("without credentials", http_proxy(credentials=_CREDENTIALS), _down("auth"), _TLS, _way()),
    _case("with other credentials", http_proxy(credentials=_CREDENTIALS), _down("auth"), _TLS, _way(who="a:b@")),
    _case("that forwards, without credentials", http_proxy(credentials=_CREDENTIALS), _down("auth"), _PLAIN, _way()),
    _case("that forbids it", _refuses("403 Forbidden"), _down("connect_refused"), _TLS, _way()),
    _case("that cannot reach it", _refuses("502 Bad Gateway"), _down("connect_unreachable"), _TLS, _way()),
    _case("that waits in vain", _refuses("504 Gateway Timeout"), _down("connect_timeout"), _TLS, _way()),
    _case("that has moved", _refuses("302 Found"), _down("connect_refused"), _TLS, _way()),
    _case("that forwards a refusal", _refuses("502 Bad Gateway"), Truth("down", "status"), _PLAIN, _way()),
    _case("that hangs up", behaviours.closes_at_once, _down("disconnected"), _TLS, _way()),
    _case("that resets", _resets, _down("disconnected"), _TLS, _way()),
    _case("that is none", replies(b"220 mail.example ESMTP\r\n"), _down("protocol"), _TLS, _way()),
    _case("whose head has no end", behaviours.endless_headers, _down("protocol"), _TLS, _way()),
    _case("that speaks TLS and is not asked to", http_proxy(), _down("disconnected"), _TLS, _way(), chain="good"),
    _case("that speaks no TLS", _says(_BAD_REQUEST), _down("tls_handshake", "tls"), _TLS, _way("https")),
    _case("of an unknown authority", http_proxy(), _down("tls_untrusted", "tls"), _TLS, _way("https"),
          chain="stranger"),
    _case("that cannot be connected to", http_proxy(), _down("connect_refused"), _TLS,
          "proxy: 'http://127.0.0.1:{closed}'"),
    _case("without an address", http_proxy(), _down("dns", "resolve"), _TLS, "proxy: 'http://proxy.invalid:{port}'"),
    _case("that may not be reached", http_proxy(), _down("blocked"), _TLS, "proxy: 'http://127.0.0.2:{port}'",
          "INTERFACE: APISTATUS_DENY_NETWORKS"),
    _case("to a target that may not be reached", http_proxy(), _down("blocked"), "https://127.0.0.2:{tls}/", _way(),
          "INTERFACE: APISTATUS_DENY_NETWORKS"),
    _case("before a target of an unknown authority", http_proxy(), UNTRUSTED, _TLS, _way()),
    _case("before a target that hangs up", opens_and(behaviours.closes_at_once), HANDSHAKE, _TLS, _TUNNEL),
    _case("before a target that resets in its body", opens_and(behaviours.resets_in_its_body),
          Truth("down", "disconnected", "transfer"), _PLAIN, _way("socks5")),
    _timeout("in silence", behaviours.silent, _down("connect_timeout"), _TLS, _way()),
    _timeout("that drips", _drips, _down("connect_timeout"), _TLS, _way()),
    _timeout("that forwards in silence", behaviours.silent, Truth("down", "timeout", "processing"), _PLAIN, _way()),
    _timeout("that does not answer", http_proxy(), _down("connect_timeout"), _TLS, "proxy: 'http://127.0.0.1:{full}'"),
    _timeout("of SOCKS in silence", behaviours.silent, _down("connect_timeout"), _PLAIN, _way("socks5")),
    _timeout("before a silent target", opens_and(behaviours.silent), Truth("down", "timeout", "tls"), _TLS, _way()),
    _timeout("before a target that drips", opens_and(behaviours.drips_its_body), Truth("down", "timeout", "transfer"),
             _PLAIN, _way("socks5")),
    _socks("5", socks_proxy(), UP, keys=_READ),
    _socks("byte by byte", socks_proxy(piecemeal=True), UP, _NAMED, keys=f"{_CA}, {_READ}"),
    _case("of SOCKS by another scheme", socks_proxy(), UP, _PLAIN, f"{_way('socks5h')}, {_READ}", "RFC 1928"),
    _socks("with credentials", socks_proxy(credentials=_CREDENTIALS), UP, who=_IN_URL),
    _socks("without credentials", socks_proxy(credentials=_CREDENTIALS), _down("auth")),
    _socks("with other credentials", socks_proxy(credentials=_CREDENTIALS), _down("auth"), who="a:b@"),
    _socks("and HTTP/2 by prior knowledge", opens_and(speaks(hello)), UP, keys=f"http_version: 2, {_READ}"),
    _socks("that fails", socks_proxy(reply=1), _down("connect_unreachable")),
    _socks("that does not allow it", socks_proxy(reply=2), _down("connect_refused")),
    _socks("that is refused", socks_proxy(reply=5), _down("connect_refused")),
    _socks("that is too late", socks_proxy(reply=6), _down("connect_timeout")),
    _socks("that does not know the kind", socks_proxy(reply=8), _down("protocol")),
    _socks("with a reply of its own", socks_proxy(reply=99), _down("connect_unreachable")),
    _socks("4", _says(b"\x00\x5a" + bytes(6)), _down("protocol")),
    _socks("with a way of its own", _says(b"\x05\x07"), _down("protocol")),
    _socks("that names no address", _says(b"\x05\x00", b"\x05\x00\x00\x09"), _down("protocol")),
    _socks("that hangs up", _says(b"\x05\x00", b""), _down("disconnected")),
    _socks("that is HTTP", _says(_BAD_REQUEST), _down("protocol")),
)  # fmt: skip
