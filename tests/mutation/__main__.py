"""`python -m tests.mutation [--children N] [--keep FOLDER] [MUTANT ...]`: mutate a copy of the tree, count what
the unit tests notice, show what they do not.

MUTANT is a pattern as of mutmut: `apistatus.probing.comparing.*`. A change that cannot be noticed is explained
in README.md here.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.mutation.score import Mutant, change_in, explained_in, killed_percent, mutants_in, table

_TREE: Final = Path(__file__).parents[2]
_HERE: Final = Path(__file__).parent
_COPIED: Final = ("apistatus", "tests", "migrations", "conf", "README.md", "pyproject.toml")
_WANTED_PERCENT: Final = 90.0


def main() -> int:
    """0: at least 90 % were noticed, and the rest is explained."""
    asked = _arguments()
    if importlib.util.find_spec("mutmut") is None:
        print("mutmut is not installed: .venv/bin/python -m pip install mutmut", file=sys.stderr)
        return 1
    with ExitStack() as stack:
        folder = asked.keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="apistatus-mutants-"))
        )
        _copy_tree(folder)
        _mutmut(folder, "run", "--max-children", str(asked.children), *asked.mutants)
        mutants = mutants_in(folder / "mutants")
        unexplained = _show_survivors(folder, mutants)
    print(table(mutants))
    percent = killed_percent(mutants)
    print(
        f"{percent:.1f} % noticed, {_WANTED_PERCENT:g} % wanted; survivors without an explanation: {unexplained}"
    )
    return 0 if percent >= _WANTED_PERCENT and not unexplained else 1


def _copy_tree(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in _COPIED:
        source = _TREE / name
        if source.is_dir():
            shutil.copytree(
                source, folder / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
            )
        else:
            shutil.copy2(source, folder / name)
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write((_HERE / "mutmut.toml").read_text(encoding="utf-8"))


def _show_survivors(folder: Path, mutants: Sequence[Mutant]) -> int:
    """Print each survivor's diff; how many of them are not explained."""
    explained = explained_in((_HERE / "README.md").read_text(encoding="utf-8"))
    unexplained = 0
    for mutant in mutants:
        if mutant.lives:
            diff = _mutmut(folder, "show", mutant.name, quiet=True)
            known = change_in(diff) in explained
            unexplained += not known
            print(f"{mutant.outcome}{', explained' if known else ''}: {diff.strip()}\n")
    return unexplained


def _mutmut(folder: Path, *words: str, quiet: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *words], cwd=folder, check=False, text=True,
        stdout=subprocess.PIPE if quiet else sys.stderr, stderr=sys.stderr, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"mutmut {words[0]} ended with {done.returncode}")
    return done.stdout or ""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--children", type=int, default=1, help="mutants at once (1)")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="work here and leave it; goes on where it was"
    )
    parser.add_argument("mutants", nargs="*", metavar="MUTANT")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
