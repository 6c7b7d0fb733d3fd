"""What every command begins with: settings, logs, checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apistatus.model.check import Check
    from apistatus.runtime.metrics import Metrics
    from apistatus.settings.checks import ReaderFile
    from apistatus.settings.load import Loaded
    from apistatus.settings.schema import ReaderSettings

Environ = Mapping[str, str]
Flags = Mapping[str, str]


def settings_for(environ: Environ, flags: Flags, *needs: str, is_told: bool = False) -> Loaded:
    """The settings of these groups, and logs set up as they say. Raises ConfigurationError.

    `is_told`: another process with the same settings has told what is doubtful about them.
    """
    from apistatus.runtime import logs
    from apistatus.settings.load import load

    loaded = load(environ, flags, needs=frozenset(needs))
    logs.set_up(loaded.settings.log.level, loaded.settings.log.format)
    for problem in () if is_told else loaded.warnings:
        logs.Events("settings").warning("variable.unknown", name=problem.where, hint=problem.message)
    return loaded


def checks_of(reader: ReaderSettings, environ: Environ) -> tuple[Check, ...]:
    """All checks of the reader file, disabled ones too. Raises ConfigurationError with every mistake."""
    return reader_file(reader, environ).checks


def reader_file(reader: ReaderSettings, environ: Environ) -> ReaderFile:
    """All that the reader file says. Raises ConfigurationError with every mistake."""
    from apistatus.probing.extract import compile_json_path, compile_regex
    from apistatus.settings.checks import load_reader_file

    return load_reader_file(
        reader.path, environ, default_interval_us=reader.default_interval_us,
        compile_json_path=compile_json_path, compile_regex=compile_regex,
    )  # fmt: skip


def new_metrics() -> Metrics:
    """Metrics of this process, with the version in them."""
    from apistatus import __version__
    from apistatus.runtime.metrics import Metrics

    metrics = Metrics()
    metrics.build.labels(__version__).set(1)
    return metrics
