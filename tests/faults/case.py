"""What a case is, what it needs, and the list of all of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.run import Run

ROOT = "root"
LINUX = "Linux"
MANY = 20
FEW = 5


@dataclass(frozen=True, slots=True)
class Case:
    """One fault. `play` makes it on a line that runs; what it measured is in the run."""

    number: int
    title: str
    promise: str
    """What the fault attacks, as a sentence."""
    play: Callable[[Run], None]
    needs: tuple[str, ...] = ()
    wanted_runs: int = FEW
    quick: bool = False
    """Part of `make test`."""

    def missing(self) -> str | None:
        """What this machine lacks for it; None when nothing."""
        lacks = [need for need in self.needs if not _has(need)]
        return ", ".join(lacks) or None


CASES: dict[int, Case] = {}


def case(
    number: int,
    title: str,
    promise: str,
    *,
    runs: int = FEW,
    needs: tuple[str, ...] = (),
    quick: bool = False,
) -> Callable[[Callable[[Run], None]], Callable[[Run], None]]:
    """Add the decorated function to the list."""

    def add(play: Callable[[Run], None]) -> Callable[[Run], None]:
        assert number not in CASES, number
        CASES[number] = Case(number, title, promise, play, needs, runs, quick)
        return play

    return add


def load_all() -> dict[int, Case]:
    """Every case, by number."""
    # Each enters its cases in CASES when it is loaded.
    from tests.faults import consumer, database, kafka, poison, producer, recreated, surroundings  # noqa: F401

    return dict(sorted(CASES.items()))


def _has(need: str) -> bool:
    if need == ROOT:
        return os.geteuid() == 0 and shutil.which("mount") is not None
    return Path("/proc/self/fd").is_dir()
