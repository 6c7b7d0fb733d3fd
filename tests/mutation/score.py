"""What became of each mutant, as mutmut leaves it beside the mutated files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SURVIVED: Final = 0
_FAILED: Final = (1, 3)
"""Exit codes of pytest: tests failed, or pytest itself did."""
_UNTESTED: Final = (5, 33)
"""No test was run, because none comes by."""
_UNSTARTED: Final = (None, 2)
"""Not looked at, or broken off."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """`outcome`: killed, timeout (it ran on until it was stopped: noticed too), survived, untested, unknown."""

    module: str
    name: str
    outcome: str

    @property
    def lives(self) -> bool:
        """True when nobody noticed."""
        return self.outcome in ("survived", "untested")


@dataclass(frozen=True, slots=True)
class Change:
    """What a mutant changes, line by line."""

    removed: tuple[str, ...]
    added: tuple[str, ...]


def mutants_in(folder: Path) -> list[Mutant]:
    """All mutants of a run, from the `.meta` files in its folder."""
    found = []
    for file in sorted(folder.rglob("*.py.meta")):
        codes = json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
        found += [
            Mutant(file.name.removesuffix(".py.meta"), name, _outcome(code)) for name, code in codes.items()
        ]
    return found


def _outcome(code: int | None) -> str:
    if code in _UNSTARTED:
        return "unknown"
    if code == _SURVIVED:
        return "survived"
    if code in _UNTESTED:
        return "untested"
    return "killed" if code in _FAILED else "timeout"


def killed_percent(mutants: Sequence[Mutant]) -> float:
    """How many of those that were looked at were noticed."""
    known = [mutant for mutant in mutants if mutant.outcome != "unknown"]
    return 100.0 * sum(not mutant.lives for mutant in known) / len(known) if known else 0.0


def table(mutants: Sequence[Mutant]) -> str:
    """A line a module and one for all."""
    lines = [
        f"{'module':<18} {'mutants':>7} {'killed':>7} {'timeout':>7} {'survived':>8} {'untested':>8} {'noticed':>8}"
    ]
    for module in [*sorted({mutant.module for mutant in mutants}), "all"]:
        of_it = [mutant for mutant in mutants if module in (mutant.module, "all")]
        count = Counter(mutant.outcome for mutant in of_it)
        lines.append(
            f"{module:<18} {len(of_it):>7} {count['killed']:>7} {count['timeout']:>7} {count['survived']:>8} "
            f"{count['untested']:>8} {killed_percent(of_it):>7.1f}%"
        )
    return "\n".join(lines)


def change_in(diff: str) -> Change:
    """What a unified diff removes and adds, indentation aside."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    removed, added = (
        tuple(line[1:].strip() for line in lines if line.startswith(sign)) for sign in ("-", "+")
    )
    return Change(removed, added)


def explained_in(page: str) -> set[Change]:
    """The changes that a page of Markdown explains: each block marked `diff` holds one or more of them,
    with empty lines between."""
    blocks = [part.partition("```")[0] for part in page.split("```diff\n")[1:]]
    return {change_in(one) for block in blocks for one in block.split("\n\n") if one.strip()}
