"""Options of `check-once`: each has a variable, and a mistake is told in the form that was asked for."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from apistatus.cli import outputs
from apistatus.errors import ApistatusError

if TYPE_CHECKING:
    from apistatus.settings.ad_hoc import AdHocRequest

F = TypeVar("F", bound=Callable[..., Any])

_PREFIX: Final = "APISTATUS_CHECK_ONCE_"
_UNKNOWN: Final = 3
"""Exit code of a Nagios plugin that cannot tell; its module is only loaded when it is needed."""

_BROKEN_PIPE: Final = 128 + signal.SIGPIPE
"""What a shell says of a program whose reader went away."""


class Lines(click.types.StringParamType):
    """A text; a variable holds several of them, one a line, because names and headers have spaces."""

    def split_envvar_value(self, rv: str) -> list[str]:
        return [line.strip() for line in rv.splitlines() if line.strip()]


def given(*declarations: str, **attributes: Any) -> Callable[[F], F]:
    """An option with its variable, shown in its help."""
    variable = _PREFIX + declarations[0].removeprefix("--").replace("-", "_").upper()
    return click.option(*declarations, envvar=variable, show_envvar=True, **attributes)


def several(*declarations: str, **attributes: Any) -> Callable[[F], F]:
    """An option that may be given several times."""
    return given(*declarations, multiple=True, type=Lines(), **attributes)


def flag(declaration: str, sentence: str) -> Callable[[F], F]:
    """An option without a value."""
    return given(declaration, is_flag=True, help=sentence)


_AD_HOC: Final = (
    several("--expect-status", metavar="CODES", help="URL: accepted status codes, like 200,3xx,401-403 "
            "(2xx when not given)."),
    given("--json-path", metavar="PATH", help="URL: the element of the JSON body to keep as the value."),
    given("--regex", metavar="PATTERN", help="URL: what to look for in the body; its first group is the value."),
    given("--sla-ms", metavar="MS", help="URL: slower than this is degraded."),
    several("--header", metavar="'NAME: VALUE'", help="URL: a header to send; a secret is safer in the variable."),
    given("--timeout", metavar="S", help="URL: longest time of all of it, like 5s (10s when not given)."),
    given("--method", metavar="METHOD", help="URL: HTTP method (GET when not given)."),
)  # fmt: skip


def ad_hoc(function: F) -> F:
    """Add the options of checks that are made from a URL; `request` collects them again."""
    for option in reversed(_AD_HOC):
        function = option(function)
    return function


def request(others: Mapping[str, Any]) -> AdHocRequest:
    """What these options say, unread."""
    from dataclasses import fields

    from apistatus.settings.ad_hoc import AdHocRequest

    return AdHocRequest(**{entry.name: others[entry.name] for entry in fields(AdHocRequest)})


def labels(_context: click.Context, _parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Label -> value. Raises BadParameter."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise click.BadParameter(f"{pair!r} is not of the form key=value")
        if found.setdefault(key, value) != value:
            raise click.BadParameter(f"{key!r} cannot have two values at once")
    return found


def zone(_context: click.Context, _parameter: click.Parameter, name: str) -> tzinfo:
    """The time zone. Raises BadParameter for one that this machine does not know."""
    if name == "UTC":
        return UTC  # it needs no time zone data, which small images lack
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise click.BadParameter(f"{name!r} is no time zone known here") from error


def seconds(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float | None:
    """Seconds of a duration up to 7 days. Raises BadParameter."""
    if text is None:
        return None
    from apistatus.settings import quantities

    try:
        return quantities.duration_within(text, "0s", "7d") / 1_000_000
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def require_one_sense(output: str, rounds: int, every_s: float | None) -> None:
    """Raises UsageError for options that do not go together."""
    if every_s is not None and rounds == 1:
        raise click.UsageError("--every is the time between rounds: it needs --repeat with 2 or more.")
    if rounds > 1 and output in outputs.ONE_ROUND:
        raise click.UsageError(
            f"--output {output} is one answer for whoever reads it; --repeat goes with the other outputs."
        )


class OnceCommand(click.Command):
    """The command, whose mistakes are UNKNOWN on standard output when a Nagios plugin is wanted."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        wanted = _wanted_output(args, os.environ)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            if wanted != "nagios":
                raise
            raise _unknown(error.format_message()) from error

    def invoke(self, ctx: click.Context) -> Any:
        from apistatus.cli import stdout

        stdout.fill_closed()
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            stdout.give_up()
            raise click.exceptions.Exit(_BROKEN_PIPE) from error
        except stdout.Unwritable as error:
            click.echo(f"apistatus: {error}", err=True)
            code = _UNKNOWN if ctx.params.get("output") == "nagios" else 1
            raise click.exceptions.Exit(code) from error
        except click.exceptions.Exit:
            raise
        except (Exception, KeyboardInterrupt) as error:  # a plugin has to say something, whatever it is
            if ctx.params.get("output") != "nagios":
                raise
            raise _unknown(_told(error)) from error


def _wanted_output(args: Sequence[str], environ: Mapping[str, str]) -> str:
    """The output that is asked for on a command line that may not be a valid one."""
    wanted = environ.get(f"{_PREFIX}OUTPUT", "")
    for word, following in pairwise([*args, ""]):
        if word == "--":
            break
        if word == "--output":
            wanted = following
        elif word.startswith("--output="):
            wanted = word.partition("=")[2]
    return wanted


def _told(error: BaseException) -> str:
    if isinstance(error, ApistatusError):
        return "; ".join(str(error).splitlines())
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return "interrupted before any check was made"
    return f"internal error: {type(error).__name__}: {error}"


def _unknown(trouble: str) -> click.exceptions.Exit:
    from apistatus.cli import stdout
    from apistatus.cli.outputs import nagios

    with contextlib.suppress(OSError):  # the exit code says it too
        stdout.write(nagios.unknown(trouble))
    return click.exceptions.Exit(_UNKNOWN)
