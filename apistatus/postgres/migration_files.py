"""The migration files of this version, and how a database's record of applied ones compares with them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from apistatus.errors import IncompatibleSchema

_NAME: Final = re.compile(r"(\d+)_?(.*)\.sql")
_PACKAGE: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. `sha256` is of its text with line feeds alone, however it was checked out."""

    version: str
    file: str
    text: str
    sha256: str


@cache
def packaged() -> tuple[Migration, ...]:
    """The files of this version: those in the package, in a checkout those of its folder `migrations`."""
    folder = _PACKAGE / "_migrations"
    return read(folder if folder.is_dir() else _PACKAGE.parent / "migrations")


def read(folder: Path) -> tuple[Migration, ...]:
    """The files of a folder in the order of their versions. Raises IncompatibleSchema when there is none."""
    found = []
    for path in folder.glob("*.sql"):
        name = _NAME.fullmatch(path.name)
        if name:
            text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
            found.append(Migration(name[1], path.name, text, hashlib.sha256(text.encode()).hexdigest()))
    if not found:
        raise IncompatibleSchema(f"no migration files in {folder}: this installation is incomplete")
    found.sort(key=lambda migration: (int(migration.version), migration.file))
    for one, other in pairwise(found):
        if int(one.version) == int(other.version):
            raise IncompatibleSchema(f"{one.file} and {other.file} have the same version")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Applied:
    """What the database says about one applied file."""

    version: str
    file: str
    sha256: str
    applied_at: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Files held against the database's record."""

    pending: tuple[Migration, ...]
    edited: tuple[str, ...]
    """Applied files whose text is another by now."""
    unknown: tuple[str, ...]
    """Applied files that this version does not have: the database is newer."""
    out_of_order: tuple[str, ...]
    """Files not applied though a later one is."""

    @property
    def drift(self) -> tuple[str, ...]:
        """One sentence for each file that does not fit."""
        return (
            *(f"{file}: edited after it was applied; put the text back as it was" for file in self.edited),
            *(f"{file}: applied by a newer version of apistatus; upgrade this one" for file in self.unknown),
            *(
                f"{file}: not applied, though a later one is; give it a version after all others"
                for file in self.out_of_order
            ),
        )


def compare(files: Sequence[Migration], applied: Mapping[str, Applied]) -> Comparison:
    """What is to be done, and what does not fit. `applied` is by version."""
    known = {migration.version: migration for migration in files}
    newest = max((int(version) for version in applied if version in known), default=-1)
    missing = [migration for migration in files if migration.version not in applied]
    return Comparison(
        pending=tuple(migration for migration in missing if int(migration.version) > newest),
        edited=tuple(
            migration.file
            for migration in files
            if migration.version in applied and applied[migration.version].sha256 != migration.sha256
        ),
        unknown=tuple(entry.file for version, entry in sorted(applied.items()) if version not in known),
        out_of_order=tuple(migration.file for migration in missing if int(migration.version) < newest),
    )
