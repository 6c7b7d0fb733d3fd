"""Where a value comes from: flag over environment over default, a secret also out of a file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from apistatus.errors import Problem
from apistatus.settings.files import read_secret, reason
from apistatus.settings.quantities import nearest
from apistatus.settings.variables import VARIABLES, Variable

PREFIX: Final = "APISTATUS_"
# Kubernetes puts the addresses of every service of the namespace into each container
# (kubernetes.io, "Accessing the Service"), here of services named apistatus or apistatus-*.
_KUBERNETES: Final = re.compile(
    r"APISTATUS(_[A-Z0-9]+)*_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)"
    r"|APISTATUS(_[A-Z0-9]+)*_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?"
    r"|APISTATUS_PORT"
)
_KUBERNETES_URL: Final = re.compile(r"(tcp|udp|sctp)://")
# The command line reads these itself, as environment variables of a command's own options.
_OF_COMMANDS: Final = re.compile(
    r"APISTATUS_(CONNECT_TIMEOUT|(AUDIT|BENCH|CHECK_ONCE|CONFIG|CONSUME|DEAD_LETTERS|DEMO|HEALTH"
    r"|HISTORY|MAINTAIN|MIGRATE|PRODUCE|REPORT|TEST)_.+)"
)


@dataclass(slots=True)
class Reading:
    """What was read: parsed values, the texts they came from, their origins, and the mistakes."""

    values: dict[str, Any] = field(default_factory=dict, repr=False)
    texts: dict[str, str | None] = field(default_factory=dict, repr=False)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def fail(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, message))

    def given(self, name: str) -> bool:
        """Whether a person set the variable, well or not."""
        return self.origins.get(name, "default") != "default"

    def put(self, name: str, value: Any, text: str | None, origin: str) -> None:
        """Give a variable that nobody set the value that follows from others."""
        self.values[name], self.texts[name], self.origins[name] = value, text, origin


def read(environ: Mapping[str, str], flags: Mapping[str, str], needs: Collection[str]) -> Reading:
    """All variables: those of `needs` as given, the others at their defaults. An empty one counts as not set,
    unless empty is a value of it."""
    reading = Reading()
    for variable in VARIABLES:
        text, origin = variable.default, "default"
        if not variable.needs.isdisjoint(needs):
            found = _find(variable, environ, flags, reading)
            if found is not None:
                text, origin = found
        reading.put(variable.name, None, text, origin)
        if text is not None:
            reading.values[variable.name] = _parsed(variable, text, origin, reading)
    return reading


def _find(
    variable: Variable, environ: Mapping[str, str], flags: Mapping[str, str], reading: Reading
) -> tuple[str, str] | None:
    name, file_name = variable.name, f"{variable.name}_FILE"
    if name in flags:
        return flags[name], "flag"
    text = environ.get(name) or ("" if variable.empty and name in environ else None)
    path = (environ.get(file_name) or None) if variable.secret else None
    if path is None:
        return (text, "environment") if text is not None else None
    if text is not None:
        reading.fail(name, f"{name} and {file_name} are both set; keep one")
        return text, "environment"
    try:
        held = read_secret(Path(path).expanduser())
    except (OSError, RuntimeError) as error:  # RuntimeError: the home of a user who does not exist
        why = reason(error) if isinstance(error, OSError) else str(error)
        reading.fail(file_name, f"cannot read {path}: {why}")
        held = "unreadable"
    if not held:
        reading.fail(file_name, f"{path} is empty")
    return held, f"file {path}"


def _parsed(variable: Variable, text: str, origin: str, reading: Reading) -> Any:
    """The value, or that of the default after a mistake: loading goes on, to find all of them."""
    if not text and origin == "flag":
        reading.fail(variable.name, "must not be empty")
    else:
        try:
            return variable.parse(text)
        except ValueError as error:
            shown = "" if variable.secret or origin == "default" else f" (it is {text[:80]!r})"
            reading.fail(variable.name, f"{error}{shown}")
    return variable.parse(variable.default) if variable.default is not None else None


def unknown_names(environ: Mapping[str, str]) -> list[Problem]:
    """One problem for each `APISTATUS_*` variable that nothing here reads, with the nearest name."""
    known = [variable.name for variable in VARIABLES if variable.name.startswith(PREFIX)]
    found = []
    for name, value in sorted(environ.items()):
        foreign = (
            _KUBERNETES.fullmatch(name)
            or (name.endswith("_PORT") and _KUBERNETES_URL.match(value))
            or _OF_COMMANDS.fullmatch(name)
        )
        if name.startswith(PREFIX) and name not in known and not foreign:
            found.append(Problem(name, f"unknown variable{nearest(name, known)}"))
    return found
