"""Tokens by OAuth 2.0 client credentials (RFC 6749, section 4.4): the request, and what its answer means.

The request is an exchange like any other, with the prober's own name lookups, denied networks and TLS; redirects
are not followed, because they would carry the secret away. It is measured apart from the check that needs the token.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Literal
from urllib.parse import quote_plus, urlencode, urlsplit

from apistatus.model.check import Check, TokenGrant
from apistatus.ports import Clock
from apistatus.probing.attempt import Attempt
from apistatus.probing.auth_errors import NoCredentials
from apistatus.probing.failures import explain
from apistatus.probing.fetching import Fetcher
from apistatus.probing.masking import one_line
from apistatus.probing.supply import Held

LONGEST_FETCH_S: Final = 30.0
UNTOLD_LIFETIME_S: Final = 300.0
"""How long a token is used whose answer does not say when it ends."""
LONGEST_LIFETIME_S: Final = 86_400.0
_RENEWED_S: Final = 60.0
_MARGIN_S: Final = 5.0
_MAX_ANSWER_BYTES: Final = 262_144
_SHOWN_CHARS: Final = 200
_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")
_STILL: Final = {
    "resolve": "the lookup of its name has not ended",
    "connect": "there is no connection to it",
    "send": "it has not taken the request",
}


class _Text:
    """An `Extractor`: all of the body as text. JSON is UTF-8 (RFC 8259, section 8.1), whatever a header says."""

    source = "the answer of the token endpoint"

    def __call__(self, body: bytes, charset: str | None) -> str:  # noqa: ARG002 - the port's shape
        return body.decode("utf-8-sig", "replace")


_text: Final = _Text()


def token_check(grant: TokenGrant) -> Check:
    """The request for a token, as a check (RFC 6749, sections 2.3.1, 4.4.2)."""
    form = {"grant_type": "client_credentials"}
    optional = {"scope": grant.scope, "audience": grant.audience}
    form |= {name: value for name, value in optional.items() if value is not None}
    headers = [("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded")]
    name, secret = quote_plus(grant.client_id), quote_plus(grant.client_secret)
    if grant.client_auth == "basic":
        proof = base64.b64encode(f"{name}:{secret}".encode()).decode()
        headers.append(("Authorization", f"Basic {proof}"))
    else:
        form |= {"client_id": grant.client_id, "client_secret": grant.client_secret}
    timeout_us = int(LONGEST_FETCH_S * 1e6)
    return Check(
        id="", name="", url=grant.token_url, site=grant.written_url, endpoint="", interval_us=timeout_us,
        timeout_us=timeout_us, method="POST", headers=tuple(headers), body=urlencode(form).encode(),
        follow_redirects=False, tls=grant.tls, extractor=_text, max_body_bytes=_MAX_ANSWER_BYTES,
        secrets=(grant.client_secret, secret),
    )  # fmt: skip


class TokenSource:
    """`supply.Source` of one grant's tokens."""

    def __init__(self, grant: TokenGrant, fetcher: Fetcher, clock: Clock) -> None:
        self._check = token_check(grant)
        self._fetcher = fetcher
        self._clock = clock
        self._attempt = Attempt(self._check, clock)
        self._no_token = f"no token from {urlsplit(grant.token_url).netloc}"

    async def fetch(self) -> Held[str]:
        """A token. Raises NoCredentials."""
        began_ns = self._clock.mono_ns()
        attempt = self._attempt = Attempt(self._check, self._clock)
        try:
            body, _ = await self._fetcher.fetch(attempt)
        except Exception as error:  # whatever a fetch raises, `explain` has the words for it
            failure = explain(error, attempt)
            kind: Literal["auth", "internal"] = "internal" if failure.kind == "internal" else "auth"
            raise NoCredentials(f"{self._no_token}: {failure.text}", kind) from error
        try:
            token, lifetime_s = read_answer(attempt.status_code or 0, _text(body, None), attempt.mask)
        except ValueError as error:
            raise NoCredentials(f"{self._no_token}: {one_line(str(error), attempt.mask)}") from None
        # From when it was asked for: how long the answer was under way is unknown.
        renew_s = lifetime_s - min(_RENEWED_S, lifetime_s / 4)
        ends_s = lifetime_s - min(_MARGIN_S, lifetime_s / 20)
        return Held(token, began_ns + int(renew_s * 1e9), began_ns + int(ends_s * 1e9))

    def unfinished(self) -> str:
        """What is not there, and how far the fetch under way has come."""
        exchange = self._attempt.exchange
        phase = exchange.phase if exchange is not None else "resolve"
        return f"{self._no_token} before the timeout: {_STILL.get(phase, 'it has not answered')}"


def read_answer(status: int, text: str, mask: Callable[[str], str] = str) -> tuple[str, float]:
    """The token and its lifetime in seconds (RFC 6749, section 5.1). Raises ValueError with a line for people,
    which may repeat what the token endpoint said (section 5.2), masked before it is shortened."""
    try:
        answered = f"it answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        answered = f"it answered {status}"
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict) and isinstance(told.get("error"), str):
        description = told.get("error_description")
        said = [told["error"], *([description] if isinstance(description, str) else [])]
        raise ValueError(f"{answered}, {': '.join(mask(one)[:_SHOWN_CHARS] for one in said)}")
    if 300 <= status < 400:
        raise ValueError(f"{answered}: redirects are not followed, write the final address")
    if not 200 <= status < 300:
        raise ValueError(answered)
    if not isinstance(told, dict):
        raise ValueError(f"{answered}, but what came is no JSON object")
    token, kind = told.get("access_token"), told.get("token_type") or "Bearer"
    if not isinstance(token, str) or not token:
        raise ValueError(f"{answered}, but without an access_token")
    if not _SENDABLE.fullmatch(token):
        raise ValueError(f"{answered}, but the access_token cannot stand in a header")
    # Some say BearerToken. Every other kind has to be used in another way (section 7.1).
    if not isinstance(kind, str) or not kind.lower().startswith("bearer"):
        raise ValueError(f"{answered}, but the token_type is {mask(str(kind))[:40]}, not Bearer")
    return token, _lifetime_s(told.get("expires_in"))


def _lifetime_s(told: Any) -> float:
    """What `expires_in` means. Some write the number as a string; 0 and what is no number says nothing."""
    try:
        lifetime_s = math.nan if isinstance(told, bool) else float(told)
    except (TypeError, ValueError, OverflowError):
        lifetime_s = math.nan
    return min(lifetime_s, LONGEST_LIFETIME_S) if lifetime_s > 0 else UNTOLD_LIFETIME_S
