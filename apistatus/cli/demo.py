"""`apistatus demo`."""

from __future__ import annotations

import os
from typing import Any, Literal

import click

from apistatus.cli import options


@click.command("demo")
@click.argument("mode", type=click.Choice(["local", "cloud"]), default="local")
@click.option("--seconds", type=click.FloatRange(min=1), metavar="N", envvar="APISTATUS_DEMO_SECONDS",
              show_envvar=True, help="End by itself after so many seconds.")  # fmt: skip
@click.option("--keep", is_flag=True, envvar="APISTATUS_DEMO_KEEP", show_envvar=True,
              help="Leave the database behind and say where it is.")  # fmt: skip
@options.connect_timeout()
@options.settings_flags("LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def command(
    mode: Literal["local", "cloud"], *, seconds: float | None, keep: bool, connect_timeout_s: float,
    **given: Any,
) -> int:  # fmt: skip
    """See all of it work: migrate, produce and consume with a live view; Ctrl+C ends it.

    local: a throw-away PostgreSQL, an in-memory broker and sample targets on this machine.
    cloud: the Kafka and PostgreSQL that the environment names, certificates in certs/ (ca.pem,
    service.cert, service.key); KAFKAHOST is taken as bootstrap server.
    """
    from apistatus.demo import run

    environ = {**os.environ, **options.flags(given)}
    return run.run(mode, seconds=seconds, keep=keep, environ=environ, connect_timeout_s=connect_timeout_s)
