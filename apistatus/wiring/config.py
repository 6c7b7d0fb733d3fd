"""`apistatus config check | show | schema`, put together. Nothing here opens a connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from apistatus.errors import ConfigurationError, Problem
from apistatus.wiring.loading import Environ, Flags, checks_of, settings_for

if TYPE_CHECKING:
    from apistatus.model.check import Check


def check(environ: Environ, flags: Flags) -> list[str]:
    """What was found to be well, a line each. Raises ConfigurationError with every mistake of settings,
    reader file and every file they name; an unknown `APISTATUS_*` variable is one here."""
    from apistatus.kafka.client_config import client_file_problems
    from apistatus.settings.sources import unknown_names
    from apistatus.settings.variables import NEEDS

    problems: list[Problem] = []
    lines: list[str] = []
    try:
        loaded = settings_for(environ, flags, *NEEDS)
    except ConfigurationError as error:
        alone = (*unknown_names(environ), *_reader_problems_alone(environ, flags))
        problems += [*error.problems, *(problem for problem in alone if problem not in error.problems)]
    else:
        problems += loaded.warnings
        problems += client_file_problems(loaded.settings.kafka)
        try:
            checks = checks_of(loaded.settings.reader, environ)
        except ConfigurationError as error:
            problems += error.problems
        else:
            enabled = sum(check.enabled for check in checks)
            off = f", {len(checks) - enabled} of them not enabled" if enabled < len(checks) else ""
            noun = "check" if len(checks) == 1 else "checks"
            lines.append(f"{loaded.settings.reader.path}: {len(checks)} {noun}{off}")
            lines += _disk_need(checks, loaded.settings.storage.retention_days)
    if problems:
        raise ConfigurationError(problems)
    return ["settings: well", *lines]


def _disk_need(checks: Sequence[Check], keep_days: int) -> list[str]:
    from apistatus.settings.disk_need import disk_need

    lines, warning = disk_need(checks, keep_days)
    return [*lines, *([f"warning: {warning}"] if warning else [])]


def _reader_problems_alone(environ: Environ, flags: Flags) -> tuple[Problem, ...]:
    """The reader file's mistakes although other settings are wrong: all of them in one go."""
    from apistatus.settings.load import load

    def path_only(source: Environ) -> Flags:
        return {name: text for name, text in source.items() if name == "READER_CONF_FILE"}

    try:
        checks_of(load(path_only(environ), path_only(flags), needs={"readers"}).settings.reader, environ)
    except ConfigurationError as error:
        return error.problems
    return ()


def show(environ: Environ, flags: Flags) -> list[tuple[str, str, str]]:
    """(variable, value, origin) of every setting, secrets as `***`. Raises ConfigurationError."""
    from apistatus.settings.load import effective
    from apistatus.settings.variables import NEEDS

    return effective(settings_for(environ, flags, *NEEDS))


def schema() -> dict[str, Any]:
    """JSON Schema of the reader file."""
    from apistatus.settings.checks import reader_schema

    return reader_schema()
