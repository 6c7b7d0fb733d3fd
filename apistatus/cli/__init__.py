"""The program's commands. A module here parses and hands over to wiring; it holds no logic."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import cast

import click

from apistatus import __version__
from apistatus.cli import (
    audit,
    bench,
    check_once,
    config,
    consume,
    dead_letters,
    demo,
    health,
    history,
    maintain,
    migrate,
    produce,
    report,
    stdout,
)  # fmt: skip
from apistatus.errors import ApistatusError, ConfigurationError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Settings are environment variables; every command's --help names those it reads.",
)
@click.version_option(__version__, prog_name="apistatus")
def cli() -> None:
    """Check web endpoints, keep every result: endpoints -> Kafka -> PostgreSQL, exactly once."""


for module in (
    produce, consume, migrate, check_once, report, history, audit, dead_letters, maintain, config, demo, health,
    bench,
):  # fmt: skip
    cli.add_command(module.command)


def main(args: Sequence[str] | None = None) -> None:
    """Run the program and exit with its code: 0 well, 1 bad answer, 2 usage, 75 try again later."""
    # httpx has a command line of its own, which is never used here and brings rich along where it is installed:
    # 6 MB and a tenth of a second. It does without what cannot be imported.
    sys.modules.setdefault("httpx._main", cast(ModuleType, None))
    try:
        with stdout.told_when_full():
            code = cli.main(args, prog_name="apistatus", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except ApistatusError as error:
        click.echo(_block(error), err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except stdout.Unwritable as error:
        click.echo(f"apistatus: {error}", err=True)
        code = 1
    except Exception as error:  # the last fence: nobody should meet a stack trace by accident
        if logging.getLogger("apistatus").isEnabledFor(logging.DEBUG):
            raise
        click.echo(
            f"apistatus: internal error: {type(error).__name__}: {error}\n"
            "This is a defect of apistatus; --log-level DEBUG shows where it happened.",
            err=True,
        )
        code = 1
    _fall_silent()
    sys.exit(code or 0)


def _fall_silent() -> None:
    """No thread logs any more: CPython aborts when it ends while one of its daemon threads holds standard error."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr:
            handler.setStream(io.StringIO())


def _block(error: ApistatusError) -> str:
    if isinstance(error, ConfigurationError) and len(error.problems) > 1:
        return f"apistatus: {len(error.problems)} mistakes in the configuration:\n{error}"
    return f"apistatus: {error}"
