"""What came back from a target, as extraction and assertions see it: each view of it made once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from apistatus.probing import json_text
from apistatus.probing.body import ExtractFailed, Missing, text_of
from apistatus.probing.extractors import JsonPathExtractor, RegexExtractor
from apistatus.probing.regex_search import QUICK_S, searched

_MIN_S: Final = 1e-4


class TookTooLong(Exception):
    """The searches of an answer that were to be quick are not: begin again where they may take longer."""


class Headers(Protocol):
    """Headers of a response, looked up by their names in lower case."""

    def get(self, name: str, /) -> str | None: ...


class RawHeaders:
    """Headers as they came, names in lower case. Looking one up is cheaper than making a mapping of all."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        self._pairs = pairs

    def get(self, name: str, /) -> str | None:
        """The value, several with commas between: UTF-8 where it is that, else Latin-1 (RFC 9110, 5.5)."""
        wanted = name.encode()
        values = [value for key, value in self._pairs if key == wanted]
        if not values:
            return None
        joined = b", ".join(values)
        try:
            return joined.decode()
        except UnicodeDecodeError:
            return joined.decode("latin-1")


class Answer:
    """A final response, complete.

    With `quick`, all searches by regex may take 2 ms together, and TookTooLong says that they did not.
    Otherwise each may take 100 ms, and ends in an ExtractFailed. `mask` hides secrets in what is shown.
    """

    def __init__(
        self, body: bytes, charset: str | None, headers: Headers, *, total_us: int,
        certificate_left_us: int | None, mask: Callable[[str], str], quick: bool,
    ) -> None:  # fmt: skip
        self.body = body
        self.charset = charset
        self.total_us = total_us
        self.certificate_left_us = certificate_left_us
        self.mask = mask
        self._headers = headers
        self._quick_until_s = time.monotonic() + QUICK_S if quick else None
        self._text: str | None = None
        self._documents: dict[bool, Any] = {}

    def take_time(self) -> None:
        """Searches that follow are those of an answer that is not `quick`."""
        self._quick_until_s = None

    @property
    def text(self) -> str:
        """The body as text."""
        if self._text is None:
            self._text = text_of(self.body, self.charset)
        return self._text

    def document(self, *, numerals: bool) -> Any:
        """The body as JSON, as `json_text.parse` has it. Raises ExtractFailed."""
        found = self._documents.get(numerals, self)
        if found is self:
            try:
                found = json_text.parse(self.body, self.charset, numerals=numerals)
            except ExtractFailed as error:
                found = error
            self._documents[numerals] = found
        if isinstance(found, ExtractFailed):
            raise found
        return found

    def header(self, name: str) -> str:
        """The header's value, several with commas between (RFC 9110, 5.2). Raises Missing."""
        value = self._headers.get(name)
        if value is None:
            raise Missing(f"no header {name} in the response")
        return value

    def element(self, path: Any) -> Any:
        """The one element that a path names. Raises ExtractFailed."""
        if not isinstance(path, JsonPathExtractor):
            raise TypeError(f"{type(path).__name__} is no compiled JSONPath")
        # Only jsonpath-ng's filters and functions calculate.
        return path.element(self.document(numerals=path.quick))

    def extracted(self, extractor: Any) -> str:
        """The text that a regex, or any other extractor, takes out of the body. Raises ExtractFailed."""
        if not isinstance(extractor, RegexExtractor):
            return str(extractor(self.body, self.charset))
        return str(self._searched(extractor, lambda limit_s: extractor.first(self.text, limit_s)))

    def search(self, regex: Any, text: str) -> bool:
        """Whether a compiled regex is found in the text. Raises ExtractFailed when it takes too long."""
        return bool(self._searched(regex, lambda limit_s: regex.occurs(text, limit_s)))

    def _searched(self, regex: RegexExtractor, search: Callable[[float], object]) -> object:
        if self._quick_until_s is None:
            return searched(search, regex.took_too_long)
        try:
            return search(max(_MIN_S, self._quick_until_s - time.monotonic()))
        except TimeoutError as error:
            raise TookTooLong from error
