"""Which checks of the reader file are meant: by id or name, group and labels."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from apistatus.errors import ConfigurationError, Problem
from apistatus.model.check import Check


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user asked for. Names add up; groups and labels narrow what is left; nothing means all."""

    names: Sequence[str] = ()
    groups: Sequence[str] = ()
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def urls(self) -> list[str]:
        """The names that are URLs, to be checked ad hoc."""
        return [name for name in self.names if "://" in name]

    def of(self, checks: Iterable[Check]) -> list[Check]:
        """The checks meant, in the file's order, disabled ones only when named.

        Raises ConfigurationError for a name, group or label that no check has, suggesting the nearest.
        """
        checks = list(checks)
        names = [name for name in self.names if "://" not in name]
        problems = _unknown("check", names, [text for check in checks for text in (check.id, check.name)])
        problems += _unknown("group", self.groups, [check.group for check in checks if check.group])
        pairs = [f"{key}={value}" for check in checks for key, value in check.labels.items()]
        problems += _unknown("label", [f"{key}={value}" for key, value in self.labels.items()], pairs)
        if problems:
            raise ConfigurationError(problems)
        if names:
            checks = [check for check in checks if check.id in names or check.name in names]
        elif self.urls and not self.groups and not self.labels:
            return []
        else:
            checks = [check for check in checks if check.enabled]
        return [
            check
            for check in checks
            if (not self.groups or check.group in self.groups)
            and all(check.labels.get(key) == value for key, value in self.labels.items())
        ]


def _unknown(what: str, wanted: Sequence[str], known: Sequence[str]) -> list[Problem]:
    problems = []
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            problems.append(Problem("", f"no {what} {name!r} in the reader file{hint}"))
    return problems
