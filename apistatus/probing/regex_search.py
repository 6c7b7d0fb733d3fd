"""`regex`: Python's syntax and meaning, with an end in sight.

`re` decides what a pattern means and whether it is one; the `regex` package carries it out, because
it can be given a time limit and lets other threads run meanwhile. The two dialects differ where
`regex` has more syntax; such patterns are rewritten or refused, so that what runs is what `re` would do.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable
from typing import Final, TypeVar

import regex

from apistatus.probing.body import ExtractFailed, Missing
from apistatus.probing.threads import Busy

T = TypeVar("T")

LIMIT_S: Final = 0.1
"""The longest that one search may take, of a processor."""
_TRIES_S: Final = (LIMIT_S, 6 * LIMIT_S)
"""What all threads of the process may take together while it is under way; the second time it may be busy."""
_ALL_OF_IT: Final = 0.9
LIMIT_IN_WORDS: Final = f"{LIMIT_S * 1000:g} ms"
QUICK_S: Final = 0.002
"""What a search may take on the event loop before it is begun again in a thread."""
_MAX_CHARS: Final = 10_000

_QUANTIFIER: Final = re.compile(r"\{(?:[0-9]+(?:,[0-9]*)?|,[0-9]*)\}")
# regex, "Approximate fuzzy matching": {e}, {i<=1}, {1<=e<=3}, {2i+1d<=4}, {e:[a-z]}.
_FUZZY: Final = re.compile(r"\{\s*(?:[0-9]+\s*<=?\s*)?(?:[0-9]*\s*[ides]\s*)(?:[<+,:=}]|\s)")


class Pattern:
    """A compiled pattern."""

    __slots__ = ("_compiled", "_group", "_text")

    def __init__(self, text: str) -> None:
        """Raises ValueError with half a sentence for people."""
        if not text:
            raise ValueError("an empty regular expression matches everything")
        if len(text) > _MAX_CHARS:
            raise ValueError(f"is longer than {_MAX_CHARS} characters")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", FutureWarning)
                groups = re.compile(text).groups
            self._compiled = regex.compile(_same_meaning(text), regex.VERSION0)
        except FutureWarning as error:
            # Python is about to read such a set differently, and regex does so already.
            raise ValueError(f"has an ambiguous set: {error}; write \\[ for a bracket in a set") from error
        except (re.error, regex.error) as error:
            raise ValueError(f"is not a regular expression: {error}") from error
        except (RecursionError, OverflowError) as error:
            raise ValueError("is too large or too deeply nested") from error
        self._group = 1 if groups else 0
        self._text = text

    def search(self, text: str, limit_s: float) -> str:
        """The first group of the first match, or all of it when the pattern has no group.

        Raises ExtractFailed when there is none, TimeoutError when the process has had a processor for `limit_s`.
        """
        match = self._compiled.search(text, timeout=limit_s, concurrent=True)
        if match is None:
            raise Missing(f"the regular expression {_short(self._text)} matches nothing in the body")
        found = match[self._group]
        if found is None:
            raise Missing(f"the first group of {_short(self._text)} took no part in the match")
        return str(found)

    def occurs(self, text: str, limit_s: float) -> bool:
        """Whether it matches somewhere. Raises TimeoutError when the search takes longer than `limit_s`."""
        return self._compiled.search(text, timeout=limit_s, concurrent=True) is not None

    def replace(self, replacement: str, text: str, limit_s: float) -> str:
        """`text` with every match replaced, as `re.sub` does it. Raises TimeoutError likewise."""
        return str(self._compiled.sub(replacement, text, timeout=limit_s, concurrent=True))

    def took_too_long(self) -> ExtractFailed:
        """The failure of a search that did not end within the limit."""
        what = f"the regular expression {_short(self._text)}"
        return ExtractFailed(f"{what} took more than {LIMIT_IN_WORDS} on this body")


def searched(search: Callable[[float], T], took_too_long: Callable[[], ExtractFailed]) -> T:
    """What the search finds, which gets its `limit_s` and raises TimeoutError past it.

    `regex` counts the processor time of the process (clock(3)), so that searches side by side use up each other's:
    one that had less than its own is not known to be slow and is begun again, with more. Raises what
    `took_too_long` makes, and Busy when the search had too little of a processor the second time, too.
    """
    for limit_s in _TRIES_S:
        began_cpu_s = time.thread_time()
        try:
            return search(limit_s)
        except TimeoutError as error:
            if time.thread_time() - began_cpu_s >= _ALL_OF_IT * LIMIT_S:
                raise took_too_long() from error
    raise Busy("this machine was too busy for a search in the answer")


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:99]}…"


def _same_meaning(text: str) -> str:
    """`text` with every brace that is literal to `re` escaped, so that `regex` sees no fuzzy match in it.

    Raises ValueError for what is written like a fuzzy match: somebody means it.
    """
    # Inside a comment a bracket opens no set: there, only refusing is safe.
    commented = "(?#" in text or re.compile(text).flags & re.VERBOSE
    fuzzy = _FUZZY.search(text) if commented else None
    if fuzzy:
        raise _looks_fuzzy(text, fuzzy.start())
    out: list[str] = []
    at, in_set, set_start = 0, False, 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            named = re.compile(r"\\N\{[^}]*\}").match(text, at)
            end = named.end() if named else at + 2
            out.append(text[at:end])
            at = end
            continue
        if in_set:
            in_set = not (character == "]" and at > set_start)
        elif character == "[":
            in_set = True
            set_start = at + (2 if text.startswith("^", at + 1) else 1)
        elif character == "{":
            quantifier = _QUANTIFIER.match(text, at)
            if quantifier:
                out.append(quantifier.group())
                at = quantifier.end()
                continue
            if _FUZZY.match(text, at):
                raise _looks_fuzzy(text, at)
            character = "\\{"
        out.append(character)
        at += 1
    return "".join(out)


def _looks_fuzzy(text: str, at: int) -> ValueError:
    return ValueError(f"has {text[at : at + 8]!r}, which is no quantifier: a literal brace is written \\{{")
