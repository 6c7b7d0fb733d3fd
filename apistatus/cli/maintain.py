"""`apistatus maintain`."""

from __future__ import annotations

import os
from typing import Any

import click

from apistatus.cli import options


@click.command(
    "maintain",
    epilog="Reads PGHOST, PGPORT, PGSSLMODE, PGAPPUSER, PGAPPPW, APPDB, APISTATUS_RETENTION_DAYS and libpq's "
    "other variables.",
)
@click.option("--once", is_flag=True, envvar="APISTATUS_MAINTAIN_ONCE", show_envvar=True,
              help="Do what there is to do now and end, for cron.")  # fmt: skip
@options.connect_timeout()
@options.settings_flags("LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def command(*, once: bool, connect_timeout_s: float, **given: Any) -> int:
    """Partitions a week ahead, rollups of closed hours and days, retention, packed indexes.

    Safe to end at any point and to run twice. While another process is at it, nothing is done.
    """
    from apistatus.wiring import maintain

    if not once:
        raise click.UsageError("--once is needed: `consume` does the maintenance by itself all the time.")
    for line in maintain.once(os.environ, options.flags(given), connect_timeout_s):
        click.echo(line)
    return 0
