"""What an operator of `expect` compares with: read exactly, and shown as the file has it.

Every function takes the value's place and raises ValueError with half a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring
from typing import Any, Final

from apistatus.settings import reader_values as values
from apistatus.settings import yaml_tree
from apistatus.settings.interpolation import has_places
from apistatus.settings.reading import BROKEN as _BROKEN
from apistatus.settings.reading import At, Key, read_value
from apistatus.settings.yaml_tree import Node, Scalar

_SHOWN_CHARS: Final = 120


@dataclass(frozen=True, slots=True)
class Expected:
    """A value of JSON (numbers as int or Decimal), a compiled regex or a list of choices.

    `written` is a single value as text, `shown` what people get to see of it, `secrets` what variables
    brought in.
    """

    value: Any
    written: str
    shown: str
    secrets: tuple[str, ...] = ()


def anything(at: At) -> Expected:
    """Any value; what holds a variable is a string."""
    node = at.node
    if isinstance(node, Scalar) and node.text == "" and node.plain:
        raise ValueError("has no value; write null for none")
    if not isinstance(node, Scalar) and node.size > values.MAX_JSON_VALUES:
        raise ValueError(f"holds more than {values.MAX_JSON_VALUES} values")
    secrets: list[str] = []
    value = _plain(at, secrets)
    written = (at.text() if at.interpolated else node.text) if isinstance(node, Scalar) else ""
    return Expected(value, written, _shown(node), tuple(secrets))


def text(at: At) -> Expected:
    """A single value, for what is text: 200 is looked for as `200`, and equals it as a number."""
    if not isinstance(at.node, Scalar):
        raise ValueError("must be a single value: what it is held against is text")
    if at.is_null:
        raise ValueError("must not be null: a text never is; `exists: false` says that there is none")
    return anything(at)


def number(at: At) -> Expected:
    """A number, exactly as written."""
    node = at.node
    written = at.text()
    quoted = isinstance(node, Scalar) and not node.plain and not at.interpolated
    value = _exact(written)
    if quoted or value is None:
        raise ValueError("must be a number")
    return Expected(value, written, _shown(node))


def choices(at: At, read: Callable[[At], Expected]) -> Expected:
    """A list of values; the value is pairs of each and its text."""
    if not isinstance(at.node, yaml_tree.Sequence) or not at.node.items:
        raise ValueError("must be a list of values")
    found = [read_value(child, Key(read, optional=False)) for child in values.each(at)]
    if _BROKEN in found:
        return _BROKEN  # type: ignore[return-value]  # reported already, as `Key.read` may
    secrets = tuple(secret for one in found for secret in one.secrets)
    return Expected(tuple((one.value, one.written) for one in found), "", _shown(at.node), secrets)


def regex(at: At) -> Expected:
    """A regular expression, compiled."""
    pattern = values.compiled(at, kind="regex")
    secrets = (pattern.source,) if at.interpolated else ()
    return Expected(pattern, "", _cut(at.node.text if isinstance(at.node, Scalar) else ""), secrets)


def truth(at: At) -> Expected:
    """True or false."""
    value = values.boolean(at)
    return Expected(value, "", str(value).lower())


def word(at: At, words: tuple[str, ...]) -> Expected:
    """One of a few words."""
    value = values.one_of(at, words)
    return Expected(value, value, value)


def _exact(text: str) -> int | Decimal | None:
    """The number that YAML takes the text for; None when it is none, or not finite."""
    value = yaml_tree.value_of(Scalar(text, plain=True, line=0, column=0))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return value
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return None
    return exact if exact.is_finite() else None


def _plain(at: At, secrets: list[str], depth: int = 0) -> Any:
    node = at.node
    if depth > yaml_tree.MAX_DEPTH:  # aliases inside aliases reach deeper than anything written out
        raise ValueError(f"nested more than {yaml_tree.MAX_DEPTH} levels deep")
    if isinstance(node, yaml_tree.Sequence):
        return [_plain(at.item(index, item), secrets, depth + 1) for index, item in enumerate(node.items)]
    if isinstance(node, yaml_tree.Mapping):
        if any(has_places(name) for name in node.entries):
            raise ValueError("variables are replaced in values, not in keys")
        children = {name: at.child(name, value) for name, (_, value) in node.entries.items()}
        return {name: _plain(child, secrets, depth + 1) for name, child in children.items()}
    if at.interpolated:
        secrets.append(at.text())
        return secrets[-1]
    value = yaml_tree.value_of(node)
    if not isinstance(value, float):
        return value
    exact = _exact(node.text)
    if exact is None:
        raise ValueError(f"{node.text} in line {node.line} has no form in JSON")
    return exact


def _shown(node: Node) -> str:
    return _cut(_as_written(node))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"


def _as_written(node: Node, room: int = _SHOWN_CHARS) -> str:
    """Roughly as JSON, variables unreplaced; what is too long to be shown is left out."""
    if isinstance(node, Scalar):
        is_text = isinstance(yaml_tree.value_of(node), str)
        return encode_basestring(node.text[: _SHOWN_CHARS * 2]) if is_text else node.text
    parts: list[str] = []
    mapping = isinstance(node, yaml_tree.Mapping)
    entries: Any = node.entries.items() if isinstance(node, yaml_tree.Mapping) else enumerate(node.items)
    for name, child in entries:
        if room <= 0:
            break
        value = _as_written(child[1] if mapping else child, room)
        parts.append(f"{encode_basestring(name)}: {value}" if mapping else value)
        room -= len(parts[-1])
    inside = ", ".join(parts)
    return f"{{{inside}}}" if mapping else f"[{inside}]"
