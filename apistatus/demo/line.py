"""migrate, produce and consume as the processes that they are, and what can be seen of them."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import psycopg

from apistatus.demo.database import Database
from apistatus.demo.pages import Endpoint, Samples, totals
from apistatus.demo.processes import Child, ChildEnded, TooSlow, apistatus
from apistatus.demo.snapshot import CheckNow, Snapshot
from apistatus.demo.summary import Summary
from apistatus.demo.surroundings import Surroundings
from apistatus.runtime.stopping import Stop

_LISTENS_WITHIN_S: Final = 60.0
_PRODUCE_ENDS_WITHIN_S: Final = 30.0
_CONSUME_ENDS_WITHIN_S: Final = 30.0
_DRAINS_WITHIN_S: Final = 20.0
_POLL_S: Final = 0.1
_TROUBLE_SHOWN_S: Final = 20.0


@dataclass(slots=True)
class _Command:
    """A long-running command and its page."""

    child: Child
    page: Endpoint
    was_ready: bool = False


class Line:
    """The whole line, running: `snapshot` to look at it, `end` to end it in order."""

    def __init__(self, around: Surroundings, stop: Stop, *, group: int, connect_timeout_s: float) -> None:
        self._around, self._stop, self._group = around, stop, group
        self._connect_timeout_s = connect_timeout_s
        self._started_at = datetime.now(UTC)
        self._started = time.monotonic()
        self._database = Database(around.app, around.watched, around.location, self._started_at)
        self._checks: list[CheckNow] = [CheckNow(*check) for check in around.watched]
        self._commands: dict[str, _Command] = {}

    def start(self, stack: ExitStack) -> None:
        """Migrate, then start consume and produce; `stack` ends what is still there.

        Raises ChildEnded, TooSlow, Interrupted.
        """
        stack.callback(self._database.close)
        self._migrate(stack)
        children = {}
        for name, environ in (("consume", self._around.consume), ("produce", self._around.produce)):
            children[name] = child = Child(name, apistatus(name), environ, group=self._group)
            stack.callback(child.stop, _PRODUCE_ENDS_WITHIN_S)
        for name, child in children.items():
            listening = child.wait_for_record("web.listening", self._stop, _LISTENS_WITHIN_S)
            self._commands[name] = _Command(child, Endpoint(str(listening["host"]), int(listening["port"])))
        self._started = time.monotonic()

    def _migrate(self, stack: ExitStack) -> None:
        arguments = apistatus("migrate", "--connect-timeout", f"{self._connect_timeout_s:g}")
        child = Child("migrate", arguments, self._around.migrate, group=self._group)
        stack.callback(child.stop, _CONSUME_ENDS_WITHIN_S)
        if child.wait_for_end(self._stop):
            raise ChildEnded(child)

    def snapshot(self) -> Snapshot:
        """What can be seen now. Raises ChildEnded; TooSlow when a service is away from the start on."""
        for child in self._around.children:
            _require_life(child)
        troubles = []
        for command in self._commands.values():
            self._require_progress(command)
            if (trouble := command.child.trouble) and time.monotonic() - trouble[0] < _TROUBLE_SHOWN_S:
                troubles.append(trouble[1])
        try:
            self._checks = self._database.checks()
        except psycopg.Error as error:
            troubles.append(f"cannot read the database: {' '.join(str(error).split())}")
        counts = totals(self._samples("produce"), self._samples("consume"))
        return Snapshot(self._checks, counts, self._running_s(), troubles[-1] if troubles else None)

    def _samples(self, name: str) -> Samples | None:
        return self._commands[name].page.samples()

    def _running_s(self) -> float:
        return time.monotonic() - self._started

    def _require_progress(self, command: _Command) -> None:
        _require_life(command.child)
        if command.was_ready:
            return
        command.was_ready, said = command.page.ready()
        if not command.was_ready and self._running_s() > self._connect_timeout_s:
            waited = f"{self._connect_timeout_s:g} s (--connect-timeout)"
            raise TooSlow(f"`{command.child.name}` is not ready after {waited}: {said}")

    def end(self) -> Summary:
        """End produce, let consume store what is left, end consume, and count.

        Raises psycopg.Error when the database cannot be read any more.
        """
        produce, consume = self._commands["produce"].child, self._commands["consume"].child
        ran_s = self._running_s()
        produce.stop(_PRODUCE_ENDS_WITHIN_S)
        said = produce.record("produce.stopped") or {}
        made = int(said.get("made", 0)) + int(said.get("missed", 0))
        # What is in the spool is safe, but the broker has not taken it.
        unsent = int(said.get("unsent", 0)) + int(said.get("spooled", 0))
        self._drain(consume, made - unsent)
        consume.stop(_CONSUME_ENDS_WITHIN_S)
        stored = consume.record("consume.stopped") or {}
        return Summary(
            checks=self._database.summary(_DRAINS_WITHIN_S), ran_s=ran_s, produced=made - unsent, unsent=unsent,
            missed=int(said.get("missed", 0)), duplicates=int(stored.get("duplicates", 0)),
            dead_letters=int(stored.get("dead_letters", 0)),
        )  # fmt: skip

    def _drain(self, consume: Child, produced: int) -> None:
        """Wait until what was produced is stored, as long as consume can still store it."""
        until = time.monotonic() + _DRAINS_WITHIN_S
        while time.monotonic() < until and consume.exit_code is None:
            stored = self._database.summary(_DRAINS_WITHIN_S)
            if sum(check.ticks for check in stored) >= produced:
                return
            time.sleep(_POLL_S)


def _require_life(child: Child) -> None:
    """Raises ChildEnded, with all that it said, when the process has ended."""
    if child.exit_code is not None:
        child.stop(0)
        raise ChildEnded(child)
