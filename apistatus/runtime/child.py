"""A process of ours that a supervisor keeps: asked over its standard input, answering on its standard output.

Its standard input ends with the supervisor, however that ends, so no child is left behind.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

import apistatus as package
from apistatus.runtime.logs import Events

log = Events("processes")

Answer = Mapping[str, Any]

_ASK_AGAIN_S: Final = 1.0
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 30.0
_SILENT_S: Final = 60.0
"""A child that has answered, and then does not for so long, does not move any more."""
_STARTING_S: Final = 600.0
"""Before its first answer it may take so long: 100,000 checks are read on a slow machine."""
_WELL_S: Final = 60.0
"""A child that ran so long is started again at once when it ends."""
_STOP: Final = "stop"


def python() -> list[str]:
    """The command of this Python, so that a child finds the very package that runs now.

    `-P`: files in the folder where we were started must not pass for modules.
    """
    in_checkout = Path(package.__file__).parents[1] == Path.cwd()
    return [sys.executable] if in_checkout else [sys.executable, "-P"]


class Child:
    """One child process, started again when it ends by itself, later and later while it keeps ending."""

    def __init__(
        self, name: str, module: str, order: Mapping[str, object], *, ended: Callable[[Answer], None]
    ) -> None:
        """`python -m module` gets `order` as its first line. `ended` is told the last answer of each that ended."""
        self.name = name
        self._module, self._order, self._ended = module, order, ended
        self._process: subprocess.Popen[bytes] | None = None
        self._answer: Answer = {}
        self._answered_s = self._asked_s = self._started_s = self._due_s = 0.0
        self._listener = threading.Thread()
        self._wait_s = _FIRST_WAIT_S / 2
        self.exit_code: int | None = None
        """Of the process that ended last."""

    def look_after(self) -> None:
        """Start it when it is due, notice when it has ended, ask it how it is. Blocks for no child."""
        if self._process is None:
            if time.monotonic() >= self._due_s:
                self._start()
        elif self._has_ended(self._process):
            self._put_off(ran_well=time.monotonic() - self._started_s >= _WELL_S)
            log.error("process.ended", name=self.name, exit_code=self.exit_code, again_in_s=self._wait_s)
        elif self._stands_still():
            log.error("process.stands_still", name=self.name, hint="it is killed, and started again")
            self._process.kill()
        elif self._answered_s >= self._asked_s and time.monotonic() >= self._asked_s + _ASK_AGAIN_S:
            self._asked_s = time.monotonic()
            self._say(self._process, "?")

    def _stands_still(self) -> bool:
        if self._answer:
            return time.monotonic() - self._answered_s > _SILENT_S
        return time.monotonic() - self._started_s > _STARTING_S

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self._process is not None:
            with suppress(ProcessLookupError):  # it has ended: noticed at the next look
                self._process.send_signal(number)

    def ask_to_end(self) -> None:
        """Have it end in order, if it runs; one that has not answered yet has not begun, and ends at once."""
        if self._process is None:
            return
        if self._answer:
            # No signal: systemd and others send theirs to every process, and a second one cuts work off.
            self._say(self._process, _STOP)
        else:
            self.send(signal.SIGTERM)

    def end(self, until_s: float) -> int | None:
        """Wait for its end until then (`time.monotonic`), and kill it after that. Its exit code; None: it never ran,
        or SIGTERM came before it began."""
        process = self._process
        if process is None:
            return self.exit_code
        answered = bool(self._answer)
        try:
            process.wait(max(0.0, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("process.killed", name=self.name)
            process.kill()
            process.wait()
        self._has_ended(process)
        return None if process.returncode == -signal.SIGTERM and not answered else self.exit_code

    @property
    def answer(self) -> Answer:
        """What it last said; empty while it has not."""
        return self._answer

    @property
    def runs(self) -> bool:
        return self._process is not None

    @property
    def did_not_come_back(self) -> bool:
        """True when the last one that was started has not answered, and one before it had."""
        return 0 < self._answered_s < self._started_s

    def _start(self) -> None:
        self._started_s = time.monotonic()
        self._asked_s = 0.0
        try:
            # A group of its own: Ctrl+C on a terminal is for the supervisor, which passes it on.
            self._process = subprocess.Popen(  # noqa: S603  (our own module)
                [*python(), "-m", self._module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                process_group=0,
            )
        except OSError as error:
            self._put_off()
            log.error("process.not_started", name=self.name, cause=str(error), again_in_s=self._wait_s)
            return
        self._say(self._process, json.dumps(self._order))
        self._listener = threading.Thread(
            target=self._listen, args=(self._process.stdout,), name=f"listen-{self.name}", daemon=True
        )
        self._listener.start()

    def _put_off(self, *, ran_well: bool = False) -> None:
        self._wait_s = _FIRST_WAIT_S if ran_well else min(2 * self._wait_s, _LONGEST_WAIT_S)
        self._due_s = time.monotonic() + self._wait_s

    def _has_ended(self, process: subprocess.Popen[bytes]) -> bool:
        code = process.poll()
        if code is None:
            return False
        self._listener.join()
        if process.stdin is not None:
            with suppress(OSError):  # what it did not read any more
                process.stdin.close()
        self._process, self.exit_code = None, code if code >= 0 else 128 - code
        self._ended(self._answer)
        self._answer = {}
        return True

    def _say(self, process: subprocess.Popen[bytes], line: str) -> None:
        if process.stdin is None:
            raise AssertionError("started without a pipe")
        with suppress(BrokenPipeError, ValueError):  # it has ended: noticed at the next look
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()

    def _listen(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                if not line.endswith(b"\n"):
                    return  # it was killed while it wrote
                self._answer, self._answered_s = json.loads(line), time.monotonic()


def serve(answer: Callable[[], Answer], *, stop: Callable[[], None], orphaned: Callable[[], None]) -> None:
    """In a child, after it has read its order: answer whoever asks, in a thread; call `stop` when the supervisor
    wants an orderly end, and `orphaned` when the supervisor is gone."""

    def run() -> None:
        for said in sys.stdin:
            if said.strip() == _STOP:
                stop()
                continue
            sys.stdout.write(json.dumps(answer()) + "\n")
            sys.stdout.flush()
        orphaned()

    threading.Thread(target=run, name="supervisor", daemon=True).start()
