"""The processes of a demo: what they say is read all the time, and they are ended by their own ids."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from apistatus.runtime.child import python as python
from apistatus.runtime.stopping import Stop

Record = Mapping[str, Any]
"""One line that a process said, when it was a JSON object."""

_LAST_LINES: Final = 12
_POLL_S: Final = 0.02
_DRAIN_S: Final = 2.0
_TROUBLE: Final = frozenset({"warning", "error", "critical"})

_KEPT: Final = ("PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
                "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # fmt: skip
_KEPT_PREFIXES: Final = ("LC_", "PYTHON")


class Interrupted(Exception):
    """A stop was asked for while something was being waited for."""


class ChildEnded(Exception):
    """A process ended that should not have; `exit_code` is what the demo ends with."""

    def __init__(self, child: Child) -> None:
        code = child.exit_code
        how = (
            f"ended with signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        )
        lines = "".join(f"\n  {line}" for line in child.last_words()) or "\n  (it said nothing)"
        super().__init__(f"`{child.name}` {how}. The last it said:{lines}")
        self.exit_code = code if code is not None and code > 0 else 1


class TooSlow(Exception):
    """Something did not come in time."""


def bare(environ: Mapping[str, str]) -> dict[str, str]:
    """What any program needs of the environment, and no setting of ours or of a library of ours."""
    return {
        name: value
        for name, value in environ.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }  # fmt: skip


class Child:
    """`python ARGUMENTS...` with exactly this environment, in the process group of the guard.

    `holding_stdin`: it gets a pipe as standard input, closed when it is stopped or when we die.
    """

    def __init__(
        self, name: str, arguments: Sequence[str], environ: Mapping[str, str], *, group: int,
        holding_stdin: bool = False,
    ) -> None:  # fmt: skip
        self.name = name
        self.trouble: tuple[float, str] | None = None
        """Monotonic seconds and text of the last warning or error it logged."""
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._records: dict[str, Record] = {}
        self._process = subprocess.Popen(  # noqa: S603  (our own modules)
            [*python(), *arguments], env=dict(environ), process_group=group,
            stdin=subprocess.PIPE if holding_stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, name=f"reader of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def record(self, event: str) -> Record | None:
        """What it said with `"event": event` last; a JSON object without an event counts as `""`."""
        return self._records.get(event)

    def wait_for_record(self, event: str, stop: Stop, within_s: float) -> Record:
        """The same, waited for. Raises ChildEnded, TooSlow, Interrupted."""
        until = time.monotonic() + within_s
        while (record := self.record(event)) is None:
            if self.exit_code is not None:
                self._reader.join(_DRAIN_S)
                if (last := self.record(event)) is not None:
                    return last
                raise ChildEnded(self)
            if time.monotonic() > until:
                raise TooSlow(f"`{self.name}` was not up within {within_s:g} s")
            if stop.wait(_POLL_S):
                raise Interrupted
        return record

    def wait_for_end(self, stop: Stop) -> int:
        """Its exit code. Raises Interrupted."""
        while (code := self.exit_code) is None:
            if stop.wait(_POLL_S):
                raise Interrupted
        self._reader.join(_DRAIN_S)
        return code

    def last_words(self) -> list[str]:
        """The last lines it said, log records as text."""
        return list(self._lines)

    def stop(self, within_s: float) -> int:
        """Ask it to end, kill it after `within_s` seconds; its exit code. Nothing when it ended before."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
        code = self._process.wait()
        self._reader.join(_DRAIN_S)
        return code

    def _read(self) -> None:
        stdout = self._process.stdout
        if stdout is None:
            return
        with stdout:
            for raw in stdout:
                line = raw.decode(errors="replace").rstrip()
                record = _parsed(line)
                if record is None:
                    self._lines.append(line)
                    continue
                text = as_text(record)
                self._lines.append(text)
                self._records[str(record.get("event", ""))] = record
                if record.get("level") in _TROUBLE:
                    self.trouble = (time.monotonic(), f"{self.name}: {text}")


def _parsed(line: str) -> Record | None:
    if not line.startswith("{"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def as_text(record: Record) -> str:
    """A log record as one line for people."""
    said = {name: value for name, value in record.items() if name not in {"time", "level", "room", "event"}}
    fields = " ".join(f"{name}={value}" for name, value in said.items())
    return " ".join(f"{record.get('event', '')} {fields}".split())


def apistatus(command: str, *arguments: str) -> list[str]:
    """Arguments for python that run one of our commands."""
    return ["-m", "apistatus", command, *arguments]
