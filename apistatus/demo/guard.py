"""A small process that cleans up after a demo that could not do so itself, not even on SIGKILL.

It holds the reading end of a pipe. Dismissed, it just ends. When the pipe closes without a word, the
demo is gone: the guard ends every process of its process group (all that the demo starts join it), stops
the throw-away PostgreSQL, removes the folder and gives the terminal back its cursor.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from apistatus.demo.processes import python

MARKER: Final = ".apistatus-demo"
"""A folder is only ever removed when it holds a file of this name."""

_DEAF_TO: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTTOU)
_DISMISSED: Final = b"dismissed"
_FOLDER: Final = b"folder "
_SCREEN_ON: Final = b"screen on"
_SCREEN_OFF: Final = b"screen off"
_TERM_WAIT_S: Final = 10.0
_KILL_WAIT_S: Final = 5.0
_POLL_S: Final = 0.02
_TERMINAL_BACK: Final = "\x1b[?1049l\x1b[?25h\x1b[0m"
"""xterm's private modes: leave the alternate screen, show the cursor; then plain colours."""


class Guard:
    """The guard as the demo sees it. `group` is the process group that the demo's processes join.

    Leaving the context in order dismisses it; leaving with an exception lets it clean up what is left.
    """

    def __init__(self, *, terminal: bool) -> None:
        # The guard inherits it: what comes before it can ignore signals waits until it does.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _DEAF_TO)
        try:
            self._process = subprocess.Popen(  # noqa: S603  (our own module)
                [*python(), "-m", "apistatus.demo.guard"],
                stdin=subprocess.PIPE, stdout=None if terminal else subprocess.DEVNULL, process_group=0,
            )  # fmt: skip
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    @property
    def group(self) -> int:
        return self._process.pid

    def watch(self, folder: Path) -> None:
        """Remove this folder, and stop the PostgreSQL in it, when the demo dies."""
        self._say(_FOLDER + os.fsencode(folder))

    def screen(self, *, on: bool) -> None:
        """The terminal shows the alternate screen from now on, or no longer."""
        self._say(_SCREEN_ON if on else _SCREEN_OFF)

    def _say(self, words: bytes) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            with suppress(BrokenPipeError):  # it was killed: the demo can do without it
                self._process.stdin.write(words + b"\n")
                self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._say(_DISMISSED)
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):  # it was killed before it read all that was said
                self._process.stdin.close()
        self._process.wait()


def _stand_guard() -> None:
    for number in _DEAF_TO:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _DEAF_TO)
    said = sys.stdin.buffer.read().splitlines()
    if _DISMISSED in said:
        return
    if [words for words in said if words in (_SCREEN_ON, _SCREEN_OFF)][-1:] == [_SCREEN_ON]:
        sys.stdout.write(_TERMINAL_BACK)
        sys.stdout.flush()
    group = os.getpgrp()
    # A guard that stays in the group would be hit itself and could not see the group become empty.
    if os.fork():
        os._exit(0)
    os.setpgid(0, 0)
    _end_group(group)
    for words in said:
        if words.startswith(_FOLDER):
            clear(Path(os.fsdecode(words.removeprefix(_FOLDER))))


def _end_group(group: int) -> None:
    for number, patience_s in ((signal.SIGTERM, _TERM_WAIT_S), (signal.SIGKILL, _KILL_WAIT_S)):
        until = time.monotonic() + patience_s
        try:
            os.killpg(group, number)
            while time.monotonic() < until:
                os.killpg(group, 0)
                time.sleep(_POLL_S)
        except (ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
            return


def clear(folder: Path) -> None:
    """End the PostgreSQL servers whose data is in this folder of a demo, and remove it."""
    if not (folder / MARKER).is_file():
        return
    for file in folder.glob("**/postmaster.pid"):
        _end_postgres(file)
    shutil.rmtree(folder, ignore_errors=True)


def _end_postgres(pid_file: Path) -> None:
    """The first line of postmaster.pid is the server's process id (PostgreSQL documentation, 66.1)."""
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
        os.kill(pid, signal.SIGQUIT)
        until = time.monotonic() + _TERM_WAIT_S
        while time.monotonic() < until:
            os.kill(pid, 0)
            time.sleep(_POLL_S)
        os.kill(pid, signal.SIGKILL)
    except (ValueError, OSError):
        return  # it is gone


if __name__ == "__main__":
    _stand_guard()
