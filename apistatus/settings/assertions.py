"""The grammar of `expect` beside `status` and `failure`: which assertions there are and what they may say.

Each mapping of operators becomes one `Assertion` per operator, complete: regexes and paths compiled,
numbers as exact as they are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Literal, cast

from apistatus.model.check import Assertion, Operator, Subject
from apistatus.settings import expected_values as expected
from apistatus.settings import reader_values as values
from apistatus.settings import yaml_tree
from apistatus.settings.expected_values import Expected
from apistatus.settings.reading import BROKEN, At, Broken, Key, read_keys, read_value

_TYPES: Final = ("string", "number", "integer", "boolean", "null", "array", "object")

_Found = tuple[Assertion, ...] | Broken


def _key(read: Any) -> Key:
    return Key(read, optional=False)


_NUMBERS: Final[dict[str, Key]] = {
    "equals": _key(expected.number),
    "not_equals": _key(expected.number),
    "less_than": _key(expected.number),
    "at_most": _key(expected.number),
    "greater_than": _key(expected.number),
    "at_least": _key(expected.number),
    "one_of": _key(partial(expected.choices, read=expected.number)),
}
"""Operators on what is a number by itself."""
_LEVEL: Final[dict[str, Key]] = {"level": _key(partial(values.one_of, values=("down", "degraded")))}


def _length(at: At) -> Any:
    return _operators(at, _NUMBERS)


def _table(value: Any) -> dict[str, Key]:
    """All operators; `value` reads what something is compared with."""
    return {
        **_NUMBERS,
        "equals": _key(value),
        "not_equals": _key(value),
        "one_of": _key(partial(expected.choices, read=value)),
        "contains": _key(value),
        "not_contains": _key(value),
        "matches": _key(expected.regex),
        "not_matches": _key(expected.regex),
        "exists": _key(expected.truth),
        "type": _key(partial(expected.word, words=_TYPES)),
        "length": _key(_length),
        **_LEVEL,
    }


_ON_VALUES: Final = _table(expected.anything)
_ON_TEXTS: Final = _table(expected.text)
_ON_NUMBERS: Final = {**_NUMBERS, **_LEVEL}
_PATH: Final[dict[str, Key]] = {"path": _key(partial(values.compiled, kind="json_path"))}
_BESIDE: Final = frozenset({"level", "path"})


def _operators(at: At, keys: Mapping[str, Key]) -> Any:
    """What one mapping says, by key; at least one operator is in it."""
    found = read_keys(at, keys)
    if isinstance(at.node, yaml_tree.Mapping) and _BESIDE.issuperset(at.node.entries):
        at.fail(f"no operator; one of {', '.join(name for name in keys if name not in _BESIDE)}")
        return BROKEN
    return BROKEN if BROKEN in found.values() or not found else found


def _assertions(at: At, keys: Mapping[str, Key], subject: Subject, of: str | None = None) -> _Found:
    found = _operators(at, keys)
    if isinstance(found, Broken):
        return found
    level, path, made = found.pop("level", "down"), found.pop("path", None), []
    for operator, value in found.items():
        inside = value.items() if operator == "length" else [(operator, value)]
        for name, one in inside:
            assert isinstance(one, Expected)
            made.append(
                Assertion(
                    subject, cast("Operator", name), one.value, one.written, one.shown, level,
                    of=of if path is None else path.source, path=path, length=operator == "length",
                    secrets=one.secrets,
                )
            )  # fmt: skip
    return tuple(made)


def text(at: At, subject: Literal["body"]) -> _Found:
    """Assertions on a text."""
    return _assertions(at, _ON_TEXTS, subject)


def value(at: At) -> _Found:
    """Assertions on the check's value, whatever that is."""
    return _assertions(at, _ON_VALUES, "value")


def number(at: At, subject: Literal["total_ms", "certificate_days"]) -> _Found:
    """Assertions on a number."""
    return _assertions(at, _ON_NUMBERS, subject)


def headers(at: At) -> _Found:
    """Assertions for each header named."""
    found = [
        child.fail("is not the name of a header") if not values.TOKEN.fullmatch(name)
        else read_value(child, _key(partial(_header, name=name)))
        for name, child in values.pairs(at)
    ]  # fmt: skip
    return BROKEN if BROKEN in found else tuple(one for made in found for one in cast("Any", made))


def _header(at: At, name: str) -> _Found:
    return _assertions(at, _ON_TEXTS, "headers", name.lower())


def json_elements(at: At) -> _Found:
    """Assertions on the element at a `path`, from a list of such."""
    if not isinstance(at.node, yaml_tree.Sequence):
        raise ValueError("must be a list of assertions, like `- {path: $.items, exists: true}`")
    found = [_json_element(at.item(index, node)) for index, node in enumerate(at.node.items)]
    return BROKEN if BROKEN in found else tuple(one for made in found for one in cast("Any", made))


def _json_element(at: At) -> _Found:
    if isinstance(at.node, yaml_tree.Mapping) and "path" not in at.node.entries:
        return at.fail("no `path`: it names the element, like $.queue.depth")
    return _assertions(at, {**_PATH, **_ON_VALUES}, "json")


def _schema_of(keys: Mapping[str, Key], required: tuple[str, ...] = ()) -> dict[str, Any]:
    forms: dict[str, Any] = {
        "path": {"type": "string"}, "level": {"enum": ["down", "degraded"]}, "exists": {"type": "boolean"},
        "type": {"enum": list(_TYPES)}, "matches": {"type": ["string", "number"]},
        "not_matches": {"type": ["string", "number"]}, "length": {"$ref": "#/$defs/numbers"},
        "one_of": {"type": "array", "minItems": 1},
    }  # fmt: skip
    number = {"anyOf": [{"type": "number"}, values.VARIABLE]}
    forms |= dict.fromkeys(("less_than", "at_most", "greater_than", "at_least"), number)
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: forms.get(name, {}) for name in keys},
        "required": list(required),
        "anyOf": [{"required": [name]} for name in keys if name not in _BESIDE],
    }


SCHEMAS: Final = {
    "numbers": _schema_of(_NUMBERS),
    "number_assertion": _schema_of(_ON_NUMBERS),
    "assertion": _schema_of(_ON_VALUES),
    "json_assertion": _schema_of({**_PATH, **_ON_VALUES}, ("path",)),
}
"""JSON Schemas of the mappings above, to be referred to."""
