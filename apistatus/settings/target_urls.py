"""The address of a check: joined, taken apart and looked at before anything is sent to it."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from apistatus.settings.interpolation import masked

MAX_URL_CHARS: Final = 8_000

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ANY_SCHEME: Final = re.compile(r"[^/?#]*://")
_END_OF_SITE: Final = re.compile(r"[/?#]")
_NOT_IN_URLS: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\\]")
_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_MAX_HOST_CHARS: Final = 253
_ANOTHER_ADDRESS: Final = "; leave it out, or write the whole address as `url`"


def joined(site: str, endpoint: str) -> str:
    """The URL of an endpoint below a site, with exactly one slash between them.

    Raises ValueError with half a sentence when the two cannot be joined.
    """
    if _SCHEME.match(endpoint):
        raise ValueError("must be a path like /status, not an address" + _ANOTHER_ADDRESS)
    return site.removesuffix("/") + ("" if endpoint.startswith("/") else "/") + endpoint


def require_site(site: str) -> None:
    """Raises ValueError, likewise, unless endpoints can be put below the site."""
    require_usable(site)
    if "?" in site:
        raise ValueError("must end before the ?; what follows belongs into the endpoint")


def taken_apart(url: str) -> tuple[str, str]:
    """Site and endpoint of a `url` as written, its `${...}` unreplaced and uncut."""
    blank = masked(url)
    scheme = _ANY_SCHEME.match(blank)
    end = _END_OF_SITE.search(blank, scheme.end() if scheme else 0)
    if end is None:
        return url, "/"
    endpoint = url[end.start() :]
    return url[: end.start()], endpoint if endpoint.startswith("/") else f"/{endpoint}"


def require_usable(url: str) -> None:
    """Raises ValueError, with half a sentence that does not repeat the URL, unless it can be asked."""
    if not url:
        raise ValueError("must not be empty")
    if len(url) > MAX_URL_CHARS:
        raise ValueError(f"must not be longer than {MAX_URL_CHARS} characters")
    if _NOT_IN_URLS.search(url):
        raise ValueError("must not hold spaces, control characters or backslashes; write %20 for a space")
    if not _SCHEME.match(url):
        raise ValueError("must begin with http:// or https://")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("is not a URL: the host or the port cannot be read") from error
    _require_plain(parts, port)
    _require_host(parts.hostname or "", is_ipv6="[" in parts.netloc)


def _require_plain(parts: SplitResult, port: int | None) -> None:
    if parts.scheme not in {"http", "https"}:
        raise ValueError("must begin with http:// or https://; other schemes are not checked")
    if "@" in parts.netloc:
        raise ValueError(
            "must not hold credentials; send them in a header, like `Authorization: Basic ${CREDENTIALS}`"
        )
    if parts.fragment:
        raise ValueError("must not hold a fragment (#...): it is never sent")
    if port == 0:
        raise ValueError("must not have port 0")


def _require_host(host: str, *, is_ipv6: bool) -> None:
    if not host:
        raise ValueError("has no host")
    if is_ipv6:
        try:
            ipaddress.IPv6Address(host)
        except ValueError as error:
            raise ValueError("has a host that is not an IPv6 address") from error
        return
    labels = _ascii(host).removesuffix(".").split(".")
    if labels[-1].isdigit():
        try:
            ipaddress.IPv4Address(".".join(labels))
        except ValueError as error:
            raise ValueError("has a host that is neither a name nor an IPv4 address") from error
    if not all(_LABEL.fullmatch(label) for label in labels) or len(".".join(labels)) > _MAX_HOST_CHARS:
        raise ValueError("has a host that is not a valid name")


def _ascii(host: str) -> str:
    """An internationalised name as it is asked for in DNS (IDNA 2008, as the HTTP client does it)."""
    if host.isascii():
        return host
    import idna

    try:
        return idna.encode(host).decode()
    except idna.IDNAError as error:
        raise ValueError("has a host that is not a valid internationalised name") from error


def host_and_port(text: str) -> tuple[str, int]:
    """The place to connect to that `HOST:PORT` names, an IPv6 host in brackets; the host as it is asked for in
    DNS. Raises ValueError."""
    written, _, port = text.rpartition(":")
    is_ipv6 = written.startswith("[") and written.endswith("]")
    host = (written[1:-1] if is_ipv6 else written).lower()
    try:
        if not re.fullmatch("[1-9][0-9]{0,4}", port, re.ASCII) or int(port) > 65_535:
            raise ValueError("no port")
        _require_host(host, is_ipv6=is_ipv6)
    except ValueError as error:
        raise ValueError(
            "must be HOST:PORT, like 192.0.2.10:443, [2001:db8::1]:443 or www.example.com:443"
        ) from error
    return _ascii(host), int(port)


def require_version(host: str, version: int) -> None:
    """Raises ValueError when `host` is an address of the other version of IP; a name may have either."""
    try:
        found = ipaddress.ip_address(host).version
    except ValueError:
        return
    if found != version:
        raise ValueError(f"{host} is an IPv{found} address: it can never be reached with ip_family {version}")


def require_host_name(text: str) -> str:
    """The text, when it is the name or address of a host without a port. Raises ValueError."""
    try:
        _require_host(text, is_ipv6=":" in text)
    except ValueError as error:
        raise ValueError("must be the name of a host, like www.example.com") from error
    return text
