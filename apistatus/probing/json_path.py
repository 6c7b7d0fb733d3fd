"""`json_path`: plain paths are looked up directly, everything else is jsonpath-ng's.

A plain path is `$` and then names and single indices: `$.a.b[0]['x']`, `$.über`. It means what it
means to jsonpath-ng (an index counts only in arrays, a negative one from the end, a backslash in
quotes keeps the next character), at a hundredth of the cost and with a better account of what is missing.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from apistatus.probing.body import ExtractFailed, Missing
from apistatus.probing.json_path_bounds import bound
from apistatus.probing.json_text import ExactFloat, ExactInt, Numeral, shown

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
        for number, step in enumerate(self._steps):
            if isinstance(step, str):
                if not isinstance(value, dict) or step not in value:
                    raise Missing(self._missing(value, number))
            elif not isinstance(value, list) or not -len(value) <= step < len(value):
                raise Missing(self._missing(value, number))
            value = value[step]
        return value

    def _missing(self, value: Any, number: int) -> str:
        """Why there is no step of this number in the value."""
        step = self._steps[number]
        before = "".join(f".{one}" if isinstance(one, str) else f"[{one}]" for one in self._steps[:number])
        what, wanted = (shown(step), "an object") if isinstance(step, str) else (f"[{step}]", "an array")
        kind = kind_of(value)
        if kind != wanted:
            return f"no {what} at ${before}: it is {kind}, not {wanted}"
        if isinstance(step, str):
            return f"no {what} in the object at ${before}"
        return f"no {what} at ${before}: the array has {len(value)} elements"


_KINDS: Final = {
    type(None): "null", bool: "a boolean", str: "a string", list: "an array",
    int: "a number", float: "a number", Decimal: "a number",
    ExactInt: "a number", ExactFloat: "a number", Numeral: "a number",
}  # fmt: skip


def kind_of(value: Any) -> str:
    """What kind of JSON value it is, with its article."""
    return _KINDS.get(type(value), "an object")


class Several(ExtractFailed):
    """The path finds more than one element."""


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
    within_bounds = bound(path)

    def find(document: Any) -> Any:
        try:
            found = within_bounds(lambda: path.find(document))
        except ExtractFailed:
            raise
        except RecursionError as error:
            raise ExtractFailed(f"{text} is too deep for this body") from error
        except Exception as error:
            # Filters and functions raise whatever Python raises for values of the wrong type.
            raise ExtractFailed(f"{text} cannot be applied to this body: {_first_line(error)}") from error
        if not found:
            raise Missing(f"{text} finds no elements, not exactly one")
        if len(found) > 1:
            raise Several(f"{text} finds {len(found)} elements, not exactly one")
        return found[0].value

    return find


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
