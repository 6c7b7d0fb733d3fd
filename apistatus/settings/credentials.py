"""The headers of a check with its `auth`: made once, or made anew when a file they come from changes."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

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


def authorization(auth: Auth) -> str:
    """The value of the Authorization header (RFC 7617, RFC 6750). Raises ValueError with half a sentence,
    which repeats neither name nor secret."""
    bearer = auth.get("bearer")
    if bearer is not None:
        if not _TOKEN.fullmatch(bearer):
            raise ValueError("the token must be ASCII in one line, without spaces")
        return f"Bearer {bearer}"
    username, password = auth["basic"]["username"], auth["basic"]["password"]
    if not _USERNAME.fullmatch(username) or not _PASSWORD.fullmatch(password):
        raise ValueError(
            "the username must not hold a colon, and neither it nor the password a control character"
        )
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def secrets_of(auth: Auth | None) -> tuple[str, ...]:
    """What of it no line may show."""
    if not auth:
        return ()
    return (auth["bearer"],) if "bearer" in auth else (auth["basic"]["password"],)


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

    def headers(self) -> Headers:
        """The headers as they are by now."""
        if time.monotonic() - self._looked_s >= LOOK_AGAIN_S:
            self._looked_s = time.monotonic()
            stamps = self._look()
            if stamps != self._stamps and self._renew():
                self._stamps = stamps
        return self._headers

    def secrets(self) -> tuple[str, ...]:
        """The password or token as it is by now."""
        return self._secrets

    def _look(self) -> tuple[object, ...]:
        return tuple(_stamp(file) for file in self._files)

    def _renew(self) -> bool:
        try:
            auth = _current(self._auth)
            headers = tuple((name, field_value(_current(value))) for name, value in self._written)
            self._headers = with_auth(headers, auth)
        except ValueError:
            return False
        self._secrets = secrets_of(auth)
        return True


def with_auth(headers: Headers, auth: Auth | None) -> Headers:
    """The headers, and Authorization where there is auth. Raises ValueError as `authorization`."""
    return (*headers, ("Authorization", authorization(auth))) if auth else headers


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


def _stamp(file: Path) -> object:
    """Differs when the file does: also where a link was turned to another, as Kubernetes does it."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
