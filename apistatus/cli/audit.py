"""`apistatus audit`."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

from apistatus.cli import options


@click.command(
    "audit",
    epilog="Reads PGHOST, PGPORT, PGSSLMODE, PGAPPUSER, PGAPPPW, APPDB, libpq's other variables and KAFKA_*.",
)
@click.option("--from", "from_text", default="-24h", metavar="INSTANT", show_default=True,
              envvar="APISTATUS_AUDIT_FROM", show_envvar=True,
              help="Beginning: ISO 8601 (UTC unless it names a zone), or -24h for so long ago.")  # fmt: skip
@click.option("--to", "to_text", default="now", metavar="INSTANT", show_default=True,
              envvar="APISTATUS_AUDIT_TO", show_envvar=True,
              help="End. A tick counts once its interval (10 min at most) and a minute are over.")  # fmt: skip
@click.option("--check", "checks", multiple=True, metavar="ID", envvar="APISTATUS_AUDIT_CHECK", show_envvar=True,
              help="Only this check; may be given more than once.")  # fmt: skip
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True,
              envvar="APISTATUS_AUDIT_OUTPUT", show_envvar=True, help="Form of the answer.")  # fmt: skip
@click.option("--verbose", is_flag=True, envvar="APISTATUS_AUDIT_VERBOSE", show_envvar=True,
              help="List every definition, not only where something is odd.")  # fmt: skip
@click.option("--no-kafka", is_flag=True, envvar="APISTATUS_AUDIT_NO_KAFKA", show_envvar=True,
              help="Do not hold the offsets against the topic's.")  # fmt: skip
@options.connect_timeout()
@options.settings_flags("LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def command(
    from_text: str, to_text: str, checks: tuple[str, ...], output: str, *, verbose: bool, no_kafka: bool,
    connect_timeout_s: float, **given: Any,
) -> int:  # fmt: skip
    """Hold the ticks that were to be expected against rows, gaps, dead letters and offsets. Only reads.

    Exit code 0: all is explained; 1: something is not; 75: a service is away, or nothing can be told
    yet; 2: usage.
    """
    from apistatus.audit.document import document
    from apistatus.audit.page import answer, page
    from apistatus.wiring import audit

    asked = audit.Asked(from_text, to_text, checks, with_kafka=not no_kafka)
    report = audit.run(os.environ, options.flags(given), asked, connect_timeout_s)
    if output == "json":
        click.echo(json.dumps(document(report), indent=2, ensure_ascii=False))
    else:
        colour = {0: "green", 1: "red"}.get(report.exit_code, "yellow")
        colourful = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        last = click.style(answer(report), fg=colour) if colourful else answer(report)
        click.echo(f"{page(report, everything=verbose)}\n\n{last}")
    return report.exit_code
