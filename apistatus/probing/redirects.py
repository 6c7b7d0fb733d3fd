"""Following a redirect: where to, with which method, and with how much of what the check sends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import httpx

from apistatus.model.check import TlsOptions

FOLLOWED: Final = frozenset((301, 302, 303, 307, 308))
PLAIN_HEADERS: Final = frozenset(
    ("accept", "accept-encoding", "accept-language", "cache-control", "connection", "content-type", "pragma",
     "user-agent")
)  # fmt: skip
"""Headers that hold no secret. Every other one stays with the origin it was written for."""


class RedirectFailed(Exception):
    """The redirect leads nowhere that a check goes: a line for people."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One request of a chain: what is sent, where to, and how TLS is done there."""

    method: str
    url: httpx.URL
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    tls: TlsOptions

    def with_headers(self, headers: tuple[tuple[str, str], ...]) -> Hop:
        """The same with other headers."""
        return replace(self, headers=headers)


def location_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Where a response leads; None when it does not say. Raises RedirectFailed when it says two things.

    A Location is not a list (RFC 9110, section 5.3). Bytes that no URL has are taken for UTF-8, as browsers do.
    """
    found = {value for name, value in headers if name == b"location" and value}
    if len(found) > 1:
        raise RedirectFailed(f"the redirect has {len(found)} different Locations")
    raw = next(iter(found), b"")
    try:
        return raw.decode() or None
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def next_hop(hop: Hop, status: int, location: str) -> Hop:
    """The request that a redirect asks for (RFC 9110, section 15.4).

    To another origin (scheme, host or port) go only headers that cannot hold a secret, no client
    certificate and no body. Raises RedirectFailed.
    """
    url = _target(hop.url, location)
    method, body = hop.method, hop.body
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
    headers, tls = hop.headers, hop.tls
    if body is None and hop.body is not None:
        headers = tuple(item for item in headers if item[0].lower() not in ("content-type", "content-length"))
    if origin_of(url) != origin_of(hop.url):
        if body is not None:
            raise RedirectFailed(
                f"status {status} would take the request's body to another origin, {shown(url)}"
            )
        headers = tuple(item for item in headers if item[0].lower() in PLAIN_HEADERS)
        tls = replace(tls, cert_file=None, key_file=None, server_name=None)
    return Hop(method, url, headers, body, tls)


def _target(base: httpx.URL, location: str) -> httpx.URL:
    try:
        url = base.join(location.strip()).copy_with(fragment=None, username=None, password=None)
    except (httpx.InvalidURL, ValueError, UnicodeError, TypeError) as error:
        raise RedirectFailed("the redirect's Location is not a URL") from error
    if url.scheme not in ("http", "https"):
        raise RedirectFailed(
            f"the redirect leads to {url.scheme[:40] or 'no scheme'}:, which is not followed"
        )
    port = 80 if url.port is None else url.port
    if not url.host or "%" in url.host or not 0 < port < 65_536:
        raise RedirectFailed("the redirect's Location names no host and port that could exist")
    return url


def origin_of(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port."""
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def shown(url: httpx.URL) -> str:
    """A redirect's target for an error line: without query and credentials, which may hold secrets.

    Of any length: half of a secret in its path could not be masked any more.
    """
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.host}{port}{url.path}"
