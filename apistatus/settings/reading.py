"""One load of the reader file: where we are in it, what is wrong with it, what equal values share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar

from apistatus.errors import Problem
from apistatus.model.check import Extractor
from apistatus.settings import yaml_tree
from apistatus.settings.interpolation import Variables, has_places
from apistatus.settings.quantities import nearest
from apistatus.settings.yaml_tree import Node, Scalar

Compile: TypeAlias = Callable[[str], Extractor]
T = TypeVar("T")

_STEP_CHARS: Final = 80
_PATH_CHARS: Final = 200


class Broken:
    """Stands for a value whose mistake is reported already."""


BROKEN: Final = Broken()


@dataclass(slots=True)
class Reading:
    """What a load needs, and the mistakes it has found so far."""

    variables: Variables
    compilers: Mapping[Literal["json_path", "regex"], Compile]
    now: datetime
    default_interval_us: int
    _problems: dict[tuple[int, int, int, str], Problem] = field(default_factory=dict)
    _shared: dict[Hashable, Any] = field(default_factory=dict)

    def fail(self, problem: Problem, place: tuple[int, int, int]) -> None:
        """Note a mistake; one in `defaults` that many checks meet is noted once."""
        self._problems[*place, problem.message] = problem

    @property
    def problems(self) -> list[Problem]:
        """All mistakes, in the order of the files."""
        return [problem for _, problem in sorted(self._problems.items())]

    def share(self, value: T, key: Hashable = None) -> T:
        """The first of all equal values: 10,000 checks have few different groups, labels, TLS options."""
        shared: T = self._shared.setdefault(value if key is None else key, value)
        return shared

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives for this key, made one time."""
        if key not in self._shared:
            self._shared[key] = make()
        made: T = self._shared[key]
        return made

    def nearest(self, name: str, known: tuple[str, ...]) -> str:
        """`; did you mean X?`, looked for once: 10,000 checks often have one mistake."""
        return self.once(("nearest", name, known), lambda: nearest(name, list(known)))

    def compiled(self, kind: Literal["json_path", "regex"], text: str) -> Extractor:
        """The extractor of this text, compiled once. Raises ValueError with half a sentence."""
        return self.once((kind, text), lambda: self.compilers[kind](text))


@dataclass(slots=True)
class Document:
    """One file: its number in this load, its name as shown to people, and where its paths start."""

    reading: Reading
    number: int
    file: str
    folder: Path

    def fail(self, message: str, line: int = 1, column: int = 1, path: str = "") -> None:
        where = f"{self.file}:{line}:{column}"
        way = path if len(path) <= _PATH_CHARS else f"{path[:_PATH_CHARS]}..."
        said = Problem(where, f"{way}: {message}" if path else message)
        self.reading.fail(said, (self.number, line, column))


class At:
    """A value of a document and the way to it."""

    __slots__ = ("document", "node", "path")

    def __init__(self, document: Document, path: str, node: Node) -> None:
        self.document, self.path, self.node = document, path, node

    @property
    def reading(self) -> Reading:
        return self.document.reading

    @property
    def position(self) -> str:
        """`file:line` for pointing at it from elsewhere."""
        return f"{self.document.file}:{self.node.line}"

    def child(self, key: str, node: Node) -> At:
        shown = key if key.isprintable() and len(key) <= _STEP_CHARS else repr(key[:_STEP_CHARS])
        return At(self.document, f"{self.path}.{shown}" if self.path else shown, node)

    def item(self, index: int, node: Node) -> At:
        return At(self.document, f"{self.path}[{index}]", node)

    def find(self, *keys: str) -> At | None:
        """The value under these keys, one inside the other."""
        found = self
        for key in keys:
            node = found.node
            if not isinstance(node, yaml_tree.Mapping) or key not in node.entries:
                return None
            found = found.child(key, node.entries[key][1])
        return found

    def fail(self, message: str, at: Node | None = None) -> Broken:
        node = at or self.node
        self.document.fail(message, node.line, node.column, self.path)
        return BROKEN

    @property
    def is_null(self) -> bool:
        """Whether it says none in words: a key without a value may have been forgotten."""
        node = self.node
        return isinstance(node, Scalar) and node.plain and node.text in yaml_tree.NULLS

    @property
    def interpolated(self) -> bool:
        return isinstance(self.node, Scalar) and has_places(self.node.text)

    def text(self) -> str:
        """The scalar's text, variables replaced. Raises ValueError with half a sentence."""
        node = self.node
        if not isinstance(node, Scalar):
            raise ValueError("must be a single value, not a list or mapping")
        if has_places(node.text):
            return self.reading.variables.replaced(node.text, self.document.folder)
        if node.plain and node.text == "":
            raise ValueError("has no value; write null for none, or leave the key out")
        if self.is_null:
            raise ValueError("must not be null")
        return node.text


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a mapping: how its value is read, and what the JSON Schema says of it.

    `read` raises ValueError with half a sentence, or reports by itself and returns BROKEN.
    """

    read: Callable[[At], Any]
    schema: Mapping[str, Any] = field(default_factory=dict)
    optional: bool = True
    """Whether null may say that there is none, against `defaults`."""


def read_value(at: At, key: Key) -> Any:
    """The value, None for null, or BROKEN after its mistakes were reported."""
    if key.optional and at.is_null:
        return None
    try:
        return key.read(at)
    except ValueError as error:
        return at.fail(str(error))


def read_keys(at: At, keys: Mapping[str, Key]) -> dict[str, Any]:
    """The mapping's values by key, BROKEN where value or key is wrong; empty when it is no mapping."""
    if not isinstance(at.node, yaml_tree.Mapping):
        at.fail("must be a mapping of keys and values")
        return {}
    values: dict[str, Any] = {}
    for name, (key_node, node) in at.node.entries.items():
        key = keys.get(name)
        if key is None:
            hint = at.reading.nearest(name, tuple(keys))
            values[name] = at.child(name, node).fail(f"unknown key{hint}", key_node)
        else:
            values[name] = read_value(at.child(name, node), key)
    return values
