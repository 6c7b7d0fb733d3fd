"""The grammar of `expect` beside `status`: which assertions there are and what they may say.

Carrying them out comes with a later release; here each is held against the grammar, so that a
mistake is found before the answer that it is not supported yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from apistatus.settings import reader_values as values
from apistatus.settings import yaml_tree
from apistatus.settings.reading import BROKEN, At, Key, read_keys, read_value
from apistatus.settings.yaml_tree import Scalar

_TYPES: Final = ("string", "number", "integer", "boolean", "null", "array", "object")


def _anything(at: At) -> Any:
    """Any value to compare with; what it means is fixed when it is compared."""
    if isinstance(at.node, Scalar) and at.node.text == "" and at.node.plain:
        raise ValueError("has no value; write null for none")
    return at.node


def _number(at: At) -> int | float:
    node = at.node
    text = at.text()
    value = yaml_tree.value_of(Scalar(text, plain=True, line=0, column=0))
    quoted = isinstance(node, Scalar) and not node.plain and not at.interpolated
    if quoted or isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ValueError("must be a number")
    return value


def _choices(at: At) -> Any:
    if not isinstance(at.node, yaml_tree.Sequence) or not at.node.items:
        raise ValueError("must be a list of values")
    return at.node.items


_NUMERIC: Final[dict[str, Key]] = {
    "equals": Key(_anything, optional=False),
    "not_equals": Key(_anything, optional=False),
    "less_than": Key(_number, optional=False),
    "at_most": Key(_number, optional=False),
    "greater_than": Key(_number, optional=False),
    "at_least": Key(_number, optional=False),
    "one_of": Key(_choices, optional=False),
}
_TEXTUAL: Final[dict[str, Key]] = {
    "contains": Key(_anything, optional=False),
    "not_contains": Key(_anything, optional=False),
    "matches": Key(partial(values.compiled, kind="regex"), optional=False),
    "not_matches": Key(partial(values.compiled, kind="regex"), optional=False),
    "exists": Key(values.boolean, optional=False),
    "type": Key(partial(values.one_of, values=_TYPES), optional=False),
}
_LEVEL: Final[dict[str, Key]] = {
    "level": Key(partial(values.one_of, values=("down", "degraded")), optional=False)
}


def _operators(at: At, keys: Mapping[str, Key], beside: frozenset[str] = frozenset({"level"})) -> Any:
    """One assertion: a mapping with at least one operator."""
    found = read_keys(at, keys)
    if isinstance(at.node, yaml_tree.Mapping) and beside.issuperset(at.node.entries):
        at.fail(f"no operator; one of {', '.join(name for name in keys if name not in beside)}")
        return BROKEN
    return BROKEN if BROKEN in found.values() or not found else found


def _length(at: At) -> Any:
    return _operators(at, _NUMERIC)


_OPERATORS: Final[dict[str, Key]] = {
    **_NUMERIC,
    **_TEXTUAL,
    "length": Key(_length, optional=False),
    **_LEVEL,
}
_JSON: Final[dict[str, Key]] = {
    "path": Key(partial(values.compiled, kind="json_path"), optional=False),
    **_OPERATORS,
}


def any_value(at: At) -> Any:
    """An assertion on a text or a value of JSON."""
    return _operators(at, _OPERATORS)


def number(at: At) -> Any:
    """An assertion on a number, like `total_ms`."""
    return _operators(at, {**_NUMERIC, **_LEVEL})


def headers(at: At) -> Any:
    """One assertion for each header named."""
    found = [
        child.fail("is not the name of a header") if not values.TOKEN.fullmatch(name)
        else read_value(child, Key(any_value, optional=False))
        for name, child in values.pairs(at)
    ]  # fmt: skip
    return BROKEN if BROKEN in found else found


def json_elements(at: At) -> Any:
    """A list of assertions, each on the element at a `path`."""
    if not isinstance(at.node, yaml_tree.Sequence):
        raise ValueError("must be a list of assertions, like `- {path: $.items, exists: true}`")
    found = [_json_element(at.item(index, node)) for index, node in enumerate(at.node.items)]
    return BROKEN if BROKEN in found else found


def _json_element(at: At) -> Any:
    if isinstance(at.node, yaml_tree.Mapping) and "path" not in at.node.entries:
        return at.fail("no `path`: it names the element, like $.queue.depth")
    return _operators(at, _JSON, frozenset({"level", "path"}))
