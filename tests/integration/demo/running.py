"""A demo as a process, in a temporary directory of its own, so that whatever it leaves is found."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 90.0
HAS_PROC = Path("/proc/self/environ").exists()


class Demo:
    """`apistatus demo ARGUMENTS...` with its output read all the time."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        environ: Mapping[str, str] | None = None,
        terminal: str | None = None,
    ) -> None:
        """`terminal` is a tty that becomes its controlling one; without, the output goes to a pipe."""
        self.folder = folder
        command = [sys.executable, "-m", "apistatus", "demo", *arguments]
        if terminal is not None:
            # Opened by a session leader that has none, a tty becomes its controlling terminal.
            command = ["/bin/sh", "-c", f'exec "$@" <{terminal} >{terminal} 2>{terminal}', "sh", *command]
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.process = subprocess.Popen(
            command, env={**kept, "TMPDIR": str(folder), "TERM": "xterm-256color", **(environ or {})},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self._said = {"stdout": "", "stderr": ""}
        self._readers = [
            threading.Thread(target=self._read, args=(name,), daemon=True) for name in ("stdout", "stderr")
        ]
        for reader in self._readers:
            reader.start()

    @property
    def stdout(self) -> str:
        return self._said["stdout"]

    @property
    def stderr(self) -> str:
        return self._said["stderr"]

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until standard output matches."""
        found: re.Match[str] | None = None

        def said() -> bool:
            nonlocal found
            found = re.search(pattern, self.stdout)
            ended = found is None and self.process.poll() is not None
            assert not ended, f"ended before {pattern!r}:\n{self.stdout}\n{self.stderr}"
            return found is not None

        wait_until(said, lambda: f"{pattern!r} in:\n{self.stdout}\n{self.stderr}")
        assert found is not None
        return found

    def end(self) -> int:
        """Wait for its end by itself; the exit code."""
        code = self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return code

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def pids(self, text: str) -> list[int]:
        """Processes of this demo (itself left out) whose command line holds `text`."""
        return [
            pid
            for pid, line in _processes_of(self.folder).items()
            if text in line and pid != self.process.pid
        ]

    def left_behind(self) -> list[str]:
        """What is still there of it: command lines of processes, names of files."""
        return [*_processes_of(self.folder).values(), *(path.name for path in self.folder.iterdir())]

    def _read(self, name: str) -> None:
        stream = getattr(self.process, name)
        with stream:
            while chunk := stream.read1(65_536):
                self._said[name] += chunk.decode(errors="replace")


@contextmanager
def demo_folder() -> Iterator[Path]:
    """A temporary directory that PostgreSQL's own user may enter, when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="demo-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@contextmanager
def running(
    *arguments: str, environ: Mapping[str, str] | None = None, terminal: str | None = None
) -> Iterator[Demo]:
    """The demo in a directory of its own; killed in the end if the test did not end it."""
    with demo_folder() as folder:
        demo = Demo(*arguments, folder=folder, environ=environ, terminal=terminal)
        try:
            yield demo
        finally:
            demo.process.kill()
            demo.end()
            wait_until(lambda: not _processes_of(folder), lambda: f"the end of {_processes_of(folder)}")


def wait_until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"waited {PATIENCE_S:g} s in vain for {what()}"
        time.sleep(0.05)


def _processes_of(folder: Path) -> dict[int, str]:
    """Process id -> command line of all that name the folder, in their arguments or their environment."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
            if line and str(folder).encode() in line + (entry / "environ").read_bytes():
                found[int(entry.name)] = line.replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it ended meanwhile, or is another user's
            continue
    return found
