"""The real program as a process: started, watched by what it says, stopped by its own pid."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE_S = 60.0
"""How long anything may take before a test gives up: generous, for slow machines."""


def wait_until(holds: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return as soon as `holds()` is true; fail the test when it does not come true in time."""
    until = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > until:
            raise AssertionError(f"waited {patience_s:g} s in vain: {what}")
        time.sleep(0.02)


def run(
    *args: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout_s: float = PATIENCE_S
) -> subprocess.CompletedProcess[str]:
    """One whole run of the program with exactly this environment (and what Python needs)."""
    return subprocess.run(
        [sys.executable, "-m", "apistatus", *args], env=environment(env or {}), cwd=cwd, text=True,
        capture_output=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """`env` and the little of our own environment that a child needs: path, home, coverage."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG", "COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
    return {**{name: os.environ[name] for name in kept if name in os.environ}, **env}


class Command:
    """A running command. Its standard error is kept in a file and shown when something fails."""

    def __init__(self, args: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.args, self.log = list(args), log
        self._sink = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "apistatus", *args], env=environment(env), stdin=subprocess.DEVNULL,
            stdout=self._sink, stderr=self._sink,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._sink.close()

    @property
    def said(self) -> str:
        """All that it wrote so far."""
        return self.log.read_text(errors="replace")

    def wait_for_line(self, text: str) -> None:
        """Wait until it says `text`."""
        self._wait(lambda: text in self.said, f"`{text}` from {self.args}")

    def wait_until_ready(self) -> None:
        """Wait until its /ready says 200; it must have been started with --listen 127.0.0.1:0."""
        self._wait(lambda: self.probe("/ready")[0] == 200, f"/ready of {self.args}")

    def _wait(self, holds: Callable[[], object], what: str) -> None:
        def holds_or_ended() -> object:
            if self.process.poll() is not None and not holds():
                raise AssertionError(f"{what}: ended with {self.process.returncode}\n{self.said}")
            return holds()

        wait_until(holds_or_ended, f"{what}\n{self.said}")

    @property
    def address(self) -> str | None:
        """HOST:PORT of its page, once it says so."""
        for line in self.said.splitlines():
            if "web.listening" in line and "port=" in line:
                return "127.0.0.1:" + line.rsplit("port=", 1)[1].split()[0]
        return None

    def probe(self, path: str) -> tuple[int, str]:
        """Status and body of a path of its page; status 0 while nobody listens."""
        address = self.address
        if address is None:
            return 0, ""
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str, labels: str = "") -> float:
        """Value of one metric, 0 when it is not there (a labelled one before its first event)."""
        for line in self.probe("/metrics")[1].splitlines():
            if line.startswith(f"{name}{labels} "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def stop(self, number: int = signal.SIGTERM, patience_s: float = PATIENCE_S) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(patience_s)

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self.process.kill()
        self.process.wait()


def json_of(answer: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """The JSON object on standard output."""
    parsed = json.loads(answer.stdout)
    assert isinstance(parsed, dict), answer.stdout
    return parsed
