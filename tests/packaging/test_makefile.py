"""The Makefile on a fresh clone: only git, make and Python, another environment active, no uv."""

from __future__ import annotations

import re
import shutil
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from apistatus import __version__
from tests.packaging.checkout import TOP, bare_environment, copy_to, run, succeed

pytestmark = pytest.mark.timeout(600)  # the index may be slow

TARGETS = {
    "help",
    "setup",
    "demo",
    "demo-cloud",
    "faults",
    "mutants",
    "test",
    "unit",
    "check",
    "coverage",
    "bench",
    "build",
    "lock",
    "clean",
}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A checkout, and a login with a newcomer's few tools on its path and a foreign environment active."""
    folder = tmp_path_factory.mktemp("fresh")
    checkout = copy_to(folder / "checkout")
    foreign = folder / "foreign"
    succeed([Path(sys.base_prefix) / "bin" / "python3", "-m", "venv", "--without-pip", foreign], folder)
    tools = folder / "tools"
    tools.mkdir()
    for name in ("make", "git", "sh", "touch", "rm", "find", "awk", "env"):
        (tools / name).symlink_to(shutil.which(name) or pytest.fail(f"{name} is needed to test the Makefile"))
    env = bare_environment(VIRTUAL_ENV=str(foreign), PYTHONPATH="/nowhere", PIP_REQUIRE_VIRTUALENV="1")
    return checkout, {**env, "PATH": f"{foreign / 'bin'}:{tools}"}


def test_help_is_the_default_and_names_every_target() -> None:
    said = succeed(["make"], TOP)
    assert said == succeed(["make", "help"], TOP)
    named = set(re.findall(r"^  make ([a-z-]+) ", said, re.MULTILINE))
    assert named == TARGETS


def test_setup_makes_an_environment_of_exactly_the_locked_versions(
    fresh: tuple[Path, dict[str, str]],
) -> None:
    checkout, env = fresh
    succeed(["make", "setup"], checkout, env)
    assert succeed([checkout / ".venv/bin/apistatus", "--version"], checkout, env).split()[-1] == __version__
    [site] = (checkout / ".venv/lib").glob("python3*/site-packages")
    there = {canonicalize_name(found.name): found.version for found in distributions(path=[str(site)])}
    entries = re.findall(r"^(\S+==.+) \\$", (TOP / "requirements.lock").read_text(), re.MULTILINE)
    locked = {found.name: found for found in map(Requirement, entries)}
    wanted = {
        name: str(found.specifier)
        for name, found in locked.items()
        if not found.marker or found.marker.evaluate()
    }
    ours = {"apistatus", "pip", "setuptools"}
    assert {name: f"=={version}" for name, version in there.items() if name not in ours} == wanted
    assert not list((checkout.parent / "foreign/lib").glob("python3*/site-packages/*")), (
        "the foreign one is clean"
    )


def test_a_second_setup_does_nothing_until_the_lock_is_newer(fresh: tuple[Path, dict[str, str]]) -> None:
    checkout, env = fresh
    succeed(["make", "setup"], checkout, env)
    assert "pip install" not in succeed(["make", "--dry-run", "setup"], checkout, env)
    (checkout / "requirements.lock").touch()
    assert "pip install" in succeed(["make", "--dry-run", "setup"], checkout, env)


def test_demo_runs_on_a_fresh_checkout(fresh: tuple[Path, dict[str, str]]) -> None:
    checkout, env = fresh
    path = {"PATH": f"{env['PATH']}:/usr/bin:/bin"}
    said = succeed(["make", "demo", "ARGS=--seconds 8"], checkout, env | path)
    assert "stored" in said
    assert not (checkout / "certs").exists()


def test_clean_leaves_the_environment_and_the_certificates(fresh: tuple[Path, dict[str, str]]) -> None:
    checkout, env = fresh
    for name in ("certs/service.key", "dist/old.whl", "htmlcov/index.html", "apistatus/__pycache__/x.pyc"):
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).touch()
    (checkout / "tests").mkdir(exist_ok=True)
    succeed(["make", "clean"], checkout, env)
    assert (checkout / "certs/service.key").exists()
    assert not [name for name in ("dist", "htmlcov", "apistatus/__pycache__") if (checkout / name).exists()]


def test_without_a_python_that_is_new_enough_setup_says_what_to_do(tmp_path: Path) -> None:
    checkout = copy_to(tmp_path / "checkout", "Makefile", "pyproject.toml", "requirements.lock")
    old = tmp_path / "bin"
    old.mkdir()
    for name in ("make", "sh", "touch"):
        (old / name).symlink_to(shutil.which(name) or pytest.fail(f"{name} is needed to test the Makefile"))
    (old / "python3").write_text("#!/bin/sh\nexit 1\n")
    (old / "python3").chmod(0o755)
    done = run(["make", "setup"], checkout, bare_environment(PATH=str(old)))
    assert done.returncode != 0
    assert "no Python from 3.11" in done.stderr
    assert not (checkout / ".venv").exists()
