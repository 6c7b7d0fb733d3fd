"""Settings out of environment and flags: read once, complete, or an error that names every mistake."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from apistatus.errors import ConfigurationError, Problem
from apistatus.settings.schema import (
    ConsumeSettings,
    LogSettings,
    ProbeSettings,
    ReaderSettings,
    ServiceSettings,
    Settings,
    StorageSettings,
)
from apistatus.settings.service_settings import kafka_settings, postgres_settings
from apistatus.settings.sources import Reading, read, unknown_names
from apistatus.settings.variables import NEEDS, VARIABLES

_NO_FLAGS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, what is doubtful about them, and where each value came from."""

    settings: Settings
    warnings: tuple[Problem, ...]
    """Unknown `APISTATUS_*` variables; `config check` counts them as mistakes."""
    origins: Mapping[str, str]
    """Variable -> `default`, `environment`, `flag`, `file PATH`, `derived` or the variable it follows from."""
    texts: Mapping[str, str | None] = field(repr=False)


class VariableDoc(NamedTuple):
    """A row of the settings table in the README."""

    name: str
    default: str | None
    meaning: str


def load(
    environ: Mapping[str, str],
    flags: Mapping[str, str] = _NO_FLAGS,
    *,
    needs: Collection[str] = NEEDS,
    now: datetime | None = None,
) -> Loaded:
    """Defaults, overruled by the environment, overruled by `flags` (by variable name).

    Only the groups in `needs` are looked at (`variables.NEEDS`); the others keep their defaults, so
    that a command never fails for a setting it does not use. `now` is what certificates' dates are
    held against. Raises ConfigurationError with all mistakes.
    """
    if not NEEDS.issuperset(needs):
        raise ValueError(f"unknown groups of settings: {sorted(set(needs) - NEEDS)}")
    reading = read(environ, flags, {"log", *needs})
    kafka = kafka_settings(reading, needs, now or datetime.now(UTC))
    app, migrate = postgres_settings(reading, environ, needs)
    _derive_state_dir(reading, environ, needs)
    if reading.values["APISTATUS_RESOLVER"] == "system" and reading.given("APISTATUS_NAME_SERVERS"):
        reading.fail(
            "APISTATUS_NAME_SERVERS", "cannot be chosen where APISTATUS_RESOLVER is system; unset one of them"
        )
    if reading.problems:
        raise ConfigurationError(reading.problems)
    values = reading.values
    settings = Settings(
        log=LogSettings(values["LOG_LEVEL"], values["APISTATUS_LOG_FORMAT"]),
        kafka=kafka,
        app=app,
        migrate=migrate,
        reader=ReaderSettings(values["READER_CONF_FILE"], values["API_READ_INTERVAL_SECS"]),
        probe=ProbeSettings(
            location=values["APISTATUS_LOCATION"],
            state_dir=values["APISTATUS_STATE_DIR"],
            max_in_flight=values["APISTATUS_MAX_IN_FLIGHT"],
            processes=values["APISTATUS_PROCESSES"],
            cloudevents=values["APISTATUS_CLOUDEVENTS"],
            deny_networks=values["APISTATUS_DENY_NETWORKS"],
            tls_engine=values["APISTATUS_TLS_ENGINE"],
            max_per_host=values["APISTATUS_MAX_PER_HOST"],
            resolver=values["APISTATUS_RESOLVER"],
            name_servers=values["APISTATUS_NAME_SERVERS"] or (),
            spool=values["APISTATUS_SPOOL"],
            spool_max_bytes=values["APISTATUS_SPOOL_MAX_BYTES"],
            spool_max_age_us=values["APISTATUS_SPOOL_MAX_AGE"],
            missed_backfill_us=values["APISTATUS_MISSED_BACKFILL"],
        ),
        service=ServiceSettings(values["APISTATUS_GRACE_SECONDS"], values["APISTATUS_LISTEN"]),
        storage=StorageSettings(values["APISTATUS_RETENTION_DAYS"]),
        consume=ConsumeSettings(
            dead_letter_limit=values["APISTATUS_DEAD_LETTER_LIMIT"],
            on_recreated_topic=values["APISTATUS_CONSUME_ON_RECREATED_TOPIC"],
            on_lost_offsets=values["APISTATUS_CONSUME_ON_LOST_OFFSETS"],
        ),
    )
    return Loaded(settings, tuple(unknown_names(environ)), reading.origins, reading.texts)


def _derive_state_dir(reading: Reading, environ: Mapping[str, str], needs: Collection[str]) -> None:
    """XDG Base Directory Specification: a relative XDG_STATE_HOME is to be ignored."""
    if reading.given("APISTATUS_STATE_DIR"):
        return
    state_home, home = environ.get("XDG_STATE_HOME", ""), environ.get("HOME", "")
    if Path(state_home).is_absolute():
        path, origin = Path(state_home) / "apistatus", "XDG_STATE_HOME"
    elif Path(home).is_absolute():
        path, origin = Path(home) / ".local" / "state" / "apistatus", "default"
    else:
        if {"probe", "service"} <= set(needs):  # `produce`: a single run keeps nothing
            reading.fail(
                "APISTATUS_STATE_DIR", "not set, and neither XDG_STATE_HOME nor HOME says where to keep state"
            )
        path, origin = Path(), "default"
    reading.put("APISTATUS_STATE_DIR", path, str(path), origin)


def effective(loaded: Loaded) -> list[tuple[str, str, str]]:
    """(variable, value as shown, origin) of every setting, in the table's order; secrets as `***`."""
    rows = []
    for variable in VARIABLES:
        text = loaded.texts[variable.name]
        shown = "none" if not text else "***" if variable.secret else text
        rows.append((variable.name, shown, loaded.origins[variable.name]))
    return rows


def documentation() -> list[VariableDoc]:
    """Every variable with its default (None: no value) and a sentence, for the README's table."""
    return [VariableDoc(variable.name, variable.default, variable.meaning) for variable in VARIABLES]
