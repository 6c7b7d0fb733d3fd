"""What `check-once` says, round by round, in the form that was asked for; and its exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import Final

from apistatus.cli import stdout
from apistatus.cli.outputs import json, nagios, prometheus, text
from apistatus.cli.outputs.verdict import Answer, worst
from apistatus.cli.progress import Progress
from apistatus.errors import ApistatusError
from apistatus.model.check import Check
from apistatus.model.result import Result

_DOCUMENTS: Final[dict[str, Callable[[Answer], str]]] = {
    "json": json.render, "nagios": nagios.render, "prometheus": prometheus.render,
}  # fmt: skip


class Answering:
    """The `Listener` of a run. Every round is written whole, when it is complete; `jsonl` line by line,
    and JUnit XML as one document of all rounds, by `end`. Raises OSError when nothing can be written any more."""

    def __init__(self, form: str, *, rounds: int, strict: bool, quiet: bool, zone: tzinfo = UTC) -> None:
        self._form, self._rounds = form, rounds
        self._look = Answer((), strict=strict, quiet=quiet, zone=zone)
        self._answers: list[Answer] = []
        self._exit_codes: set[int] = set()
        self._progress = Progress("", 0, wanted=False)
        self._timeouts_us: dict[str, int] = {}
        self._written = False
        self.unpublished: ApistatusError | None = None
        """Why the results of the last round that has such a reason did not reach the topic."""

    def round_begins(self, number: int, checks: Sequence[Check]) -> None:
        self._timeouts_us = {check.id: check.timeout_us for check in checks}
        # Lines of results and a line that is drawn over itself do not go together on one terminal.
        wanted = not (self._form == "jsonl" and stdout.is_terminal())
        what = f"round {number} of {self._rounds}: " if self._rounds > 1 else ""
        self._progress = Progress(what, len(checks), wanted=wanted)

    def result(self, result: Result) -> None:
        self._progress.add(result.status)
        if self._form == "jsonl" and (not self._look.quiet or self._look.is_bad(result)):
            stdout.write(json.line(result))

    def round_ends(self, results: Sequence[Result], unpublished: ApistatusError | None) -> None:
        self._progress.end()
        self.unpublished = unpublished or self.unpublished
        trouble = None if unpublished is None else str(unpublished)
        answer = replace(self._look, results=results, timeouts_us=self._timeouts_us, trouble=trouble)
        self._exit_codes.add(nagios.exit_code(answer) if self._form == "nagios" else answer.exit_code)
        if self._form == "text":
            self._write_table(answer)
        elif self._form == "junit":
            self._answers.append(answer)
        elif self._form in _DOCUMENTS:
            stdout.write(_DOCUMENTS[self._form](answer))

    def end(self) -> None:
        if self._form == "junit":
            from apistatus.cli.outputs import junit  # XML, which the other forms do without

            stdout.write(junit.render(self._answers))

    def exit_code(self, by_signal: int) -> int:
        """That of the worst round, or of the signal that cut the run off. Raises `unpublished`.

        A Nagios plugin has only the codes 0 to 3, and its line says the rest.
        """
        if self._form == "nagios":
            return max(self._exit_codes, default=nagios.UNKNOWN)
        if self.unpublished is not None and not by_signal:
            raise self.unpublished
        return by_signal or worst(tuple(self._exit_codes))

    def _write_table(self, answer: Answer) -> None:
        colourful = stdout.is_terminal() and not os.environ.get("NO_COLOR")
        table = text.render(answer, colourful=colourful)
        if table and self._written:
            table = f"\n{table}"
        stdout.write(table, encoding=None)
        self._written = self._written or bool(table)
