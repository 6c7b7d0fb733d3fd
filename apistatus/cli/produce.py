"""`apistatus produce`."""

from __future__ import annotations

import os
from typing import Any

import click

from apistatus.cli import options
from apistatus.runtime import stopping


@click.command(
    "produce",
    epilog="Reads READER_CONF_FILE, API_READ_INTERVAL_SECS, KAFKA_*, APISTATUS_LOCATION, "
    "APISTATUS_STATE_DIR, APISTATUS_SPOOL, APISTATUS_SPOOL_MAX_BYTES, APISTATUS_SPOOL_MAX_AGE, "
    "APISTATUS_MISSED_BACKFILL, APISTATUS_MAX_IN_FLIGHT, APISTATUS_MAX_PER_HOST, APISTATUS_PROCESSES, "
    "APISTATUS_TLS_ENGINE, APISTATUS_DENY_NETWORKS, APISTATUS_RESOLVER, APISTATUS_NAME_SERVERS, "
    "APISTATUS_CLOUDEVENTS, APISTATUS_GRACE_SECONDS. "
    "SIGHUP reloads the reader file.",
)
@options.settings_flags("READER_CONF_FILE", "APISTATUS_LISTEN", "LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def command(**given: Any) -> int:
    """Check every endpoint on its interval; each result goes to the Kafka topic."""
    stopping.hold_hangup()
    from apistatus.wiring import produce

    return produce.run(os.environ, options.flags(given))
