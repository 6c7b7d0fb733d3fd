"""The operators of `expect` on one value: exact, and without turning one type into another.

Numbers of JSON have no limits (RFC 8259, section 6), so they are compared as integers and decimals.
Values of different types are never equal, and only numbers have an order. A text that comes from a
header, the body as a whole or a regex has no type of its own: there, and only there, `5` written
in the text is the number 5 to an operator that was given a number.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Protocol, TypeAlias

from apistatus.model.check import Assertion
from apistatus.probing.json_path import kind_of
from apistatus.probing.json_text import ExactFloat, ExactInt, Numeral, is_string

Search: TypeAlias = Callable[[Any, str], bool]
"""Whether a compiled regex is found in a text; raises what ends a search that takes too long."""
Number: TypeAlias = int | Decimal

_NUMERAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
"""RFC 8259, section 6."""


class _Operator(Protocol):
    """Whether the assertion is true of a value that is there; `untyped`: a text without a type of its own."""

    def __call__(self, assertion: Assertion, value: Any, /, *, untyped: bool) -> bool: ...


class NotComparable(Exception):
    """The operator does not apply to what was seen: half a sentence on what that is."""


def holds(assertion: Assertion, value: Any, *, untyped: bool, search: Search) -> bool:
    """Whether the assertion is true of a value that is there; `untyped` when that is a text without a type
    of its own. Raises NotComparable, and what the search raises."""
    if assertion.length:
        if not (is_string(value) or isinstance(value, list | dict)):
            raise NotComparable(f"{kind_of(value)} has no length")
        value = len(value)
    compare, wanted = _OPERATORS[assertion.operator]
    if compare is not None:
        return compare(assertion, value, untyped=untyped) is wanted
    if not is_string(value):
        raise NotComparable(f"{kind_of(value)}, not a string")
    return search(assertion.expected, value) is wanted


def exact(text: str) -> Decimal:
    """The number that is written. Raises NotComparable for exponents of 19 digits and more."""
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise NotComparable("a number beyond all reckoning") from error


def number_of(value: Any, *, untyped: bool = False) -> Number | None:
    """The value as an exact number, None when it is none."""
    if type(value) is int:
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, Numeral):
        return exact(value)
    if isinstance(value, ExactFloat | ExactInt):
        return exact(value.text)
    if isinstance(value, int | Decimal):
        return value
    if isinstance(value, float):
        # What a path has calculated; `json_path_bounds` sees to it that it is finite.
        return Decimal(repr(value))
    if untyped and _NUMERAL.fullmatch(value):
        return exact(value)
    return None


def same(seen: Any, expected: Any) -> bool:
    """Equal as values of JSON: numbers by size, texts by character, lists and objects all through."""
    if is_string(seen) and isinstance(expected, str):
        return bool(seen == expected)
    if isinstance(seen, dict) and isinstance(expected, dict):
        return seen.keys() == expected.keys() and all(same(seen[key], expected[key]) for key in seen)
    if isinstance(seen, list) and isinstance(expected, list):
        return len(seen) == len(expected) and all(map(same, seen, expected))
    number = number_of(seen)
    return seen is expected if number is None else number == number_of(expected)


def _equals(assertion: Assertion, value: Any, /, *, untyped: bool) -> bool:
    return _equal(value, assertion.expected, assertion.written if untyped else None)


def _equal(value: Any, expected: Any, written: str | None) -> bool:
    """`written`: what is expected, as text, for a value without a type of its own."""
    if written is None:
        return same(value, expected)
    wanted = number_of(expected)
    return bool(value == written) if wanted is None else number_of(value, untyped=True) == wanted


def _one_of(assertion: Assertion, value: Any, /, *, untyped: bool) -> bool:
    return any(
        _equal(value, expected, written if untyped else None) for expected, written in assertion.expected
    )


def _contains(assertion: Assertion, value: Any, /, *, untyped: bool) -> bool:
    if is_string(value):
        part = assertion.written if untyped else assertion.expected
        if not isinstance(part, str):
            raise NotComparable(f"a string, which cannot contain {kind_of(part)}")
        return part in value
    if isinstance(value, list):
        return any(same(element, assertion.expected) for element in value)
    raise NotComparable(f"{kind_of(value)}, neither a string nor an array")


def _type(assertion: Assertion, value: Any, /, **_: bool) -> bool:
    number = number_of(value)
    if number is None:
        return kind_of(value).endswith(assertion.expected)
    # JSON Schema, draft 2020-12 (validation, 6.1.1): 1.0 is an integer.
    return assertion.expected == "number" or (
        assertion.expected == "integer" and number == Decimal(number).to_integral_value()
    )


def _exists(assertion: Assertion, _value: Any, /, **_: bool) -> bool:
    return bool(assertion.expected)


def _ordered(assertion: Assertion, value: Any, /, *, untyped: bool) -> bool:
    number = number_of(value, untyped=untyped)
    if number is None:
        raise NotComparable(f"{kind_of(value)}, not a number")
    return _ORDERS[assertion.operator](number, assertion.expected)


_ORDERS: Final[dict[str, Callable[[Number, Number], bool]]] = {
    "less_than": operator.lt, "at_most": operator.le, "greater_than": operator.gt, "at_least": operator.ge,
}  # fmt: skip
_OPERATORS: Final[dict[str, tuple[_Operator | None, bool]]] = {
    "equals": (_equals, True),
    "not_equals": (_equals, False),
    "less_than": (_ordered, True),
    "at_most": (_ordered, True),
    "greater_than": (_ordered, True),
    "at_least": (_ordered, True),
    "one_of": (_one_of, True),
    "contains": (_contains, True),
    "not_contains": (_contains, False),
    "matches": (None, True),
    "not_matches": (None, False),
    "type": (_type, True),
    "exists": (_exists, True),
}
"""What is to be found out, None for a search, and what of it makes the assertion true."""
