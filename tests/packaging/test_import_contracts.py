"""The contracts on imports: they cover every third-party library, and they catch what they forbid."""

from __future__ import annotations

import ast
import configparser
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.checkout import TOP, bare_environment, copy_to, run

LINT = [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo"]


def lint(checkout: Path) -> tuple[int, str]:
    done = run(LINT, checkout, bare_environment(PYTHONPATH=str(checkout)))
    return done.returncode, done.stdout + done.stderr


def fenced() -> set[str]:
    contracts = configparser.ConfigParser()
    contracts.read(TOP / ".importlinter")
    return {
        library
        for section in contracts.values()
        if section.get("type") == "forbidden"
        for library in section["forbidden_modules"].split()
    }


def third_party(source: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    # `compression` came with Python 3.14.
    return found - sys.stdlib_module_names - {"apistatus", "compression"}


def test_every_third_party_library_that_is_imported_has_a_fence() -> None:
    imported = {name for source in (TOP / "apistatus").rglob("*.py") for name in third_party(source)}
    assert {"click", "confluent_kafka", "psycopg"} <= imported
    assert imported <= fenced()


def test_every_third_party_library_that_is_imported_is_declared() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    to_run = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    for_the_demo = {
        canonicalize_name(Requirement(text).name) for text in project["optional-dependencies"]["demo"]
    }
    for_aws = {canonicalize_name(Requirement(text).name) for text in project["optional-dependencies"]["aws"]}
    providers = packages_distributions()
    for source in (TOP / "apistatus").rglob("*.py"):
        allowed = to_run | for_the_demo if "demo" in source.parts else to_run
        allowed = allowed | for_aws if source.name == "sigv4.py" else allowed
        for name in third_party(source):
            declared = {canonicalize_name(provider) for provider in providers[name]}
            assert declared & allowed, f"{source} imports {name}"


def test_the_tree_as_it_stands_keeps_every_contract(tmp_path: Path) -> None:
    code, said = lint(copy_to(tmp_path, "apistatus", ".importlinter"))
    assert code == 0, said


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("apistatus/probing/rogue.py", "import apistatus.kafka", "lines below its own"),
        ("apistatus/model/rogue.py", "import apistatus.settings", "lines below its own"),
        ("apistatus/runtime/rogue.py", "import apistatus.settings.load", "lines below its own"),
        ("apistatus/newroom/__init__.py", "", "lines below its own"),
        ("apistatus/produce/rogue.py", "import confluent_kafka", "confluent_kafka only in kafka and demo"),
        ("apistatus/wiring/rogue.py", "from psycopg import sql", "psycopg, psycopg_binary only in"),
        ("apistatus/errors.py", "import yaml", "yaml only in settings"),
        (
            "apistatus/consume/batch.py",
            "def later() -> None:\n    import apistatus.consume.loop",
            "No cycles",
        ),
    ],
    ids=[
        "a room imports another",
        "a lower line imports a higher one",
        "cogs beside each other",
        "an unlisted room",
        "a foreign client in a room",
        "a client in the wiring",
        "a parser in a plain module",
        "a cycle in a room",
    ],
)
def test_a_deliberate_violation_is_caught(tmp_path: Path, file: str, line: str, broken: str) -> None:
    checkout = copy_to(tmp_path, "apistatus", ".importlinter")
    module = checkout / file
    module.parent.mkdir(exist_ok=True)
    with module.open("a") as source:
        source.write(f"\n{line}\n")
    code, said = lint(checkout)
    assert code == 1, said
    contracts = [
        kept.partition(" BROKEN")[0] for kept in said.replace("\n", " ").split(" KEPT") if "BROKEN" in kept
    ]
    assert any(broken in contract for contract in contracts), said
