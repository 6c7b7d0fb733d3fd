"""`apistatus dead-letters list | show | replay | discard`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from apistatus.cli import letter_pages, options

F = TypeVar("F", bound=Callable[..., Any])

_LAST_ID: Final = 2**63 - 1

_CONDITIONS = (
    "Only those for which it holds: reason=CODE, partition=N, offset=N or N..M, topic=NAME, since=24h or an instant. "
    "May be given more than once: all have to hold, but one of several reasons."
)


@click.group("dead-letters")
def command() -> None:
    """Messages that could not be stored: look at them, send them again, or give them up.

    A replay or a discard makes `consume` count bad messages anew (APISTATUS_DEAD_LETTER_LIMIT).
    """


def _choosing(function: F) -> F:
    """Options that say which dead letters are meant."""
    where = click.option("--where", multiple=True, metavar="CONDITION", envvar="APISTATUS_DEAD_LETTERS_WHERE",
                         show_envvar=True, help=_CONDITIONS)  # fmt: skip
    return where(
        options.connect_timeout()(options.settings_flags("LOG_LEVEL", "APISTATUS_LOG_FORMAT")(function))
    )


def _acting(function: F) -> F:
    """Options of what changes something."""
    for option in (
        click.option("--dry-run", is_flag=True, envvar="APISTATUS_DEAD_LETTERS_DRY_RUN", show_envvar=True,
                     help="Only say what would be done."),
        click.option("--limit", type=click.IntRange(min=1), metavar="N", envvar="APISTATUS_DEAD_LETTERS_LIMIT",
                     show_envvar=True, help="So many at the most, the oldest first."),
        click.option("--all", "all_of_them", is_flag=True, envvar="APISTATUS_DEAD_LETTERS_ALL", show_envvar=True,
                     help="All of them, when nothing else is said."),
        click.argument("ids", nargs=-1, type=click.IntRange(1, _LAST_ID), metavar="[ID]..."),
    ):  # fmt: skip
        function = option(function)
    return function


def _output(function: F) -> F:
    return click.option(
        "--output", type=click.Choice(["text", "json"]), default="text", show_default=True,
        envvar="APISTATUS_DEAD_LETTERS_OUTPUT", show_envvar=True, help="Form of the answer.",
    )(function)  # fmt: skip


@command.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, metavar="N",
              envvar="APISTATUS_DEAD_LETTERS_LIMIT", show_envvar=True, help="The newest N.")  # fmt: skip
@click.option("--all", "discarded_too", is_flag=True, envvar="APISTATUS_DEAD_LETTERS_LIST_ALL", show_envvar=True,
              help="Discarded ones too.")  # fmt: skip
@_output
@_choosing
def list_command(
    where: tuple[str, ...], limit: int, output: str, *, discarded_too: bool, connect_timeout_s: float,
    **given: Any,
) -> None:  # fmt: skip
    """List the newest, and how many there are."""
    from apistatus.wiring import dead_letters
    from apistatus.wiring.letter_choice import Choice

    choice = Choice(where=where, discarded_too=discarded_too)
    found, count = dead_letters.find(os.environ, options.flags(given), choice, limit, connect_timeout_s)
    if output == "json":
        letters = [letter_pages.document(letter) for letter in found]
        click.echo(json.dumps({"dead_letters": letters, "count": count}, indent=2, ensure_ascii=False))
    else:
        click.echo(letter_pages.table(found, count))


@command.command("show")
@click.argument("number", type=click.IntRange(1, _LAST_ID), metavar="ID")
@_output
@options.connect_timeout()
@options.settings_flags("LOG_LEVEL", "APISTATUS_LOG_FORMAT")
def show_command(number: int, output: str, connect_timeout_s: float, **given: Any) -> int:
    """Show all of one, its bytes included. Exit code 1: there is none of that number."""
    from apistatus.wiring import dead_letters
    from apistatus.wiring.letter_choice import Choice

    choice = Choice(ids=(number,), discarded_too=True)
    found, _ = dead_letters.find(os.environ, options.flags(given), choice, 1, connect_timeout_s)
    if not found:
        click.echo(f"apistatus: there is no dead letter {number}; see: apistatus dead-letters list", err=True)
        return 1
    if output == "json":
        click.echo(json.dumps(letter_pages.document(found[0], whole=True), indent=2, ensure_ascii=False))
    else:
        click.echo(letter_pages.page(found[0]))
    return 0


@command.command("replay")
@click.option("--again", is_flag=True, envvar="APISTATUS_DEAD_LETTERS_AGAIN", show_envvar=True,
              help="Those that were replayed before too.")  # fmt: skip
@_acting
@_output
@_choosing
def replay_command(
    ids: tuple[int, ...], where: tuple[str, ...], output: str, *, limit: int | None, all_of_them: bool,
    dry_run: bool, again: bool, connect_timeout_s: float, **given: Any,
) -> int:  # fmt: skip
    """Send them to their own topic again, key and bytes as they came. Never more than three times.

    `consume` reads such a message as any other: it stores it when it can by now, or puts it aside again.
    Exit code 1: some were left alone.
    """
    from apistatus.wiring import dead_letters
    from apistatus.wiring.letter_choice import Choice

    choice = Choice(ids, where, all_of_them=all_of_them)
    done = dead_letters.replay(
        os.environ, options.flags(given), choice, limit=limit, dry_run=dry_run, again=again,
        within_s=connect_timeout_s,
    )  # fmt: skip
    click.echo(json.dumps(letter_pages.replay_document(done)) if output == "json"
               else letter_pages.replay_sentence(done, dry_run=dry_run))  # fmt: skip
    return 1 if done.too_often or done.busy else 0


@command.command("discard")
@_acting
@_output
@_choosing
def discard_command(
    ids: tuple[int, ...], where: tuple[str, ...], output: str, *, limit: int | None, all_of_them: bool,
    dry_run: bool, connect_timeout_s: float, **given: Any,
) -> None:  # fmt: skip
    """Give them up: they are listed no more, and stay in the table apistatus.dead_letter."""
    from apistatus.wiring import dead_letters
    from apistatus.wiring.letter_choice import Choice

    choice = Choice(ids, where, all_of_them=all_of_them)
    count = dead_letters.discard(
        os.environ, options.flags(given), choice, limit=limit, dry_run=dry_run, within_s=connect_timeout_s
    )
    said = "would be discarded" if dry_run else "discarded"
    click.echo(json.dumps({"discarded": count}) if output == "json" else f"{count} dead letters {said}")
