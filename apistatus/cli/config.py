"""`apistatus config check | show | schema`."""

from __future__ import annotations

import os
from typing import Any

import click

from apistatus.cli import options


@click.group("config")
def command() -> None:
    """Validate and show the configuration; connects to nothing."""


@command.command("check")
@options.settings_flags("READER_CONF_FILE", "LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def check(**given: Any) -> int:
    """Validate all settings, the reader file and every file they name; exit code 2 on any mistake."""
    from apistatus.wiring import config

    for line in config.check(os.environ, options.flags(given)):
        click.echo(line)
    return 0


@command.command("show")
@options.settings_flags("READER_CONF_FILE", "LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def show(**given: Any) -> int:
    """Print every setting's effective value and where it comes from; secrets as ***."""
    from apistatus.wiring import config

    rows = config.show(os.environ, options.flags(given))
    width = max(len(variable) for variable, _, _ in rows)
    for variable, value, origin in rows:
        click.echo(f"{variable:<{width}}  {value}  ({origin})")
    return 0


@command.command("schema")
def schema() -> int:
    """Print the JSON Schema of the reader file, for editors."""
    import json

    from apistatus.wiring import config

    click.echo(json.dumps(config.schema(), indent=2, ensure_ascii=False))
    return 0
