"""The guard cleans up after a demo that cannot, and keeps its hands off otherwise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from apistatus.demo.guard import MARKER, Guard, clear

_PATIENCE_S = 60.0
WAITS = "import signal; signal.pause()"

# A demo in small: a guard, a child in its group, a folder; it says both ids and waits to be killed.
DEMO = f"""
import subprocess, sys, time
from pathlib import Path
from apistatus.demo.guard import Guard
guard = Guard(terminal=False)
guard.watch(Path(sys.argv[1]))
child = subprocess.Popen([sys.executable, "-c", {WAITS!r}], process_group=guard.group)
print(child.pid, flush=True)
time.sleep(3600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / MARKER).touch()
    (folder / "file").touch()
    return folder


def waiting(group: int = 0) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WAITS], process_group=group)


def gone(pid: int) -> bool:
    """Whether the process ended; a zombie has, and its parent may be slow to notice."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def wait_until(what: str, condition: object) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"not in time: {what}"
        time.sleep(0.01)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
def test_a_killed_demo_leaves_no_process_and_no_file(folder: Path) -> None:
    demo = subprocess.Popen([sys.executable, "-c", DEMO, str(folder)], stdout=subprocess.PIPE)
    assert demo.stdout is not None
    child = int(demo.stdout.readline())
    demo.kill()
    demo.wait()
    wait_until("child gone", lambda: gone(child))
    wait_until("folder gone", lambda: not folder.exists())
    demo.stdout.close()


def test_a_dismissed_guard_touches_nothing(folder: Path) -> None:
    with Guard(terminal=False) as guard:
        guard.watch(folder)
        child = waiting(guard.group)
    assert child.poll() is None
    assert (folder / "file").exists()
    child.kill()
    child.wait()


def test_a_guard_left_with_an_error_cleans_up(folder: Path) -> None:
    child = None
    with pytest.raises(RuntimeError, match="defect"), Guard(terminal=False) as guard:  # noqa: PT012 - only the last line raises
        guard.watch(folder)
        child = waiting(guard.group)
        raise RuntimeError("defect")
    assert child is not None
    assert child.wait(_PATIENCE_S) == -signal.SIGTERM
    wait_until("folder gone", lambda: not folder.exists())


def test_a_guard_is_deaf_to_the_signals_of_the_terminal() -> None:
    with Guard(terminal=False) as guard:
        guard.watch(Path("/nonexistent"))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(guard.group, number)
    assert guard._process.returncode == 0


def test_a_guard_that_was_killed_is_no_trouble(folder: Path) -> None:
    with Guard(terminal=False) as guard:
        os.kill(guard.group, signal.SIGKILL)
        wait_until("guard gone", lambda: gone(guard.group))
        guard.watch(folder)
    assert (folder / "file").exists()


def test_a_folder_that_is_no_demo_is_left_alone(folder: Path) -> None:
    (folder / MARKER).unlink()
    clear(folder)
    assert (folder / "file").exists()


def test_a_server_whose_data_is_in_the_folder_is_ended_first(folder: Path) -> None:
    server = waiting()
    data = folder / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "postmaster.pid").write_text(f"{server.pid}\n{data}\n")
    # `clear` waits until nobody has this id any more: as its parent we have to take notice.
    thread = threading.Thread(target=server.wait)
    thread.start()
    clear(folder)
    thread.join(_PATIENCE_S)
    assert server.returncode is not None
    assert not folder.exists()


def test_a_stale_or_damaged_pid_file_does_no_harm(folder: Path) -> None:
    (folder / "postmaster.pid").write_text("rubbish\n")
    clear(folder)
    assert not folder.exists()
