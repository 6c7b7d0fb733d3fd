"""Compiled extractors, and carrying them out without holding up other checks."""

from __future__ import annotations

import asyncio
from typing import Final

from apistatus.model.check import Extractor
from apistatus.probing import json_path, json_text
from apistatus.probing.body import ExtractFailed, as_value, text_of
from apistatus.probing.regex_search import LIMIT_S, QUICK_S, Pattern
from apistatus.probing.threads import Busy, Threads

__all__ = ["ExtractFailed", "Extraction", "compile_json_path", "compile_regex"]

_AT_ONCE_BYTES: Final = 65_536
"""Bodies up to this size are parsed on the event loop: about a millisecond."""
_THREAD_LIMIT_S: Final = 1.0


class JsonPathExtractor:
    """Takes the one element that a JSONPath names: a string as it is, anything else as JSON text."""

    __slots__ = ("_find", "quick", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self._find = json_path.compile_path(source)
        self.quick = isinstance(self._find, json_path.PlainPath)

    def __call__(self, body: bytes, charset: str | None) -> str:
        try:
            return as_value(json_text.as_text(self._find(json_text.parse(body, charset))))
        except RecursionError as error:
            raise ExtractFailed(f"{self.source}: the body is nested too deeply") from error


class RegexExtractor:
    """Takes the first group of the first match, or all of the match when the pattern has no group."""

    __slots__ = ("_pattern", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self._pattern = Pattern(source)

    def __call__(self, body: bytes, charset: str | None) -> str:
        try:
            return self.within(LIMIT_S, body, charset)
        except TimeoutError as error:
            raise self._pattern.took_too_long() from error

    def within(self, limit_s: float, body: bytes, charset: str | None) -> str:
        """As the call, but raises TimeoutError when the search takes longer than `limit_s`."""
        return as_value(self._pattern.search(text_of(body, charset), limit_s))


def compile_json_path(text: str) -> Extractor:
    """The extractor for a `json_path`. Raises ValueError with half a sentence for people."""
    return JsonPathExtractor(text)


def compile_regex(text: str) -> Extractor:
    """The extractor for a `regex`. Raises ValueError with half a sentence for people."""
    return RegexExtractor(text)


class Extraction:
    """Carries extractors out: what is quick at once, what may take long in a thread."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    async def __call__(self, extractor: Extractor, body: bytes, charset: str | None) -> str:
        """The value. Raises ExtractFailed; `threads.Busy` when no thread was free in time."""
        at_once = len(body) <= _AT_ONCE_BYTES
        if isinstance(extractor, RegexExtractor):
            if at_once:
                try:
                    return extractor.within(QUICK_S, body, charset)
                except TimeoutError:
                    # Begun again below, where it may take longer without holding up other checks.
                    pass
        elif at_once and getattr(extractor, "quick", True):
            return extractor(body, charset)
        job = self._threads.submit(lambda: extractor(body, charset))
        try:
            async with asyncio.timeout(_THREAD_LIMIT_S):
                return await job.future
        except TimeoutError as error:
            if not job.begun:
                raise Busy("all threads for extraction are busy") from error
            raise ExtractFailed(
                f"{extractor.source} took more than {_THREAD_LIMIT_S:g} s on this body"
            ) from error
