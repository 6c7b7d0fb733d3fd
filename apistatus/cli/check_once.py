"""`apistatus check-once`."""

from __future__ import annotations

import os
from typing import Any

import click

from apistatus.cli import options, outputs
from apistatus.model.selection import Selection


def _label(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    wrong = [text for text in given if "=" not in text]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not of the form key=value")
    return dict(text.split("=", 1) for text in given)


@click.command("check-once")
@click.argument("names", nargs=-1, metavar="[CHECK|URL]...")
@click.option("--check", "more_names", multiple=True, metavar="NAME", help="A check by id or name.")
@click.option("--group", "groups", multiple=True, metavar="GROUP", help="All checks of a group.")
@click.option("--label", "labels", multiple=True, metavar="K=V", callback=_label, help="All checks with it.")
@click.option("--output", type=click.Choice(outputs.FORMATS), default="text", show_default=True,
              envvar="APISTATUS_CHECK_ONCE_OUTPUT", show_envvar=True, help="Form of the answer.")  # fmt: skip
@click.option("--strict", is_flag=True, envvar="APISTATUS_CHECK_ONCE_STRICT", show_envvar=True,
              help="Degraded counts as bad.")  # fmt: skip
@click.option("--quiet", is_flag=True, envvar="APISTATUS_CHECK_ONCE_QUIET", show_envvar=True,
              help="Print only what is bad; nothing when all is well.")  # fmt: skip
@click.option("--tz", "zone", default="UTC", metavar="ZONE", show_default=True, help="Time zone of the text.",
              envvar="APISTATUS_CHECK_ONCE_TZ", show_envvar=True)  # fmt: skip
@click.option("--publish", is_flag=True, envvar="APISTATUS_CHECK_ONCE_PUBLISH", show_envvar=True,
              help="Send the results to Kafka too, and wait until they are acknowledged.")  # fmt: skip
@options.connect_timeout()
@options.settings_flags("READER_CONF_FILE", "LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def command(
    names: tuple[str, ...], more_names: tuple[str, ...], groups: tuple[str, ...], labels: dict[str, str],
    output: str, *, strict: bool, quiet: bool, zone: str, publish: bool, connect_timeout_s: float,
    **given: Any,
) -> int:  # fmt: skip
    """Run the checks a single time, for cron, CI and Kubernetes. A URL is checked ad hoc.

    Exit code 0: all well; 1: a check is down; 75: nothing could be told, try again; 2: usage.
    """
    from apistatus.wiring import once

    outputs.require_zone(zone)
    selection = Selection(names=(*names, *more_names), groups=groups, labels=labels)
    made = once.run(
        os.environ, options.flags(given), selection, publish_within_s=connect_timeout_s if publish else None
    )
    text = outputs.render(made.results, output, zone=zone, strict=strict, quiet=quiet)
    if text:
        click.echo(text, nl=not text.endswith("\n"))
    if made.unpublished is not None and not made.signal_exit_code:
        raise made.unpublished
    return made.signal_exit_code or outputs.exit_code(made.results, strict=strict)
