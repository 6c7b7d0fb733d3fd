"""What each released version has shipped of the schema: its migration files, by checksum.

A released file is applied in somebody's database and stays as it is: every later version begins with the
same files, and so `test_upgrade` upgrades from the schema of every release. `python -m tests.released` writes
the list of this version, in the form of sha256sum, when it is released.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from apistatus.postgres.migration_files import Migration

HERE = Path(__file__).parent
CHANGELOG = HERE.parents[1] / "CHANGELOG.md"


def listed(files: Sequence[Migration]) -> str:
    """The text of a version's list."""
    return "".join(f"{each.sha256}  {each.file}\n" for each in files)


def releases(folder: Path = HERE) -> dict[str, list[tuple[str, str]]]:
    """Checksum and name of the files of each version that has a list."""
    return {
        path.stem: [
            (line.split("  ", 1)[0], line.split("  ", 1)[1]) for line in path.read_text().splitlines()
        ]
        for path in sorted(folder.glob("*.sha256"))
    }  # fmt: skip


def broken(shipped: Mapping[str, Sequence[tuple[str, str]]], files: Sequence[Migration]) -> list[str]:
    """One sentence for each released file that is not any more what it was."""
    now = {each.file: (number, each.sha256) for number, each in enumerate(files)}
    found = []
    for version, listed_files in shipped.items():
        for number, (sha256, file) in enumerate(listed_files):
            if file not in now:
                found.append(f"{file}, released with {version}, is gone")
            elif now[file] != (number, sha256):
                found.append(f"{file}, released with {version}, was changed, or a file was put before it")
    return found


def unlisted(changelog: str, shipped: Mapping[str, object]) -> list[str]:
    """Versions that the changelog has as released and that have no list."""
    headings = re.findall(r"^## (\d+\.\d+\.\d+)(.*)$", changelog, re.MULTILINE)
    return [version for version, rest in headings if "unreleased" not in rest and version not in shipped]
