"""`apistatus check-once`."""

from __future__ import annotations

import os
from typing import Any

import click

from apistatus.cli import check_once_options, options, outputs
from apistatus.cli.check_once_options import OnceCommand, flag, given, several
from apistatus.model.selection import Selection


@click.command(
    "check-once",
    cls=OnceCommand,
    epilog="Reads READER_CONF_FILE, API_READ_INTERVAL_SECS, APISTATUS_LOCATION, APISTATUS_MAX_IN_FLIGHT, "
    "APISTATUS_MAX_PER_HOST, APISTATUS_TLS_ENGINE, APISTATUS_DENY_NETWORKS, APISTATUS_RESOLVER, "
    "APISTATUS_NAME_SERVERS; with --publish KAFKA_* and APISTATUS_CLOUDEVENTS.",
)
@click.argument("names", nargs=-1, metavar="[CHECK|URL]...")
@several("--check", "more_names", metavar="NAME", help="A check by id or name, or a URL.")
@several("--group", "groups", metavar="GROUP", help="All checks of a group.")
@several("--label", "labels", metavar="K=V", callback=check_once_options.labels, help="All checks with it.")
@given("--output", type=click.Choice(outputs.FORMATS), default="text", show_default=True,
       help="Form of the answer.")  # fmt: skip
@flag("--strict", "Degraded counts as bad.")
@flag("--quiet", "Print only what is bad: nothing at all when all is well, except in json, junit and nagios.")
@given("--tz", "zone", default="UTC", metavar="ZONE", show_default=True, callback=check_once_options.zone,
       help="Time zone of text and junit.")  # fmt: skip
@given("--repeat", "rounds", type=click.IntRange(min=1), default=1, metavar="N", show_default=True,
       help="So many rounds; the exit code is that of the worst.")  # fmt: skip
@given("--every", "every_s", metavar="S", callback=check_once_options.seconds,
       help="Time from the start of a round to the next, like 30s; at once when not given.")  # fmt: skip
@flag("--publish", "Send the results to Kafka too, and wait until they are acknowledged.")
@check_once_options.ad_hoc
@options.connect_timeout()
@options.settings_flags("READER_CONF_FILE", "LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def command(
    names: tuple[str, ...], more_names: tuple[str, ...], groups: tuple[str, ...], labels: dict[str, str],
    output: str, *, strict: bool, quiet: bool, zone: Any, rounds: int, every_s: float | None, publish: bool,
    connect_timeout_s: float, **others: Any,
) -> int:  # fmt: skip
    """Run the checks a single time, for cron, CI and Kubernetes. A URL is checked ad hoc.

    Exit code 0: all well; 1: a check is down; 75: nothing could be told, try again; 2: usage. With
    --output nagios 0 to 3. A variable of an option that may be given several times holds one a line.
    """
    from apistatus.cli.answering import Answering
    from apistatus.wiring import once

    check_once_options.require_one_sense(output, rounds, every_s)
    order = once.Order(
        Selection(names=(*names, *more_names), groups=groups, labels=labels),
        check_once_options.request(others), rounds=rounds, every_s=every_s or 0.0,
        publish_within_s=connect_timeout_s if publish else None,
    )  # fmt: skip
    answering = Answering(output, rounds=rounds, strict=strict, quiet=quiet, zone=zone)
    return answering.exit_code(once.run(os.environ, options.flags(others), order, answering))
