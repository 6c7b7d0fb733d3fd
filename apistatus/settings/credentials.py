"""The headers of a check with its `auth`: made once, or made anew when a file they come from changes.

What of `auth` can only be worked out when an attempt begins is handed on as `model.check.LateAuth`.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from apistatus.model.check import AwsSigning, LateAuth, TokenGrant
from apistatus.settings.file_stamps import stamps_of
from apistatus.settings.live_text import LiveText
from apistatus.settings.reader_values import field_value

Headers: TypeAlias = tuple[tuple[str, str], ...]
Auth: TypeAlias = Mapping[str, Any]

LOOK_AGAIN_S: Final = 1.0
"""How often, at the most, files are looked at for a change."""
# RFC 7617, section 2: no colon in the name, no control characters in either.
_USERNAME: Final = re.compile(r"[^:\x00-\x1f\x7f]*")
_PASSWORD: Final = re.compile(r"[^\x00-\x1f\x7f]*")
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
# RFC 6749, section 3.3: scope-token *( SP scope-token ).
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")
_AWS_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def authorization(auth: Auth) -> str | None:
    """The value of the Authorization header (RFC 7617, RFC 6750); None when it is worked out later. Raises
    ValueError with half a sentence, which repeats neither name nor secret."""
    if "bearer" in auth:
        if not _TOKEN.fullmatch(auth["bearer"]):
            raise ValueError("the token must be ASCII in one line, without spaces")
        return f"Bearer {auth['bearer']}"
    if "basic" not in auth:
        return None
    username, password = auth["basic"]["username"], auth["basic"]["password"]
    if not _USERNAME.fullmatch(username) or not _PASSWORD.fullmatch(password):
        raise ValueError(
            "the username must not hold a colon, and neither it nor the password a control character"
        )
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def late_auth(auth: Auth | None) -> LateAuth | None:
    """What is worked out when an attempt begins. Raises ValueError as `authorization`."""
    if not auth:
        return None
    if "oauth2" in auth:
        return _token_grant(auth["oauth2"])
    return _aws_signing(auth["aws"]) if "aws" in auth else None


def _token_grant(given: Mapping[str, Any]) -> TokenGrant:
    for key in ("client_id", "client_secret", "audience"):
        if key in given and not (given[key] and _PASSWORD.fullmatch(given[key])):
            raise ValueError(f"{key} must not be empty or hold a control character")
    if "scope" in given and not _SCOPE.fullmatch(given["scope"]):
        raise ValueError('scope must be words of ASCII without " and \\, with one space between them')
    return TokenGrant(**{key: value for key, value in given.items() if key != "tls" or value is not None})


def _aws_signing(given: Mapping[str, Any]) -> AwsSigning:
    for key in ("region", "service", "access_key_id"):
        if key in given and not _AWS_NAME.fullmatch(given[key]):
            raise ValueError(f"{key} must be of A-Z a-z 0-9 . _ -")
    for key in ("secret_access_key", "session_token"):
        if key in given and not _TOKEN.fullmatch(given[key]):
            raise ValueError(f"{key} must be ASCII in one line, without spaces")
    if ("access_key_id" in given) != ("secret_access_key" in given):
        raise ValueError("access_key_id and secret_access_key go together")
    if "session_token" in given and "access_key_id" not in given:
        raise ValueError("session_token goes with access_key_id and secret_access_key")
    return AwsSigning(**given)


def require_sendable(auth: Auth) -> None:
    """Raises ValueError with half a sentence when nothing can be sent that says so."""
    if authorization(auth) is None:
        late_auth(auth)


def secrets_of(auth: Auth | None) -> tuple[str, ...]:
    """What of it no line may show."""
    if not auth:
        return ()
    if "bearer" in auth:
        return (auth["bearer"],)
    [given] = auth.values()
    secret = ("password", "client_secret", "secret_access_key", "session_token")
    return tuple(given[key] for key in secret if key in given)


class LiveCredentials:
    """`model.check.Credentials` out of headers and auth in which files stand.

    Looks at the files at most once a second. When one cannot be read, or what is in it cannot be
    sent, the last good headers stay.
    """

    def __init__(self, headers: Headers, auth: Auth | None, texts: Iterable[LiveText]) -> None:
        self._written, self._auth = headers, auth
        self._files = sorted({file for text in texts for file in text.files})
        self._stamps = self._look()
        self._looked_s = time.monotonic()
        self._headers, self._secrets = with_auth(headers, auth), secrets_of(auth)
        self._late_auth = late_auth(auth)

    def headers(self) -> Headers:
        """The headers as they are by now."""
        self._look_again()
        return self._headers

    def late_auth(self) -> LateAuth | None:
        """What is worked out when an attempt begins, as it is by now."""
        self._look_again()
        return self._late_auth

    def secrets(self) -> tuple[str, ...]:
        """What no line may show, as it is by now."""
        return self._secrets

    def _look_again(self) -> None:
        if time.monotonic() - self._looked_s >= LOOK_AGAIN_S:
            self._looked_s = time.monotonic()
            stamps = self._look()
            if stamps != self._stamps and self._renew():
                self._stamps = stamps

    def _look(self) -> tuple[object, ...]:
        return stamps_of(self._files)

    def _renew(self) -> bool:
        try:
            auth = _current(self._auth)
            headers = tuple((name, field_value(_current(value))) for name, value in self._written)
            later, headers = late_auth(auth), with_auth(headers, auth)
        except ValueError:
            return False
        self._headers, self._late_auth, self._secrets = headers, later, secrets_of(auth)
        return True


def with_auth(headers: Headers, auth: Auth | None) -> Headers:
    """The headers, and Authorization where it is known already. Raises ValueError as `authorization`."""
    value = authorization(auth) if auth else None
    return headers if value is None else (*headers, ("Authorization", value))


def live_texts(value: Any) -> list[LiveText]:
    """The texts in it that come from files."""
    if isinstance(value, Mapping):
        return [text for inner in value.values() for text in live_texts(inner)]
    if isinstance(value, tuple):
        return [text for inner in value for text in live_texts(inner)]
    return [value] if isinstance(value, LiveText) else []


def _current(value: Any) -> Any:
    """The same with every text from a file as it is by now. Raises ValueError."""
    if isinstance(value, Mapping):
        return {key: _current(inner) for key, inner in value.items()}
    return value.current() if isinstance(value, LiveText) else value
