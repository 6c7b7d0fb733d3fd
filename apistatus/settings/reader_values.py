"""How single values of the reader file are read, whatever key they belong to.

Every function returns the value or raises ValueError with half a sentence for people; those that
look at several values report each mistake where it stands, and return BROKEN. What is said quotes
only what stands in the file, never what a variable brought in.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from apistatus.settings import quantities, yaml_tree
from apistatus.settings.interpolation import has_places
from apistatus.settings.live_text import live
from apistatus.settings.quantities import nearest
from apistatus.settings.reader_files import at_home
from apistatus.settings.reading import BROKEN, At, Broken, Key, read_value
from apistatus.settings.yaml_tree import Scalar

MAX_TEXT_CHARS: Final = 255
MAX_LABELS: Final = 64
MAX_JSON_VALUES: Final = 100_000
VARIABLE: Final = {"$ref": "#/$defs/variable"}

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LABEL: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,62}")
# RFC 9110: a field name is a token (5.1, 5.6.2); a field value has no space at its ends (5.5).
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE: Final = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?")
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})


def line(at: At) -> str:
    """A text of 1 to 255 characters in one line; a number is taken as written."""
    text = at.text()
    if not text.strip():
        raise ValueError("must not be empty")
    return short(text)


def short(text: str) -> str:
    """The text. Raises ValueError when it is longer than 255 characters or has control characters."""
    if len(text) > MAX_TEXT_CHARS:
        raise ValueError(f"must not be longer than {MAX_TEXT_CHARS} characters")
    if _CONTROL.search(text):
        raise ValueError("must not hold control characters")
    return text


def _bare(at: At, must_be: str) -> str:
    """The text of a scalar that is no string: without quotes, unless a variable is in it."""
    text = at.text()
    if isinstance(at.node, Scalar) and not at.node.plain and not at.interpolated:
        raise ValueError(f"must be {must_be}, without quotes")
    return text


def boolean(at: At) -> bool:
    """True or false; `yes` and `no` are strings in YAML 1.2."""
    value = yaml_tree.value_of(Scalar(_bare(at, "true or false"), plain=True, line=0, column=0))
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def whole_number(at: At, least: int, most: int) -> int:
    """An integer from `least` to `most`."""
    return quantities.whole_number(_bare(at, "a number"), least, most)


def duration_us(at: At, least: str, most: str, *, unit_us: int = 1) -> int:
    """A duration from `least` to `most`, in whole units of `unit_us`."""
    value_us = quantities.duration_within(at.text(), least, most)
    if value_us % unit_us:
        raise ValueError(f"must be whole {'milliseconds' if unit_us == 1_000 else 'microseconds'}")
    return value_us


def size_bytes(at: At, least: int, most: int) -> int:
    """A size like `64KiB` or a number of bytes."""
    value = quantities.size_bytes(at.text())
    if not least <= value <= most:
        raise ValueError(f"must be from {least} to {most} bytes")
    return value


def one_of(at: At, values: tuple[str, ...], *, fold: Callable[[str], str] = str) -> str:
    """One of a few words."""
    text = fold(at.text())
    if text not in values:
        hint = nearest(text, list(values)) if text.isalpha() and not at.interpolated else ""
        raise ValueError(f"must be one of {', '.join(values)}{hint}")
    return text


def path(at: At) -> str:
    """A file's absolute path; relative ones start at the folder of the reader file."""
    text = at.text()
    if not text or _CONTROL.search(text):
        raise ValueError("must be the name of a file")
    return str((at.document.folder / at_home(text)).absolute())


def compiled(at: At, kind: Any) -> Any:
    """The extractor of a `json_path` or `regex`."""
    text = at.text()
    if not text:
        raise ValueError("must not be empty")
    try:
        return at.reading.compiled(kind, text)
    except ValueError as error:
        # The compiler's words may quote what a variable brought in.
        said = "is not valid once its variables are replaced" if at.interpolated else str(error)
        raise ValueError(said) from error


def each(at: At) -> Iterator[At]:
    """The items of a list, or the one value that stands in its place."""
    if isinstance(at.node, yaml_tree.Sequence):
        for index, node in enumerate(at.node.items):
            yield at.item(index, node)
    else:
        yield at


def pairs(at: At) -> Iterator[tuple[str, At]]:
    """Key and value of a mapping. Raises ValueError when it is none."""
    if not isinstance(at.node, yaml_tree.Mapping):
        raise ValueError("must be a mapping of keys and values")
    for name, (_, node) in at.node.entries.items():
        yield name, at.child(name, node)


def _named(at: At, names: re.Pattern[str], told: str, value: Key) -> dict[str, Any] | Broken:
    found: dict[str, Any] = {}
    failed = False
    for name, child in pairs(at):
        if not names.fullmatch(name):
            child.fail(told)
            failed = True
            continue
        found[name] = read_value(child, value)
        failed = failed or found[name] is BROKEN
    return BROKEN if failed else found


def _label_value(at: At) -> str:
    return short(at.text())


def labels(at: At) -> dict[str, str | None] | Broken:
    """Short strings by key; None takes a label of `defaults` away."""
    found = _named(at, _LABEL, "a label's name is 1 to 63 of A-Z a-z 0-9 _ . / -", Key(_label_value))
    if isinstance(found, dict) and len(found) > MAX_LABELS:
        raise ValueError(f"must not be more than {MAX_LABELS} labels")
    return found


def field_value(text: str) -> str:
    """The text, when a header can carry it."""
    if text and not _FIELD_VALUE.fullmatch(text):
        raise ValueError("must be plain ASCII in one line, without spaces at its ends (RFC 9110, 5.5)")
    return text


def _field_value(at: At) -> str:
    text = live(at)
    field_value(text)
    return text


def require_settable(name: str) -> None:
    """Raises ValueError for a header that follows from the body."""
    if name.lower() in _FRAMING:
        raise ValueError(f"{name} follows from the body and cannot be set")


def headers(at: At) -> dict[str, tuple[str, str | None]] | Broken:
    """(name, value) by the name in lower case; None takes a header of `defaults` away."""
    found = _named(at, TOKEN, "is not the name of a header (RFC 9110, 5.1)", Key(_field_value))
    if isinstance(found, Broken):
        return found
    folded: dict[str, tuple[str, str | None]] = {}
    for name, value in found.items():
        require_settable(name)
        if name.lower() in folded:
            raise ValueError(f"{folded[name.lower()][0]} and {name} are one header; keep one of them")
        folded[name.lower()] = (name, value)
    return folded


def body(at: At) -> bytes:
    """A text as UTF-8."""
    return at.text().encode()


def json_body(at: At) -> bytes:
    """Any value as JSON; what holds a variable is a string there."""
    if not isinstance(at.node, Scalar) and at.node.size > MAX_JSON_VALUES:
        raise ValueError(f"holds more than {MAX_JSON_VALUES} values")
    return json.dumps(_as_json(at), ensure_ascii=False, separators=(",", ":")).encode()


def _as_json(at: At, depth: int = 0) -> Any:
    node = at.node
    if depth > yaml_tree.MAX_DEPTH:  # aliases inside aliases reach deeper than anything written out
        raise ValueError(f"nested more than {yaml_tree.MAX_DEPTH} levels deep")
    if isinstance(node, yaml_tree.Sequence):
        return [_as_json(at.item(index, item), depth + 1) for index, item in enumerate(node.items)]
    if isinstance(node, yaml_tree.Mapping):
        if any(has_places(name) for name in node.entries):
            raise ValueError("variables are replaced in values, not in keys")
        children = {name: at.child(name, value) for name, (_, value) in node.entries.items()}
        return {name: _as_json(child, depth + 1) for name, child in children.items()}
    if at.interpolated:
        return at.text()
    value = yaml_tree.value_of(node)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{node.text} in line {node.line} has no form in JSON")
    return value


def statuses(at: At) -> tuple[tuple[int, int], ...] | Broken:
    """Accepted status codes as inclusive ranges, from `200`, `3xx`, `401-403` or a list of these."""
    ranges = [read_value(child, Key(_status, optional=False)) for child in each(at)]
    if not ranges:
        raise ValueError("must name at least one status code")
    if any(found is BROKEN for found in ranges):
        return BROKEN
    return tuple(sorted(set(ranges)))


def _status(at: At) -> tuple[int, int]:
    return status_range(at.text())


def status_range(text: str) -> tuple[int, int]:
    """First and last of the codes that `200`, `3xx` or `401-403` stands for."""
    if match := re.fullmatch(r"([1-9])(?:xx|XX)", text):
        return int(match[1]) * 100, int(match[1]) * 100 + 99
    match = re.fullmatch(r"([1-9][0-9]{2})(?: ?- ?([1-9][0-9]{2}))?", text)
    if match is None or int(match[2] or match[1]) < int(match[1]):
        raise ValueError("must be a status code like 200, a class like 3xx or a range like 401-403")
    return int(match[1]), int(match[2] or match[1])


STATUS_SCHEMA: Final = {
    "anyOf": [
        {"type": "integer", "minimum": 100, "maximum": 999},
        {"type": "string", "pattern": "^[1-9](xx|XX|[0-9]{2}( ?- ?[1-9][0-9]{2})?)$"},
        VARIABLE,
    ]
}
