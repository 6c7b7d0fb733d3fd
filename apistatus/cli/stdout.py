"""Standard output, written whole and in the encoding that its reader expects."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Final

import click

_LAST_STANDARD_STREAM: Final = 2


class Unwritable(OSError):
    """Standard output takes nothing, and not because its reader went away: a full disk, for one."""


def write(text: str, *, encoding: str | None = "utf-8") -> None:
    """Write the text and flush it; None is the terminal's encoding. What that lacks becomes `?`.

    Nothing is written where there is no standard output. Raises BrokenPipeError and Unwritable.
    """
    if not text or sys.stdout is None:
        return
    stream = sys.stdout.buffer
    try:
        stream.write(text.encode(encoding or sys.stdout.encoding or "utf-8", "replace"))
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        give_up()
        raise Unwritable(f"cannot write to standard output: {error.strerror or error}") from error


@contextlib.contextmanager
def told_when_full() -> Iterator[None]:
    """Raises Unwritable in place of the OSError with which click.echo fails when nothing more can be written."""
    try:
        yield
    except OSError as error:
        if isinstance(error, Unwritable) or not _is_of_echo(error):
            raise
        give_up()
        raise Unwritable(f"cannot write to standard output: {error.strerror or error}") from error


def _is_of_echo(error: OSError) -> bool:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    frame = place.tb_frame if place is not None else None
    return frame is not None and frame.f_code is click.echo.__code__ and not frame.f_locals["err"]


def give_up() -> None:
    """Let what is left in the buffer go nowhere: it would fail again, loudly, at the end of the process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def fill_closed() -> None:
    """Put something harmless in place of standard streams that came closed (`>&-`): the next file that is
    opened would take their numbers, and libuv ends the process over a file of its own among them."""
    while (lowest_free := os.open(os.devnull, os.O_RDWR)) <= _LAST_STANDARD_STREAM:
        pass
    os.close(lowest_free)


def is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()
