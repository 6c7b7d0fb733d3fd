"""The key `proxy`: one URL that says who connects a check to its target, and who we are there."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from apistatus.model.check import Proxy
from apistatus.settings import target_urls

if TYPE_CHECKING:
    from apistatus.settings.reading import At

_FORM: Final = "must be a URL like http://proxy.example.com:3128, https://... or socks5://..., with a port"
_SCHEMES: Final[dict[str, Any]] = {
    "http": "http", "https": "https", "socks5": "socks5", "socks5h": "socks5",
}  # fmt: skip
"""`socks5h` is what curl calls it when the proxy looks names up, as it always does here."""
_NOT_IN_URLS: Final = re.compile(r"[\x00-\x20\x7f]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MAX_SOCKS_BYTES: Final = 255


def proxy(at: At) -> Proxy:
    """The proxy. Raises ValueError with half a sentence, which repeats nothing of it."""
    text = at.text()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(_FORM) from error
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not port or _NOT_IN_URLS.search(text) or not parts.hostname:
        raise ValueError(_FORM)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must end behind the port: a proxy has no path, query or fragment")
    place = parts.netloc.rpartition("@")[2]
    try:
        host, port = target_urls.host_and_port(place)
    except ValueError as error:
        raise ValueError("has a host that is neither a valid name nor an address") from error
    username, password = _credentials(parts, scheme)
    return Proxy(scheme, host, port, username, password)


def _credentials(parts: SplitResult, scheme: str) -> tuple[str | None, str]:
    """User name and password, as they are without the escapes of a URL."""
    if "@" not in parts.netloc:
        return None, ""
    if _BAD_ESCAPE.search(parts.netloc):
        raise ValueError("has a % in its user name or password that is no escape; write %25 for one")
    try:
        username = unquote(parts.username or "", errors="strict")
        password = unquote(parts.password or "", errors="strict")
    except UnicodeDecodeError as error:
        raise ValueError("has a user name or password that is not UTF-8") from error
    if not username or _CONTROL.search(username + password):
        raise ValueError("must not have an empty user name, or control characters in it or in the password")
    if scheme == "socks5":
        if max(len(username.encode()), len(password.encode())) > _MAX_SOCKS_BYTES or not password:
            raise ValueError("must have a user name and a password of at most 255 bytes for SOCKS (RFC 1929)")
    elif ":" in username:
        raise ValueError("must not have a colon in its user name (RFC 7617)")
    return username, password


def proxy_secrets(given: Proxy | None) -> tuple[str, ...]:
    """What of it no line may show."""
    if given is None or given.username is None:
        return ()
    sent = base64.b64encode(f"{given.username}:{given.password}".encode()).decode()
    return tuple(secret for secret in (given.password, sent) if secret)
