"""What a JSONPath of jsonpath-ng may take of time and memory, whatever the body is.

A path is the user's, a body is the target's. Left alone, two `..` on a body of 200 levels find 20,000 elements
and four find millions, `*` repeats a text a billion times, and a regular expression may never end.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from apistatus.probing.body import ExtractFailed
from apistatus.probing.json_path_regex import bound_regexes

T = TypeVar("T")

_DESCENT_LIMIT_S: Final = 1.0
"""What all the `..` of a path may take together on one body."""
_MOST_BITS: Final = 14_284
"""Python writes no integer of more than 4,300 digits."""
_NUMBERS: Final = (int, float)
_ADDED: Final = (str, list)


class _Until(threading.local):
    """When the search under way in this thread has to have ended, in the thread's own processor time: equal paths
    share one parsed path."""

    s = 0.0


def bound(path: Any) -> Callable[[Callable[[], T]], T]:
    """Bound what a parsed path does. What is returned runs a search of the path, and raises ExtractFailed
    when it takes too long, or calculates what is no number any more.

    Raises ValueError with half a sentence for people.
    """
    until = _Until()
    nodes = _nodes(path)
    within_regexes: Callable[[Callable[[], T]], T] = bound_regexes(nodes)
    for node in nodes:
        if type(node).__name__ == "Operation":
            node.op = _calculation(node.op)
        elif type(node).__name__ == "Descendants":
            _bound_descent(node.right, until)

    def within_bounds(search: Callable[[], T]) -> T:
        until.s = time.thread_time() + _DESCENT_LIMIT_S
        return within_regexes(search)

    return within_bounds


def _bound_descent(node: Any, until: _Until) -> None:
    """`node` is what a `..` looks for at every level."""
    kind = type(node)

    class Bounded(kind):  # type: ignore[misc,valid-type]  # the class of a parsed node
        """Looks at every level whether there is time left."""

        def find(self, datum: Any) -> Any:
            if time.thread_time() > until.s:
                raise ExtractFailed(f"the JSONPath took more than {_DESCENT_LIMIT_S:g} s on this body")
            return kind.find(self, datum)

    Bounded.__name__, Bounded.__module__ = kind.__name__, kind.__module__
    node.__class__ = Bounded


def _calculation(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def calculate(left: Any, right: Any) -> Any:
        if _is_number(left) and _is_number(right):
            return _reckoned(operation(_reckoned(left), _reckoned(right)))
        if type(left) is type(right) and isinstance(left, _ADDED):
            return operation(left, right)
        # To jsonpath-ng: there is nothing to be found here. Python would also repeat texts, and add up truths.
        raise TypeError

    return calculate


def _is_number(value: Any) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _reckoned(number: Any) -> Any:
    if not math.isfinite(number) if isinstance(number, float) else number.bit_length() > _MOST_BITS:
        raise ExtractFailed("the JSONPath calculates with a number beyond all reckoning")
    return number


def _nodes(path: Any) -> list[Any]:
    """Every node of a parsed path: the parts are attributes, alone or in lists and tuples."""
    found, ahead = [], [path]
    while ahead:
        part = ahead.pop()
        if isinstance(part, list | tuple):
            ahead += part
        elif type(part).__module__.startswith("jsonpath_ng."):
            found.append(part)
            ahead += vars(part).values()
    return found
