"""`apistatus migrate`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

from apistatus.cli import options

F = TypeVar("F", bound=Callable[..., Any])


Mode = Literal["status", "dry-run", "verify"]


def _mode(declaration: str, sentence: str) -> Callable[[F], F]:
    variable = f"APISTATUS_MIGRATE_{declaration.removeprefix('--').replace('-', '_').upper()}"
    return click.option(declaration, is_flag=True, envvar=variable, show_envvar=True, help=sentence)


@click.command(
    "migrate",
    epilog="Reads PGHOST, PGPORT, PGSSLMODE, PGUSER, PGPW, PGDB (administrative role), PGAPPUSER, PGAPPPW, "
    "APPDB, PGREADUSER, PGREADPW and libpq's other variables.",
)
@_mode("--status", "List which files are applied; change nothing.")
@_mode("--dry-run", "Print the SQL that would run; change nothing.")
@_mode("--verify", "Compare checksums; exit code 1 on drift.")
@options.connect_timeout()
@options.settings_flags("LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def command(*, status: bool, dry_run: bool, verify: bool, connect_timeout_s: float, **given: Any) -> int:
    """Create or update database, roles and schema, as the administrative role."""
    from apistatus.wiring import migrate

    modes: tuple[tuple[Mode, bool], ...] = (("status", status), ("dry-run", dry_run), ("verify", verify))
    asked = [mode for mode, wanted in modes if wanted]
    if len(asked) > 1:
        raise click.UsageError(f"--{' and --'.join(asked)} exclude each other.")
    mode = asked[0] if asked else "apply"
    lines, exit_code = migrate.run(os.environ, options.flags(given), mode, connect_timeout_s)
    for line in lines:
        click.echo(line)
    return exit_code
