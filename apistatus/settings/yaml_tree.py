"""YAML text -> a small tree that remembers where each value stands. YAML 1.2 rules, bounded in size.

PyYAML's own loader takes `no` for False and `22:30` for 1350 (YAML 1.1) and lets the last of two equal
keys win; its nodes weigh ten times these. Only its parser (libyaml, in C) is used.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple, TypeAlias

import yaml
from yaml import events

MAX_DEPTH: Final = 64
MAX_ALIASED_VALUES: Final = 1_000_000
"""Values that aliases may add to those written out: a file of ten lines can mean billions."""

_NOT_PRINTABLE: Final = re.compile(
    "[^\\t\\n\\r\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\\U00010000-\\U0010ffff]"
)
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,4000}")
_OCTAL: Final = re.compile(r"0o[0-7]{1,4000}")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]{1,3000}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
NULLS: Final = frozenset({"~", "null", "Null", "NULL"})
"""The words for none."""
_STRING_TAG: Final = "tag:yaml.org,2002:str"
_COLLECTION_TAGS: Final = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
# libyaml speaks to authors of parsers; these are what people usually did.
_HINTS: Final = {
    "mapping values are not allowed in this context": "; a text with `: ` in it needs quotes",
    "found character that cannot start any token": "; indent with spaces, quote what begins with @ ` or %",
    "did not find expected ',' or '}'": "; a text with { } [ ] or , needs quotes here",
    "did not find expected ',' or ']'": "; a text with { } [ ] or , needs quotes here",
    "did not find expected key": "; is the line indented as its neighbours, and every quote closed?",
    "could not find expected ':'": "; is a colon missing, or a quote?",
}


@dataclass(slots=True, eq=False)
class Scalar:
    """A single value as written. `plain`: without quotes or tag, so that `5` is a number."""

    text: str
    plain: bool
    line: int
    column: int


@dataclass(slots=True, eq=False)
class Sequence:
    """A list. `size` counts the values in it, those of aliases included."""

    items: list[Node]
    line: int
    column: int
    size: int = 1


@dataclass(slots=True, eq=False)
class Mapping:
    """Keys with their values, in the file's order; what merge keys bring comes last."""

    entries: dict[str, tuple[Scalar, Node]]
    line: int
    column: int
    size: int = 1


Node: TypeAlias = Scalar | Sequence | Mapping
Plain: TypeAlias = bool | int | float | str | None


class Mistake(Exception):
    """What is wrong with the file, and where: line and column count from 1, `path` like `readers[2]`."""

    def __init__(self, line: int, column: int, message: str, path: str = "") -> None:
        self.line, self.column, self.path, self.message = line, column, path, message
        super().__init__(message)


def value_of(scalar: Scalar) -> Plain:
    """What the scalar means in YAML 1.2's core schema (yaml.org/spec/1.2.2, section 10.3.2)."""
    text = scalar.text
    if not scalar.plain:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _NOT_FINITE.fullmatch(text):
        return float(f"{match[1] or ''}inf") if match[2] else float("nan")
    return text


def compose(text: str) -> tuple[Node | None, list[Mistake]]:
    """The tree of the one document in `text`, None when it is empty, and the mistakes found in it.

    After a mistake in the syntax there is no tree.
    """
    if match := _NOT_PRINTABLE.search(text):
        before = text[: match.start()]
        line, column = before.count("\n") + 1, match.start() - before.rfind("\n")
        return None, [Mistake(line, column, f"the character U+{ord(match[0]):04X} cannot stand in YAML")]
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            composer.take(event)
    except Mistake as mistake:
        return None, [*composer.mistakes, mistake]
    except yaml.MarkedYAMLError as error:
        return None, [*composer.mistakes, _syntax(error)]
    return composer.root, composer.mistakes


def _syntax(error: yaml.MarkedYAMLError) -> Mistake:
    problem = error.problem or "cannot be read"
    during = f" {error.context}" if error.context else ""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Mistake(line, column, f"not YAML: {problem}{during}{_HINTS.get(problem, '')}")


class _Composer:
    """Builds the tree from the parser's events on a list of its own: nesting cannot exhaust the stack."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.mistakes: list[Mistake] = []
        self._open: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._documents = self._aliased = 0

    def take(self, event: events.Event) -> None:
        if isinstance(event, events.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, events.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, events.CollectionEndEvent):
            frame = self._open.pop()
            self._place(frame.finish(), frame.anchor)
        elif isinstance(event, events.AliasEvent):
            self._alias(event)
        elif isinstance(event, events.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._mistake(event, "a second document begins here; a file holds one")

    def _scalar(self, event: events.ScalarEvent) -> None:
        tag = event.tag
        if tag is not None and tag not in ("!", _STRING_TAG):
            raise self._mistake(event, "tags other than !!str are not used here; take the `!...` away")
        plain = tag is None and event.implicit[0]
        self._place(Scalar(event.value, plain, *_position(event)), event.anchor)

    def _start(self, event: events.CollectionStartEvent) -> None:
        if event.tag not in _COLLECTION_TAGS:
            raise self._mistake(event, "tags are not used here; take the `!...` away")
        self._refuse_key(event)
        if len(self._open) >= MAX_DEPTH:
            raise self._mistake(event, f"nested more than {MAX_DEPTH} levels deep")
        frame = _MappingFrame if isinstance(event, events.MappingStartEvent) else _SequenceFrame
        self._open.append(frame(event.anchor, *_position(event)))

    def _alias(self, event: events.AliasEvent) -> None:
        node = self._anchors.get(event.anchor or "")
        if node is None:
            raise self._mistake(event, f"*{event.anchor} stands before its &{event.anchor}, or inside it")
        if not isinstance(node, Scalar):
            self._refuse_key(event)
        self._aliased += _size(node)
        if self._aliased > MAX_ALIASED_VALUES:
            raise self._mistake(event, f"the aliases stand for more than {MAX_ALIASED_VALUES} values")
        self._place(node, None)

    def _place(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
        elif wrong := self._open[-1].add(node):
            path = self._path(self._open[:-1]) + wrong.step
            self.mistakes.append(
                Mistake(wrong.at.line, wrong.at.column, wrong.message, path.removeprefix("."))
            )

    def _refuse_key(self, event: events.Event) -> None:
        if self._open and self._open[-1].wants_key:
            raise self._mistake(event, "a key must be a simple text")

    @staticmethod
    def _path(frames: list[_Frame]) -> str:
        return "".join(frame.step for frame in frames)

    def _mistake(self, event: events.Event, message: str) -> Mistake:
        return Mistake(*_position(event), message, self._path(self._open).removeprefix("."))


class _Wrong(NamedTuple):
    at: Node
    step: str
    message: str


class _SequenceFrame:
    """A list that is still being read."""

    __slots__ = ("_node", "anchor")
    wants_key: ClassVar[bool] = False

    def __init__(self, anchor: str | None, line: int, column: int) -> None:
        self.anchor, self._node = anchor, Sequence([], line, column)

    @property
    def step(self) -> str:
        """This level's part of a path: the index of the value that is being read."""
        return f"[{len(self._node.items)}]"

    def add(self, node: Node) -> None:
        self._node.items.append(node)
        self._node.size += _size(node)

    def finish(self) -> Node:
        return self._node


class _MappingFrame:
    """A mapping that is still being read: keys and values come in turn."""

    __slots__ = ("_key", "_merged", "_node", "anchor")

    def __init__(self, anchor: str | None, line: int, column: int) -> None:
        self.anchor, self._node = anchor, Mapping({}, line, column)
        self._key: Scalar | None = None
        self._merged: dict[str, tuple[Scalar, Node]] = {}

    @property
    def wants_key(self) -> bool:
        return self._key is None

    @property
    def step(self) -> str:
        return "" if self._key is None else f".{self._key.text}"

    def add(self, node: Node) -> _Wrong | None:
        if self._key is None:
            assert isinstance(node, Scalar), "the composer refuses other keys"
            self._key = node
            return None
        key, self._key = self._key, None
        self._node.size += _size(node)
        if key.plain and key.text == "<<":
            return self._merge(node)
        name = sys.intern(key.text)
        if name in self._node.entries:
            first = self._node.entries[name][0]
            return _Wrong(key, f".{name}", f"this key is in line {first.line} already; keep one of them")
        self._node.entries[name] = (key, node)
        return None

    def _merge(self, node: Node) -> _Wrong | None:
        for source in node.items if isinstance(node, Sequence) else [node]:
            if not isinstance(source, Mapping):
                return _Wrong(source, ".<<", "only mappings can be merged, like `<<: *name`")
            for name, entry in source.entries.items():
                self._merged.setdefault(name, entry)
        return None

    def finish(self) -> Node:
        """What stands in the mapping itself wins over what is merged into it (yaml.org/type/merge.html)."""
        for name, entry in self._merged.items():
            self._node.entries.setdefault(name, entry)
        return self._node


_Frame: TypeAlias = _SequenceFrame | _MappingFrame


def _size(node: Node) -> int:
    return 1 if isinstance(node, Scalar) else node.size


def _position(event: events.Event) -> tuple[int, int]:
    mark = event.start_mark
    assert mark is not None, "a parser that was given text sets it"
    return mark.line + 1, mark.column + 1
