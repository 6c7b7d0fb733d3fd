"""The reader file -> checks and references, or every mistake at once, each as `file:line:column: path: message`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from apistatus.errors import ConfigurationError, Problem
from apistatus.model.check import Check
from apistatus.settings import reader_schema as json_schema
from apistatus.settings import reader_values as values
from apistatus.settings import yaml_tree
from apistatus.settings.check_building import Taken, build_check
from apistatus.settings.check_draft import Defaults
from apistatus.settings.connectivity import Connectivity
from apistatus.settings.interpolation import Variables
from apistatus.settings.quantities import nearest
from apistatus.settings.reader_files import included_files, read_text, reader_files
from apistatus.settings.reader_keys import DEFAULTS_TABLE
from apistatus.settings.reading import At, Compile, Document, Key, Reading, read_keys, read_value

_LISTS: Final = ("readers", "checks")
_KEYS: Final = ("defaults", *_LISTS, "include", "connectivity")
_PATTERN: Final = Key(At.text, optional=False)


@dataclass(frozen=True, slots=True)
class ReaderFile:
    """What a reader file or directory says, whole and valid."""

    checks: tuple[Check, ...]
    """Disabled ones too, in the files' order."""
    connectivity: tuple[str, ...] = field(default=(), repr=False)
    """URLs of the references that tell whether our own network is there; they may hold secrets."""


def load_reader_file(
    path: Path,
    environ: Mapping[str, str],
    *,
    default_interval_us: int,
    compile_json_path: Compile,
    compile_regex: Compile,
    now: datetime | None = None,
) -> ReaderFile:
    """What the reader file or directory at `path` says.

    `${VAR}` comes from `environ`. The compile functions raise ValueError with half a sentence. `now` is
    what certificates' dates are held against. Raises ConfigurationError with every mistake.
    """
    if default_interval_us % 1_000:
        raise ConfigurationError([Problem("API_READ_INTERVAL_SECS", "must be whole milliseconds")])
    reading = Reading(
        Variables(environ), {"json_path": compile_json_path, "regex": compile_regex},
        now or datetime.now(UTC), default_interval_us,
    )  # fmt: skip
    loader = _Loader(reading)
    files = reader_files(path)
    for file in files:
        loader.load(file, Defaults())
    if reading.problems:
        raise ConfigurationError(reading.problems)
    if not loader.checks:
        where = f"{files[0]}:1:1" if len(files) == 1 else str(path)
        raise ConfigurationError([Problem(where, "no checks in it; list them under `readers`")])
    return ReaderFile(tuple(loader.checks), loader.connectivity.urls)


def reader_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the reader file: every key that works."""
    return json_schema.reader_schema()


class _Loader:
    """Goes through the files; a file's tree is dropped before the next one is read."""

    def __init__(self, reading: Reading) -> None:
        self.checks: list[Check] = []
        self.connectivity = Connectivity()
        self._reading = reading
        self._taken = Taken()
        self._read: dict[str, Path] = {}

    def load(self, file: Path, defaults: Defaults, included_by: At | None = None) -> None:
        """Add the checks and references of a file and of what it includes."""
        document = Document(self._reading, len(self._read), str(file), file.parent)
        identity = os.path.realpath(file)
        if identity in self._read:
            again = f"{file} is read already; a file is read once"
            (included_by or document).fail(again)
            return
        self._read[identity] = file
        root = self._root(document)
        if root is None:
            return
        for name, (key, _) in root.entries.items():
            if name not in _KEYS and not name.startswith("x-"):
                message = (
                    f"{At(document, '', key).child(name, key).path}: unknown key{nearest(name, list(_KEYS))}"
                )
                document.fail(message, key.line, key.column)
        top = At(document, "", root)
        if at := top.find("connectivity"):
            self.connectivity.add(at)
        defaults = _with_defaults(top, defaults)
        for name in _LISTS:
            if at := top.find(name):
                self._build(at, defaults)
        include = top.find("include")
        del root, top
        if include:
            self._include(include, defaults)

    def _root(self, document: Document) -> yaml_tree.Mapping | None:
        try:
            root, mistakes = yaml_tree.compose(read_text(Path(document.file)))
        except ValueError as error:
            document.fail(str(error))
            return None
        for mistake in mistakes:
            document.fail(mistake.message, mistake.line, mistake.column, mistake.path)
        if root is not None and not isinstance(root, yaml_tree.Mapping):
            document.fail("must be a mapping that lists the checks under `readers`", root.line, root.column)
            return None
        return root

    def _build(self, at: At, defaults: Defaults) -> None:
        if not isinstance(at.node, yaml_tree.Sequence):
            at.fail("must be a list of checks, each beginning with `- name: ...`")
            return
        for index, node in enumerate(at.node.items):
            check = build_check(at.item(index, node), defaults, self._taken)
            if check is not None:
                self.checks.append(check)

    def _include(self, at: At, defaults: Defaults) -> None:
        for pattern in values.each(at):
            text = read_value(pattern, _PATTERN)
            if not isinstance(text, str):
                continue
            try:
                files = included_files(text, pattern.document.folder)
            except ValueError as error:
                pattern.fail(str(error))
                continue
            for file in files:
                self.load(file, defaults, pattern)


def _with_defaults(top: At, outer: Defaults) -> Defaults:
    """The defaults of this file over those of the file that includes it."""
    at = top.find("defaults")
    if at is None:
        return outer
    found = read_keys(at, DEFAULTS_TABLE)
    if not any(top.find(name) for name in (*_LISTS, "include")):
        at.fail("apply to no check: defaults hold for the checks of their file and of what it includes")
    return outer.under(found, at)
