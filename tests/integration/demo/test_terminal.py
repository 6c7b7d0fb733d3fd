"""On a terminal the demo is a page; afterwards the terminal is what it was, with the summary on it."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import termios
import threading
from collections.abc import Iterator

import pytest

from tests.integration.demo.running import HAS_PROC, PATIENCE_S, running, wait_until

ALTERNATE_ON, ALTERNATE_OFF = "\x1b[?1049h", "\x1b[?1049l"
CURSOR_OFF, CURSOR_ON = "\x1b[?25l", "\x1b[?25h"

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not HAS_PROC, reason="finds the demo's processes in /proc"),
]


class Terminal:
    """A pseudo-terminal of 80 x 24 whose output is read all the time."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.name = os.ttyname(self._slave)
        self.text = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.text, lambda: f"{text!r} on the terminal: {self.text[-3000:]!r}")

    def close(self) -> None:
        os.close(self._slave)
        self._reader.join(PATIENCE_S)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self._master, 65_536)
            except OSError:  # Linux: no process has the other side open any more
                return
            self.text += chunk.decode(errors="replace")


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


def test_control_c_turns_the_page_into_a_summary(terminal: Terminal) -> None:
    with running(terminal=terminal.name) as demo:
        terminal.wait_for(ALTERNATE_ON)
        terminal.wait_for("degraded")
        terminal.type(b"\x03")
        assert demo.end() == 0, terminal.text
        assert demo.left_behind() == []
    before, page, after = (
        terminal.text.partition(ALTERNATE_ON)[0],
        terminal.text.partition(ALTERNATE_ON)[2].partition(ALTERNATE_OFF)[0],
        terminal.text.partition(ALTERNATE_OFF)[2],
    )
    assert "look inside:" in before
    for word in ("World Clock", "processing", "produced", "Ctrl+C ends it", "\x1b[38;5;"):
        assert word in page
    assert "What was stored" in after
    assert "exactly once" in after
    assert terminal.text.rfind(CURSOR_OFF) < terminal.text.rfind(CURSOR_ON)


def test_killed_demo_gives_the_terminal_back(terminal: Terminal) -> None:
    with running(terminal=terminal.name) as demo:
        terminal.wait_for(ALTERNATE_ON)
        demo.send(signal.SIGKILL)
        terminal.wait_for(ALTERNATE_OFF)
        terminal.wait_for(CURSOR_ON)
        wait_until(lambda: demo.left_behind() == [], lambda: f"the end of {demo.left_behind()}")


def test_closed_terminal_ends_the_demo() -> None:
    terminal = Terminal()
    with running(terminal=terminal.name) as demo:
        terminal.wait_for(ALTERNATE_ON)
        demo.send(signal.SIGHUP)
        assert demo.end() == 0, terminal.text
        assert demo.left_behind() == []
    terminal.close()
