"""requirements.lock: complete, pinned, hashed, and without any index's address."""

from __future__ import annotations

import re
import tomllib
from itertools import chain

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.packaging.checkout import TOP

LOCK = (TOP / "requirements.lock").read_text()
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())
ENTRIES = [entry for entry in re.split(r"\n(?=\S)", LOCK) if not entry.startswith("#")]


def declared() -> list[Requirement]:
    """Everything that pyproject.toml asks for: to run, for the demo, for development."""
    project = PROJECT["project"]
    texts = chain(
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    )
    return [Requirement(text) for text in texts]


def test_no_address_and_no_option_of_an_installer_is_in_it() -> None:
    lines = [line for line in LOCK.splitlines() if not line.startswith("#")]
    assert not [line for line in lines if "//" in line or line.startswith("-")]
    assert all(line.startswith("    --hash=sha256:") for line in lines if line.startswith(" "))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.split("=")[0])
def test_every_entry_is_pinned_and_hashed(entry: str) -> None:
    first, *hashes = entry.rstrip("\n").split(" \\\n")
    requirement = Requirement(first)
    assert [specifier.operator for specifier in requirement.specifier] == ["=="]
    assert hashes
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}", line) for line in hashes)


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_what_is_declared_is_locked_in_a_version_that_fits(requirement: Requirement) -> None:
    locked = {
        canonicalize_name(found.name): Version(next(iter(found.specifier)).version)
        for found in (Requirement(entry.split(" \\\n")[0]) for entry in ENTRIES)
    }
    assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)])
