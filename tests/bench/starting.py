"""How long a person waits for the command line."""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench.checking import readers
from tests.bench.figures import Figure, at_most
from tests.services import command


def starting(folder: Path, *, runs: int) -> list[Figure]:
    """`--help`, and `config check` of 10,000 checks, each a whole process."""
    file = readers(folder / "many.yml", 9, count=10_000, interval="60s")
    helped = [_seconds("--help") for _ in range(max(runs, 10))]
    checked = [_seconds("config", "check", "--readers", str(file)) for _ in range(runs)]
    return [
        at_most("apistatus --help", helped, "s", 0.25),
        at_most("apistatus config check of 10,000 checks", checked, "s", 3.0),
    ]


def _seconds(*args: str) -> float:
    began = time.monotonic()
    done = command.run(*args)
    seconds = time.monotonic() - began
    if done.returncode:
        raise RuntimeError(f"{args} ended with {done.returncode}\n{done.stderr}")
    return seconds
