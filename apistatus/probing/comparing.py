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
from typing import Any, Final, NamedTuple, TypeAlias

from apistatus.model.check import Assertion
from apistatus.probing.json_path import kind_of
from apistatus.probing.json_text import ExactFloat, ExactInt, Numeral, is_string

Search: TypeAlias = Callable[[Any, str], bool]
"""Whether a compiled regex is found in a text; raises what ends a search that takes too long."""
_Operator: TypeAlias = Callable[[Assertion, "Seen"], bool]
Number: TypeAlias = int | Decimal

_BEYOND: Final = "a number beyond all reckoning"
_NUMERAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
"""RFC 8259, section 6."""


class Seen(NamedTuple):
    """A value that is there, whether it is a text without a type of its own, and how regexes are searched."""

    value: Any
    untyped: bool
    search: Search


class NotComparable(Exception):
    """The operator does not apply to what was seen: half a sentence on what that is."""


def holds(assertion: Assertion, seen: Seen) -> bool:
    """Whether the assertion is true. Raises NotComparable, and what the search raises."""
    if assertion.length:
        if not (is_string(seen.value) or isinstance(seen.value, list | dict)):
            raise NotComparable(f"{kind_of(seen.value)} has no length")
        seen = Seen(len(seen.value), untyped=False, search=seen.search)
    return _OPERATORS[assertion.operator](assertion, seen)


def exact(text: str) -> Decimal:
    """The number that is written. Raises NotComparable for exponents of 19 digits and more, and for what
    is not finite."""
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise NotComparable(_BEYOND) from error
    if not number.is_finite():
        raise NotComparable(_BEYOND)
    return number


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
        # What a path has calculated: infinity less infinity is no number any more.
        return exact(repr(value))
    if untyped and _NUMERAL.fullmatch(value):
        return exact(value)
    return None


def same(seen: Any, expected: Any) -> bool:
    """Equal as values of JSON: numbers by size, texts by character, lists and objects all through."""
    if is_string(seen) or isinstance(expected, str):
        return is_string(seen) and isinstance(expected, str) and bool(seen == expected)
    if isinstance(seen, dict) or isinstance(expected, dict):
        return (
            isinstance(seen, dict)
            and isinstance(expected, dict)
            and seen.keys() == expected.keys()
            and all(same(value, expected[key]) for key, value in seen.items())
        )
    if isinstance(seen, list) or isinstance(expected, list):
        return (
            isinstance(seen, list)
            and isinstance(expected, list)
            and len(seen) == len(expected)
            and all(map(same, seen, expected))
        )
    number, wanted = number_of(seen), number_of(expected)
    return seen is expected if number is None or wanted is None else number == wanted


def _equals(assertion: Assertion, seen: Seen) -> bool:
    return _equal(seen, assertion.expected, assertion.written)


def _equal(seen: Seen, expected: Any, written: str) -> bool:
    if not seen.untyped:
        return same(seen.value, expected)
    wanted = number_of(expected)
    if wanted is None:
        return bool(seen.value == written)
    return number_of(seen.value, untyped=True) == wanted


def _one_of(assertion: Assertion, seen: Seen) -> bool:
    return any(_equal(seen, expected, written) for expected, written in assertion.expected)


def _contains(assertion: Assertion, seen: Seen) -> bool:
    value = seen.value
    if is_string(value):
        part = assertion.written if seen.untyped else assertion.expected
        if not isinstance(part, str):
            raise NotComparable(f"a string, which cannot contain {kind_of(part)}")
        return part in value
    if isinstance(value, list):
        return any(same(element, assertion.expected) for element in value)
    raise NotComparable(f"{kind_of(value)}, neither a string nor an array")


def _matches(assertion: Assertion, seen: Seen) -> bool:
    if not is_string(seen.value):
        raise NotComparable(f"{kind_of(seen.value)}, not a string")
    return seen.search(assertion.expected, seen.value)


def _type(assertion: Assertion, seen: Seen) -> bool:
    number = number_of(seen.value)
    if number is None:
        return kind_of(seen.value).endswith(assertion.expected)
    # JSON Schema, draft 2020-12 (validation, 6.1.1): 1.0 is an integer.
    return assertion.expected == "number" or (
        assertion.expected == "integer" and number == Decimal(number).to_integral_value()
    )


def _exists(assertion: Assertion, _seen: Seen) -> bool:
    return bool(assertion.expected)


def _ordered(compare: Callable[[Number, Number], bool]) -> _Operator:
    def compared(assertion: Assertion, seen: Seen) -> bool:
        number = number_of(seen.value, untyped=seen.untyped)
        if number is None:
            raise NotComparable(f"{kind_of(seen.value)}, not a number")
        return compare(number, assertion.expected)

    return compared


def _not(positive: _Operator) -> _Operator:
    def opposite(assertion: Assertion, seen: Seen) -> bool:
        return not positive(assertion, seen)

    return opposite


_OPERATORS: Final[dict[str, _Operator]] = {
    "equals": _equals,
    "not_equals": _not(_equals),
    "less_than": _ordered(operator.lt),
    "at_most": _ordered(operator.le),
    "greater_than": _ordered(operator.gt),
    "at_least": _ordered(operator.ge),
    "one_of": _one_of,
    "contains": _contains,
    "not_contains": _not(_contains),
    "matches": _matches,
    "not_matches": _not(_matches),
    "type": _type,
    "exists": _exists,
}
