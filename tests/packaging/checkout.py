"""The checkout itself as the thing under test."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE_S = 550.0
"""An environment is installed in it; it is not what is tested, and less than the timeout of such tests."""
TOP = Path(__file__).resolve().parents[2]
BUILT_FROM = (
    "apistatus",
    "migrations",
    "conf",
    "docker",
    "Makefile",
    ".importlinter",
    "pyproject.toml",
    "requirements.lock",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
)


def copy_to(folder: Path, *names: str) -> Path:
    """A copy of these files and folders of the checkout (all that things are built from by default)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or BUILT_FROM:
        source = TOP / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    return folder


def bare_environment(**more: str) -> dict[str, str]:
    """What a fresh login has: none of our settings, no active Python environment, no cover of tests."""
    kept = ("HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    network = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "UV_")) or name.lower().endswith("_proxy")
    }
    path = os.environ.get("PATH", os.defpath)
    return {
        **network,
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": path,
        **more,
    }


def run(
    command: Sequence[str | Path],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout_s: float = PATIENCE_S,
) -> subprocess.CompletedProcess[str]:
    """The command to its end; its output is text and its exit code is for the test to judge."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=bare_environment() if env is None else dict(env),
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout_s,
        check=False,
    )


def succeed(
    command: Sequence[str | Path],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout_s: float = PATIENCE_S,
) -> str:
    """Standard output of a command that must end with 0."""
    done = run(command, cwd, env, timeout_s)
    assert done.returncode == 0, f"{list(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout
