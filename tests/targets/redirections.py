"""Redirects: RFC 9110, section 15.4, and what a target makes of them."""

from __future__ import annotations

from typing import Final

from tests.targets import behaviours
from tests.targets.case import BAD_STATUS, HANGING_S, HELLO, REDIRECT, UP, Case, Truth
from tests.targets.server import Behaviour, Connection, Target, answer, fill, read_request, reset

_LOCATION: Final = "RFC 9110, 10.2.2"


def leads_to(*locations: str, status: str = "302 Found") -> Behaviour:
    """Redirects every request for `/`, and answers `hello` to all others. `{port}` and other places are filled in."""

    def behaviour(connection: Connection, target: Target) -> None:
        if read_request(connection, target).split()[1] == b"/":
            lines = tuple(f"Location: {fill(location, target.places)}" for location in locations)
            connection.sendall(answer(b"elsewhere", status, lines))
        else:
            connection.sendall(answer(b"hello"))

    return behaviour


def _further(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    connection.sendall(answer(status="302 Found", headers=(f"Location: /{len(target.requests)}",)))


def _back_and_forth(connection: Connection, target: Target) -> None:
    path = read_request(connection, target).split()[1]
    where = "/b" if path == b"/a" else "/a"
    connection.sendall(answer(status="302 Found", headers=(f"Location: {where}",)))


def _and_resets(connection: Connection, target: Target) -> None:
    if read_request(connection, target).split()[1] == b"/there":
        connection.sendall(answer(b"hello"))
        return
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 99\r\n\r\n")
    target.over.wait(0.05)
    reset(connection)


def _and_floods(connection: Connection, target: Target) -> None:
    if read_request(connection, target).split()[1] == b"/there":
        connection.sendall(answer(b"hello"))
        return
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n")
    while not target.over.is_set():
        connection.sendall(b"x" * 65_536)


def _asks_for_utf_8(connection: Connection, target: Target) -> None:
    path = read_request(connection, target).split()[1]
    if path == b"/":
        connection.sendall(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /gr\xc3\xbcn\r\n\r\n")
    else:
        connection.sendall(answer(b"hello" if path == b"/gr%C3%BCn" else path))


def _echoes(connection: Connection, target: Target) -> None:
    """Redirects to `/there`, which answers with the request's method and body."""
    request = read_request(connection, target)
    method, path = request.split()[:2]
    if path == b"/there":
        connection.sendall(answer(method + b" " + request.partition(b"\r\n\r\n")[2]))
    else:
        status = {b"/307": "307 Again", b"/303": "303 See Other"}.get(path, "302 Found")
        connection.sendall(answer(status=status, headers=("Location: /there",)))


def _nowhere(location: str) -> Case:
    return Case(f"a redirect to {location}", leads_to(location), REDIRECT, _LOCATION)


CASES: Final = (
    *(Case(f"a {status} redirect", leads_to("/there", status=status), UP, "RFC 9110, 15.4", HELLO)
      for status in ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent")),
    Case("a redirect to another port", leads_to("http://127.0.0.1:{ok}/x"), UP, _LOCATION),
    Case("a redirect without a scheme", leads_to("//127.0.0.1:{port}/there"), UP, _LOCATION, HELLO),
    Case("a redirect to a query", leads_to("?a=b"), UP, "RFC 3986, 5.2.2", HELLO),
    Case("a redirect with dots", leads_to("./a/../there"), UP, "RFC 3986, 5.2.4", HELLO),
    Case("a redirect with a fragment", leads_to("/there#part"), UP, "RFC 9110, 10.2.2: it is not sent", HELLO),
    Case("a redirect with a name and password", leads_to("http://a:b@127.0.0.1:{port}/there"), UP,
         "RFC 9110, 4.2.4: they are not used", HELLO),
    Case("a redirect in capitals", leads_to("HTTP://127.0.0.1:{port}/there"), UP, "RFC 3986, 3.1", HELLO),
    Case("a redirect with a space", leads_to("/the re"), UP, "RFC 3986, 2: percent-encoded", HELLO),
    Case("a redirect in raw UTF-8", _asks_for_utf_8, UP, "RFC 3986, 2.5", HELLO),
    Case("a redirect whose body never ends", _and_floods, UP, "RFC 9110, 15.4: it is not read", HELLO),
    Case("a redirect that breaks off in its body", _and_resets, UP, "RFC 9110, 15.4: it is not read", HELLO),
    Case("a redirect from http to https", leads_to("https://127.0.0.1:{tls}/"), UP, "RFC 9110, 4.2.2",
         "tls: {ca_file: '{folder}/ca.pem'}"),
    Case("a redirect down to http", leads_to("http://127.0.0.1:{ok}/"), UP, "INTERFACE: followed, without credentials",
         "tls: {ca_file: '{folder}/ca.pem'}", chain="good"),
    Case("one Location twice", leads_to("/there", "/there"), UP, "RFC 9110, 5.3: one and the same", HELLO),
    Case("two Locations", leads_to("/there", "/elsewhere"), REDIRECT, "RFC 9110, 5.3: not a list"),
    Case("a redirect without Location", leads_to(), BAD_STATUS, "RFC 9110, 15.4"),
    Case("an empty Location", leads_to(""), BAD_STATUS, _LOCATION),
    Case("a redirect that is not to be followed", leads_to("/there"), BAD_STATUS, "INTERFACE: follow_redirects",
         "follow_redirects: false"),
    Case("a redirect that was expected", leads_to("/there"), UP, "INTERFACE: follow_redirects",
         "follow_redirects: false, expect: {status: 302}"),
    Case("POST becomes GET", _echoes, UP, "RFC 9110, 15.4.3",
         "method: POST, body: data, expect: {body: {equals: 'GET '}}"),
    Case("POST stays POST", _echoes, UP, "RFC 9110, 15.4.8",
         "method: POST, body: data, expect: {body: {equals: POST data}}", url="http://127.0.0.1:{port}/307"),
    Case("PUT becomes GET", _echoes, UP, "RFC 9110, 15.4.4",
         "method: PUT, body: data, expect: {body: {equals: 'GET '}}", url="http://127.0.0.1:{port}/303"),
    Case("a body for another origin", leads_to("http://127.0.0.1:{ok}/", status="307 Again"), REDIRECT,
         "INTERFACE: credentials never follow", "method: POST, body: secret"),
    Case("a circle of one", leads_to("/"), REDIRECT, "RFC 9110, 15.4"),
    Case("a circle of two", _back_and_forth, REDIRECT, "RFC 9110, 15.4"),
    Case("redirects without end", _further, REDIRECT, "INTERFACE: max_redirects"),
    Case("one redirect too many", _further, REDIRECT, "INTERFACE: max_redirects", "max_redirects: 0"),
    *map(_nowhere, (
        "ftp://127.0.0.1/", "javascript:alert(1)", "file:///etc/passwd", "data:text/plain,ok", "ws://127.0.0.1:{ok}/",
        "http://[::1", "http://", "https://:443/x", "http://127.0.0.1:99999/", "http://127.0.0.1:0/", "http://a b/",
        "//",
    )),
    Case("a redirect to a closed port", leads_to("http://127.0.0.1:{closed}/"),
         Truth("down", "connect_refused", "connect"), _LOCATION),
    Case("a redirect to a name that does not exist", leads_to("http://name.invalid/"), Truth("down", "dns", "resolve"),
         "RFC 6761, 6.4"),
    Case("a redirect to a denied address", leads_to("http://127.0.0.2:{ok}/"), Truth("down", "blocked", "connect"),
         "INTERFACE: APISTATUS_DENY_NETWORKS"),
    Case("a redirect to a denied address in another notation", leads_to("http://[::ffff:127.0.0.2]:{ok}/"),
         Truth("down", "blocked", "connect"), "RFC 4291, 2.5.5.2"),
    Case("a redirect to a silent one", leads_to("http://127.0.0.1:{full}/"), Truth("down", "connect_timeout",
         "connect"),
         "INTERFACE: timeout", timeout_s=HANGING_S),
    Case("a redirect to an error", leads_to("http://127.0.0.1:{failing}/"), BAD_STATUS, "RFC 9110, 15.4"),
    Case("a redirect to another certificate", leads_to("https://127.0.0.1:{tls}/"), Truth("down", "tls_untrusted",
         "tls"),
         "RFC 9110, 4.3.4"),
)  # fmt: skip

NAMES: Final = (
    Case("a name that does not exist", behaviours.ok, Truth("down", "dns", "resolve"), "RFC 6761, 6.4",
         url="http://name.invalid:{port}/"),
    Case("a label of 63 characters", behaviours.ok, Truth("down", "dns", "resolve"), "RFC 1035, 2.3.4",
         url="http://" + "a" * 63 + ".invalid:{port}/"),
    Case("a name in another script", behaviours.ok, Truth("down", "dns", "resolve"), "RFC 5891",
         url="http://bücher.invalid:{port}/"),
    Case("a name in /etc/hosts", behaviours.ok, UP, "RFC 6761, 6.3", url="http://localhost:{port}/"),
    Case("an address", behaviours.ok, UP, "RFC 3986, 3.2.2"),
    Case("a closed port", behaviours.ok, Truth("down", "connect_refused", "connect"), "RFC 9293, 3.5.2",
         url="http://127.0.0.1:{closed}/"),
    Case("an address without a route", behaviours.ok, Truth("down", "connect_unreachable", "connect"),
         "RFC 1122, 3.2.1.3",
         url="http://224.0.0.1:{port}/"),
    Case("a denied address", behaviours.ok, Truth("down", "blocked", "connect"), "INTERFACE: APISTATUS_DENY_NETWORKS",
         url="http://127.0.0.2:{port}/"),
    Case("a denied address inside IPv6", behaviours.ok, Truth("down", "blocked", "connect"), "RFC 4291, 2.5.5.2",
         url="http://[::ffff:127.0.0.2]:{port}/"),
)  # fmt: skip
