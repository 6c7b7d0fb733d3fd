"""A check out of nothing but a URL, for `check-once URL`."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from apistatus.errors import ConfigurationError, Problem
from apistatus.model.check import Check
from apistatus.model.identity import slug
from apistatus.settings.target_urls import require_usable, taken_apart

_INTERVAL_US: Final = 30_000_000
_TIMEOUT_US: Final = 10_000_000
_MAX_NAME_CHARS: Final = 255


def ad_hoc_check(url: str) -> Check:
    """The check of `url` with every default of the reader file. Its id is the URL's slug, or a hash where
    that would be too long. Raises ConfigurationError, which does not repeat a URL with credentials."""
    try:
        require_usable(url)
    except ValueError as error:
        shown = "the URL" if "@" in url else repr(url[:200])
        raise ConfigurationError([Problem("", f"{shown} {error}")]) from error
    site, endpoint = taken_apart(url)
    check_id = slug(url) or f"url-{blake2b(url.encode(), digest_size=16).hexdigest()}"
    return Check(
        id=check_id, name=url[:_MAX_NAME_CHARS], url=site + endpoint, site=site, endpoint=endpoint,
        interval_us=_INTERVAL_US, timeout_us=_TIMEOUT_US,
    )  # fmt: skip
