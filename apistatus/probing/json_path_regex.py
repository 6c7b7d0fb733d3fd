"""Regular expressions inside a JSONPath (`=~` in filters, `sub`), bounded in time like all others.

jsonpath-ng hands them to `re`, which cannot be interrupted: one pattern on one hostile body would stop
every check. So the nodes of a parsed path that run one are made to run ours.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from apistatus.probing.body import ExtractFailed
from apistatus.probing.regex_search import LIMIT_IN_WORDS, Pattern, searched

T = TypeVar("T")

_MAX_SUBSTITUTED_CHARS: Final = 16_000_000
"""Length of a text times that of what is put in: its square would fit a small path and a large body."""


class _Deadline(threading.local):
    """Until when the search under way in this thread may run, in processor time of the process, as `regex` counts
    it: equal paths share one parsed path."""

    until_cpu_s = 0.0

    def begin(self, limit_s: float) -> None:
        self.until_cpu_s = time.process_time() + limit_s

    def left_s(self) -> float:
        left = self.until_cpu_s - time.process_time()
        if left <= 0:
            raise TimeoutError
        return left


def bound_regexes(nodes: Iterable[Any]) -> Callable[[Callable[[], T]], T]:
    """Make every regular expression in the nodes of a parsed path ours. What is returned runs a search of the path,
    in which they may take 100 ms together; past it the search raises ExtractFailed, or threads.Busy.

    Raises ValueError with half a sentence for people.
    """
    deadline = _Deadline()
    for node in nodes:
        if getattr(node, "op", None) == "=~":
            _bound_match(node, deadline)
        elif type(node).__name__ == "Sub":
            node.regex = _Substitution(Pattern(node.expr), deadline)

    def within_deadline(search: Callable[[], T]) -> T:
        def begun(limit_s: float) -> T:
            deadline.begin(limit_s)
            return search()

        return searched(begun, _took_too_long)

    return within_deadline


def _took_too_long() -> ExtractFailed:
    return ExtractFailed(
        f"the regular expressions in the JSONPath took more than {LIMIT_IN_WORDS} on this body"
    )


def _bound_match(node: Any, deadline: _Deadline) -> None:
    from jsonpath_ng.ext.filter import Expression

    class Matches(Expression):
        """Keeps what the target finds and the pattern is found in; texts only, as in jsonpath-ng."""

        def find(self, datum: Any) -> list[Any]:
            return [
                found
                for found in self.target.find(datum)
                if isinstance(found.value, str) and pattern.occurs(found.value, deadline.left_s())
            ]

    if not isinstance(node.value, str):
        raise ValueError("=~ takes a regular expression in quotes")
    try:
        pattern = Pattern(node.value)
    except ValueError as error:
        raise ValueError(f"has a regular expression that {error}") from error
    node.__class__ = Matches


class _Substitution:
    """What `sub` calls in place of a pattern of `re`."""

    def __init__(self, pattern: Pattern, deadline: _Deadline) -> None:
        self._pattern = pattern
        self._deadline = deadline

    def sub(self, replacement: str, text: str) -> str:
        if len(text) * len(replacement) > _MAX_SUBSTITUTED_CHARS:
            raise ExtractFailed("the text is too long for the JSONPath's `sub`")
        return self._pattern.replace(replacement, text, self._deadline.left_s())
