"""`apistatus migrate`."""

from __future__ import annotations

import os
from typing import Any, Literal

import click

from apistatus.cli import options


@click.command(
    "migrate",
    epilog="Reads PGHOST, PGPORT, PGSSLMODE, PGUSER, PGPW, PGDB (administrative role), PGAPPUSER, PGAPPPW, "
    "APPDB, PGREADUSER, PGREADPW and libpq's other variables.",
)
@click.option("--status", "mode", flag_value="status", help="List which files are applied; change nothing.")
@click.option("--dry-run", "mode", flag_value="dry-run", help="Print the SQL that would run; change nothing.")
@click.option("--verify", "mode", flag_value="verify", help="Compare checksums; exit code 1 on drift.")
@options.connect_timeout()
@options.settings_flags("LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def command(
    mode: Literal["status", "dry-run", "verify"] | None, connect_timeout_s: float, **given: Any
) -> int:
    """Create or update database, roles and schema, as the administrative role."""
    from apistatus.wiring import migrate

    lines, exit_code = migrate.run(os.environ, options.flags(given), mode or "apply", connect_timeout_s)
    for line in lines:
        click.echo(line)
    return exit_code
