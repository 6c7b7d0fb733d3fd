"""`apistatus health`."""

from __future__ import annotations

import os

import click


@click.command("health")
@click.argument("url", required=False)
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0.1), default=3.0, show_default=True,
              metavar="SECONDS", envvar="APISTATUS_HEALTH_TIMEOUT", show_envvar=True,
              help="How long to wait for the answer.")  # fmt: skip
def command(url: str | None, timeout_s: float) -> int:
    """Ask a running command whether it is ready: exit code 0 or 1, for container health checks.

    URL is by default http://HOST:PORT/ready of APISTATUS_LISTEN.
    """
    from apistatus.wiring import health

    ready, said = health.ask(os.environ, url, timeout_s)
    click.echo(said, err=not ready)
    return 0 if ready else 1
