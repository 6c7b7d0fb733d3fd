"""`apistatus consume`."""

from __future__ import annotations

import os
from typing import Any

import click

from apistatus.cli import options


@click.command(
    "consume",
    epilog="Reads KAFKA_*, PGHOST, PGPORT, PGSSLMODE, PGAPPUSER, PGAPPPW, APPDB and libpq's other variables.",
)
@options.settings_flags("APISTATUS_LISTEN", "LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def command(**given: Any) -> int:
    """Move results from the Kafka topic into PostgreSQL, each exactly once."""
    from apistatus.wiring import consume

    return consume.run(os.environ, options.flags(given))
