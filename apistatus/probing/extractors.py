"""What a check's `json_path` and `regex` are compiled to."""

from __future__ import annotations

from apistatus.probing import json_path, json_text
from apistatus.probing.body import ExtractFailed, as_value, text_of
from apistatus.probing.regex_search import Pattern, searched


class JsonPathExtractor:
    """Takes the one element that a JSONPath names: a string as it is, anything else as JSON text."""

    __slots__ = ("element", "quick", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.element = json_path.compile_path(source)
        """Takes a document, returns the element itself; raises ExtractFailed."""
        self.quick = isinstance(self.element, json_path.PlainPath)
        """True when it never takes long."""

    def __call__(self, body: bytes, charset: str | None) -> str:
        return as_value(json_text.as_text(self.element(json_text.parse(body, charset))))


class RegexExtractor:
    """Takes the first group of the first match, or all of the match when the pattern has no group."""

    __slots__ = ("_pattern", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self._pattern = Pattern(source)

    def __call__(self, body: bytes, charset: str | None) -> str:
        text = text_of(body, charset)
        return searched(lambda limit_s: self.first(text, limit_s), self.took_too_long)

    def first(self, text: str, limit_s: float) -> str:
        """What it takes out of the text. Raises TimeoutError when the search takes longer than `limit_s`."""
        return as_value(self._pattern.search(text, limit_s))

    def occurs(self, text: str, limit_s: float) -> bool:
        """Whether it is found in the text. Raises TimeoutError likewise."""
        return self._pattern.occurs(text, limit_s)

    def took_too_long(self) -> ExtractFailed:
        """The failure of a search that did not end within the limit."""
        return self._pattern.took_too_long()


def compile_json_path(text: str) -> JsonPathExtractor:
    """The extractor for a `json_path`. Raises ValueError with half a sentence for people."""
    return JsonPathExtractor(text)


def compile_regex(text: str) -> RegexExtractor:
    """The extractor for a `regex`. Raises ValueError with half a sentence for people."""
    return RegexExtractor(text)
