"""`apistatus consume`."""

from __future__ import annotations

import os
from typing import Any

import click

from apistatus.cli import options
from apistatus.runtime import stopping


@click.command(
    "consume",
    epilog="Reads KAFKA_*, PGHOST, PGPORT, PGSSLMODE, PGAPPUSER, PGAPPPW, APPDB and libpq's other variables, "
    "APISTATUS_DEAD_LETTER_LIMIT, APISTATUS_RETENTION_DAYS, APISTATUS_GRACE_SECONDS. "
    "What cannot be stored goes on to the topic <KAFKA_STATUS_TOPIC>.dlq.",
)
@options.settings_flags(
    "APISTATUS_CONSUME_ON_RECREATED_TOPIC", "APISTATUS_CONSUME_ON_LOST_OFFSETS", "APISTATUS_LISTEN", "LOG_LEVEL",
    "APISTATUS_LOG_FORMAT",
)  # fmt: skip
def command(**given: Any) -> int:
    """Move results from the Kafka topic into PostgreSQL, each exactly once."""
    stopping.hold_hangup()
    from apistatus.wiring import consume

    return consume.run(os.environ, options.flags(given))
