"""JSON in and out without losing a digit.

Strict where a lenient reading could make a check pass by accident: NaN and Infinity are no JSON
(RFC 8259, section 6), a key that is twice in one object makes the document unusable (RFC 7493,
section 2.3), and nesting is bounded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.encoder import encode_basestring
from typing import Any, Final, Self

from apistatus.model.result import MAX_VALUE_CHARS
from apistatus.probing.body import ExtractFailed, encoding_of

MAX_DEPTH: Final = 200
"""Levels of arrays and objects; deeper documents are refused."""

_MINUS_ZERO: Final = re.compile(r"-0(?![0-9.eE])")
"""The integer -0, which Python reads as 0. Inside strings too: there it only costs time."""


class ExactFloat(float):
    """A number with a fraction or an exponent; `text` is how the body has it (`1e400`, `0.10`)."""

    __slots__ = ("text",)

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


class Numeral(str):
    """A number with a fraction or an exponent that nobody has calculated with yet: its text as the body
    has it. Making one costs a thirtieth of an ExactFloat. No string of JSON: tell them apart by the type."""

    __slots__ = ()


_AS_GOOD_AS_INFINITE: Final = 1 << 20_000


class ExactInt(int):
    """An integer as the body has it; `text` is what counts. One of more than 4,000 digits, which Python refuses
    to convert, is to jsonpath-ng another one that is as good as infinite."""

    text: str

    def __new__(cls, text: str) -> Self:
        if len(text) <= MAX_VALUE_CHARS:
            number = super().__new__(cls, text)
        else:
            number = super().__new__(cls, -_AS_GOOD_AS_INFINITE if text[0] == "-" else _AS_GOOD_AS_INFINITE)
        number.text = text
        return number


def is_string(value: Any) -> bool:
    """Whether a value of a document is a string of JSON."""
    return isinstance(value, str) and type(value) is not Numeral


def parse(body: bytes, charset: str | None, *, numerals: bool = False) -> Any:
    """The document. Raises ExtractFailed, saying where, for everything that is not one JSON text.

    Numbers with a fraction or an exponent are ExactFloat, or Numeral for who only looks things up.
    """
    if not body or body.isspace():
        raise ExtractFailed("the body is empty, no JSON")
    text = _decode(body, charset)
    try:
        document = _load(text, numerals=numerals)
    except json.JSONDecodeError as error:
        what = "HTML or XML" if text.lstrip().startswith("<") else error.msg[0].lower() + error.msg[1:]
        raise ExtractFailed(
            f"the body is not JSON: {what} at line {error.lineno} column {error.colno}"
        ) from error
    except RecursionError as error:
        raise ExtractFailed(f"the body is nested deeper than {MAX_DEPTH} levels") from error
    if text.count("[") + text.count("{") > MAX_DEPTH and _deeper_than(document, MAX_DEPTH):
        raise ExtractFailed(f"the body is nested deeper than {MAX_DEPTH} levels")
    return document


def _decode(body: bytes, charset: str | None) -> str:
    encoding = encoding_of(body, charset) or json.detect_encoding(body)
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise ExtractFailed(f"the body is not {encoding} at byte {error.start}, so not JSON") from error
    except (LookupError, UnicodeError) as error:
        raise ExtractFailed(f"the body is not {encoding}, so not JSON") from error


def _load(text: str, *, numerals: bool) -> Any:
    # "-0" and integers that Python refuses to convert are rare: only they pay for exact integers.
    if "-" not in text or _MINUS_ZERO.search(text) is None:
        try:
            return (_NUMERALS if numerals else _FLOATS).decode(text)
        except json.JSONDecodeError:
            raise
        except ValueError:
            pass
    return _INTEGERS.decode(text)


def _refuse(constant: str) -> Any:
    raise ExtractFailed(f"the body is not JSON: {constant} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ExtractFailed(f"the body is ambiguous: the key {shown(key)} is twice in one object")
            seen.add(key)
    return found


_NUMERALS: Final = json.JSONDecoder(parse_float=Numeral, parse_constant=_refuse, object_pairs_hook=_unique)
_FLOATS: Final = json.JSONDecoder(parse_float=ExactFloat, parse_constant=_refuse, object_pairs_hook=_unique)
_INTEGERS: Final = json.JSONDecoder(
    parse_float=ExactFloat, parse_int=ExactInt, parse_constant=_refuse, object_pairs_hook=_unique
)


def _deeper_than(document: Any, levels: int) -> bool:
    level = [document]
    for _ in range(levels):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
    return bool(level)


def shown(text: str) -> str:
    """A name from a document for an error line: quoted, at most 60 characters."""
    return encode_basestring(text if len(text) <= 60 else f"{text[:59]}…")


def as_text(value: Any) -> str:
    """A string as it is, anything else as compact JSON text with its numbers as the body had them.

    Writing stops soon after 4,000 characters: the rest would be cut off anyway.
    """
    return value if is_string(value) else written(value, MAX_VALUE_CHARS)


def written(value: Any, most: int) -> str:
    """Compact JSON text; writing stops soon after `most` characters."""
    if not isinstance(value, dict | list | tuple):
        return _scalar(value)
    parts: list[str] = []
    length = 0
    for part in _pieces(value):
        parts.append(part)
        length += len(part)
        if length > most:
            break
    return "".join(parts)


def _pieces(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        before = "{"
        for key, child in value.items():
            yield f"{before}{encode_basestring(str(key))}:"
            yield from _pieces(child)
            before = ","
        yield "}" if value else "{}"
    elif isinstance(value, list | tuple):
        before = "["
        for child in value:
            yield before
            yield from _pieces(child)
            before = ","
        yield "]" if value else "[]"
    else:
        yield _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return str(value) if type(value) is Numeral else encode_basestring(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, ExactFloat | ExactInt):
        return value.text
    # Floats are what a path calculates, Decimals what we measure.
    return str(value)
