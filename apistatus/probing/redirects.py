"""Following a redirect: where to, with which method, and with how much of what the check sends."""

from __future__ import annotations

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
_MAX_SHOWN: Final = 200


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
    if _origin(url) != _origin(hop.url):
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
    if not url.host or "%" in url.host or not 0 < (url.port or 80) < 65_536:
        raise RedirectFailed("the redirect's Location names no host and port that could exist")
    return url


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def shown(url: httpx.URL) -> str:
    """A redirect's target for an error line: without query and credentials, which may hold secrets."""
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.host}{port}{url.path}"[:_MAX_SHOWN]
