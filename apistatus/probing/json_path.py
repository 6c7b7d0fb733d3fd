"""`json_path`: plain paths are looked up directly, everything else is jsonpath-ng's.

A plain path is `$` and then names and single indices: `$.a.b[0]['x']`, `$.über`. It means what it
means to jsonpath-ng (an index counts only in arrays, a negative one from the end, a backslash in
quotes keeps the next character), at a hundredth of the cost and with a better account of what is missing.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final

from apistatus.probing.body import ExtractFailed
from apistatus.probing.json_text import shown

Finder = Callable[[Any], Any]
"""Takes a document, returns its one wanted element; raises ExtractFailed."""

_MAX_CHARS: Final = 1_000
_STEP: Final = re.compile(
    r"""\.(?P<name>[A-Za-z_@\u0080-\U0010ffff][A-Za-z0-9_@\u0080-\U0010ffff-]*)
      | \[[ ]*(?P<index>-?[0-9]{1,9})[ ]*\]
      | \[[ ]*'(?P<single>(?:[^'\\]|\\.)*)'[ ]*\]
      | \[[ ]*"(?P<double>(?:[^"\\]|\\.)*)"[ ]*\]""",
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(.)")


def compile_path(text: str) -> Finder:
    """The finder for a JSONPath. Raises ValueError with half a sentence for people."""
    if not text.strip():
        raise ValueError("an empty JSONPath finds nothing; $ is the whole document")
    if len(text) > _MAX_CHARS:
        raise ValueError(f"is longer than {_MAX_CHARS} characters")
    steps = plain_steps(text.strip())
    return _general(text.strip()) if steps is None else PlainPath(steps)


def plain_steps(text: str) -> tuple[str | int, ...] | None:
    """The names and indices of a plain path, None when it is not plain."""
    if not text.startswith("$"):
        return None
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or (match["name"] and any(character.isspace() for character in match["name"])):
            return None
        if match["index"] is not None:
            steps.append(int(match["index"]))
        elif match["name"] is not None:
            steps.append(match["name"])
        else:
            steps.append(_ESCAPE.sub(r"\1", match["single"] if match["double"] is None else match["double"]))
        at = match.end()
    return tuple(steps)


class PlainPath:
    """Direct look-ups, one per step."""

    __slots__ = ("_steps",)

    def __init__(self, steps: tuple[str | int, ...]) -> None:
        self._steps = steps

    def __call__(self, document: Any) -> Any:
        value = document
        for step in self._steps:
            if isinstance(step, str):
                if not isinstance(value, dict) or step not in value:
                    raise ExtractFailed(self._missing(document))
            elif not isinstance(value, list) or not -len(value) <= step < len(value):
                raise ExtractFailed(self._missing(document))
            value = value[step]
        return value

    def _missing(self, document: Any) -> str:
        value, here = document, "$"
        for step in self._steps:
            if isinstance(step, str):
                if not isinstance(value, dict):
                    return f"no {shown(step)} at {here}: it is {_kind(value)}, not an object"
                if step not in value:
                    return f"no {shown(step)} in the object at {here}"
                here += f".{step}"
            else:
                if not isinstance(value, list):
                    return f"no [{step}] at {here}: it is {_kind(value)}, not an array"
                if not -len(value) <= step < len(value):
                    return f"no [{step}] at {here}: the array has {len(value)} elements"
                here += f"[{step}]"
            value = value[step]
        raise AssertionError("only called when a step is missing")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    for kind, name in ((str, "a string"), (int, "a number"), (float, "a number"), (list, "an array")):
        if isinstance(value, kind):
            return name
    return "an object"


def _general(text: str) -> Finder:
    # Imported only when a path needs it: 60 ms.
    from jsonpath_ng.exceptions import JSONPathError
    from jsonpath_ng.ext.parser import parse

    with warnings.catch_warnings():
        # Its deprecations are about version 2.0, which would be a change of ours too.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            path = parse(text)
        except JSONPathError as error:
            raise ValueError(f"is not a JSONPath: {_first_line(error)}") from error
        except Exception as error:
            # Its functions (sort, split, ...) raise exceptions of their own without a common base.
            raise ValueError(f"is not a JSONPath: {_first_line(error)}") from error
    if any(_runs_regex(node) for node in _nodes(path)):
        raise ValueError("regular expressions inside a JSONPath (=~, sub) are not supported yet")

    def find(document: Any) -> Any:
        try:
            found = path.find(document)
        except RecursionError as error:
            raise ExtractFailed(f"{text} is too deep for this body") from error
        except Exception as error:
            # Filters and functions raise whatever Python raises for values of the wrong type.
            raise ExtractFailed(f"{text} cannot be applied to this body: {_first_line(error)}") from error
        if len(found) != 1:
            raise ExtractFailed(f"{text} finds {len(found) or 'no'} elements, not exactly one")
        return found[0].value

    return find


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _nodes(node: Any) -> Iterator[Any]:
    """Every node of a parsed path: the parts are attributes, alone or in lists and tuples."""
    if isinstance(node, list | tuple):
        for part in node:
            yield from _nodes(part)
    elif type(node).__module__.startswith("jsonpath_ng."):
        yield node
        for part in vars(node).values():
            yield from _nodes(part)


def _runs_regex(node: Any) -> bool:
    return type(node).__name__ == "Sub" or getattr(node, "op", None) == "=~"
