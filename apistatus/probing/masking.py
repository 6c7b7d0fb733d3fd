"""Keeping secrets out of what is said, and what is said to one line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from json.encoder import encode_basestring
from typing import Final
from urllib.parse import quote, unquote

from apistatus.model.check import Check
from apistatus.model.result import MAX_ERROR_CHARS
from apistatus.probing.redirects import PLAIN_HEADERS

_SHORTEST_CHARS: Final = 4
"""Values shorter than this are no secrets."""
_SECRET_NAME: Final = re.compile("(?i)auth|cookie|token|key|secret|passw")
"""Of headers whose value proves who we are."""
_CONTROL: Final = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Mask:
    """Writes `***` for each of the secrets."""

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {secret for secret in secrets if len(secret) >= _SHORTEST_CHARS}
        # As JSON has them too: `seen` quotes values of a document.
        known |= {encode_basestring(secret)[1:-1] for secret in known}
        # The longest first: one may be part of another.
        self._secrets = sorted(known, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def mask_of(check: Check, headers: Iterable[tuple[str, str]], secrets: Iterable[str] = ()) -> Mask:
    """What the check sends, with these headers, and nobody else should see; and other secrets."""
    values = {value for name, value in headers if name.lower() not in PLAIN_HEADERS}
    values |= {value.split()[-1] for value in values if value.strip()}
    written = check.site + check.endpoint
    target = check.url.partition("://")[2].partition("/")[2]
    pieces = {piece for piece in re.split("[/?&=#;]", target) if piece not in written}
    # In each of its forms: who repeats a URL may have decoded it, or encoded what was written plainly.
    values |= {form for piece in pieces for form in (piece, unquote(piece), quote(unquote(piece)))}
    values.update(secret for assertion in check.assertions for secret in assertion.secrets)
    return Mask(values.union(_credentials(check), secrets))


def mask_of_value(
    check: Check, headers: Iterable[tuple[str, str]], others: Iterable[str] = ()
) -> Mask | None:
    """For the value that a target sends back: only what is a secret for sure, because a value is data.
    None when there is no such thing."""
    secrets = [*_credentials(check), *others]
    secrets += [value.split()[-1] for name, value in headers if _SECRET_NAME.search(name) and value.strip()]
    return Mask(secrets) if secrets else None


def _credentials(check: Check) -> list[str]:
    changing = check.credentials.secrets() if check.credentials is not None else ()
    return [*check.secrets, *changing]


def one_line(text: str, mask: Mask) -> str:
    """`text` fit for a result: one line of at most 1,000 characters, secrets masked."""
    text = _CONTROL.sub(" ", mask(text)).strip()
    return text if len(text) <= MAX_ERROR_CHARS else text[: MAX_ERROR_CHARS - 1] + "…"
