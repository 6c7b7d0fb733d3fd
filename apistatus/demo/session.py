"""The demo from start to end: services, the line, the view, and everything ended in order."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import psycopg
from rich.console import Console

from apistatus.demo import cloud, local, summary
from apistatus.demo.displays import display
from apistatus.demo.guard import Guard
from apistatus.demo.line import Line
from apistatus.demo.processes import ChildEnded, Interrupted, TooSlow
from apistatus.demo.surroundings import Mode, Surroundings
from apistatus.demo.view import Frame
from apistatus.runtime.stopping import Stop, signals

_FRAME_S: Final = 0.5
_TRY_LATER: Final = 75
_PLAIN_WIDTH: Final = 120


class Session:
    """One run of the demo."""

    def __init__(self, mode: Mode, *, seconds: float | None, keep: bool, connect_timeout_s: float) -> None:
        self._mode, self._seconds, self._keep = mode, seconds, keep
        self._connect_timeout_s = connect_timeout_s
        self._stop = Stop()
        width = None if sys.stdout.isatty() else _PLAIN_WIDTH
        self._console = Console(highlight=False, width=width)

    def run(self, environ: Mapping[str, str]) -> int:
        """The exit code; see `run.run`."""
        terminal = sys.stdout.isatty()
        # A terminal that is closed sends SIGHUP: that ends the demo too.
        with signals(self._stop, self._stop.ask), Guard(terminal=terminal) as guard:
            try:
                return self._run(environ, guard)
            except Interrupted:
                self._say("stopped before the first result")
                return 0
            except ChildEnded as error:
                sys.stderr.write(f"apistatus: {error}\n")
                return error.exit_code
            except TooSlow as error:
                sys.stderr.write(f"apistatus: {error}\n")
                return _TRY_LATER

    def _run(self, environ: Mapping[str, str], guard: Guard) -> int:
        with ExitStack() as services:
            around = self._surroundings(environ, guard, services)
            with ExitStack() as commands:
                line = Line(around, self._stop, group=guard.group, connect_timeout_s=self._connect_timeout_s)
                self._say("starting migrate, consume and produce")
                line.start(commands)
                self._introduce(around)
                self._watch(line, around, guard)
                self._say("ending produce, then consume when it has stored what is left")
                code = self._conclude(line)
        for sentence in around.kept:
            self._say(sentence, copied=True)
        return code

    def _surroundings(self, environ: Mapping[str, str], guard: Guard, services: ExitStack) -> Surroundings:
        if self._mode == "cloud":
            return cloud.surroundings(environ, Path.cwd())
        # libpq would mix the person's own settings into connections to the throw-away server.
        for name in [name for name in os.environ if name.startswith("PG")]:
            del os.environ[name]
        return local.start(services, guard, self._stop, environ, keep=self._keep, say=self._say)

    def _introduce(self, around: Surroundings) -> None:
        self._say(f"look inside:  {around.look_inside}", copied=True)
        self._say(around.note)

    def _watch(self, line: Line, around: Surroundings, guard: Guard) -> None:
        ends = f"ends after {self._seconds:g} s" if self._seconds else "Ctrl+C ends it"
        frame = Frame(around.mode, around.look_inside, around.note, ends)
        until = None if self._seconds is None else time.monotonic() + self._seconds
        with display(self._console, frame, guard) as shown:
            while True:
                shown.show(line.snapshot())
                pause_s = _FRAME_S if until is None else min(_FRAME_S, until - time.monotonic())
                if pause_s <= 0 or self._stop.wait(pause_s):
                    return

    def _conclude(self, line: Line) -> int:
        try:
            ended = line.end()
        except psycopg.Error as error:
            sys.stderr.write(f"apistatus: the summary cannot be read from the database: {error}\n")
            return _TRY_LATER
        self._console.print(summary.render(ended))
        return ended.exit_code

    def _say(self, sentence: str, *, copied: bool = False) -> None:
        """Print it; what people copy is not broken into lines."""
        self._console.print(sentence, markup=False, soft_wrap=copied)
