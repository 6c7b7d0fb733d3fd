"""One call of `check-once` on all hostile targets, and what it cost: measured by the kernel's own books."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from bisect import bisect_left, bisect_right
from pathlib import Path
from typing import Any, NamedTuple

from tests.services import command
from tests.targets.hostile import DENIED
from tests.targets.table import CASES, check_id

AT_ONCE = 300
"""Checks that are open at once: the table grows, and what is measured should stay the same."""
_SAMPLE_S = 0.01


class Waits:
    """How long threads stood in the run queue while others had the processor, sampled.

    /proc/PID/task/TID/schedstat (Documentation/scheduler/sched-stats.rst of Linux): time on a processor, time spent
    waiting for one, both in nanoseconds. So the lateness of a busy machine can be told from a program's own.
    """

    def __init__(self, *threads: tuple[int, int]) -> None:
        """`threads`: process and thread ids."""
        self._files = [Path(f"/proc/{process}/task/{thread}/schedstat") for process, thread in threads]
        self._at_s: list[float] = []
        self._waited_ns: list[int] = []

    def sample(self) -> None:
        """Look once. A thread that is gone waits no longer."""
        waited_ns = 0
        for file in self._files:
            try:
                waited_ns += int(file.read_text().split()[1])
            except OSError:
                return
        self._at_s.append(time.monotonic())
        self._waited_ns.append(waited_ns)

    def between_s(self, begin_s: float, end_s: float) -> float:
        """Seconds that were waited between two instants of CLOCK_MONOTONIC, to the samples around them."""
        if not self._at_s:
            return 0.0
        first = max(0, bisect_right(self._at_s, begin_s) - 1)
        last = min(len(self._at_s) - 1, bisect_left(self._at_s, end_s))
        return max(0, self._waited_ns[last] - self._waited_ns[first]) / 1e9


class Run(NamedTuple):
    """What came of it."""

    results: dict[str, dict[str, Any]]
    """Result of each case, by its name."""
    seen: dict[str, list[dict[str, float | None]]]
    """Connections of each case, by its name: `accepted_s`, `gone_s`."""
    waits: Waits
    peak_kib: int
    """VmHWM of the command at its end."""
    exit_code: int
    said: str
    """On standard error."""
    took_s: float


def run(folder: Path) -> Run:
    """Start the targets, call the command once, stop the targets."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.targets.hostile", str(folder)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            ready = server.stdout.readline().split()
            assert ready[0] == "ready"
            answered = _called(folder, (server.pid, int(ready[1])))
        finally:
            server.stdin.close()
        assert server.wait(command.PATIENCE_S) == 0
    seen = json.loads((folder / "seen.json").read_text())
    names = {check_id(number): case.name for number, case in enumerate(CASES)}
    return answered._replace(seen={names[check]: connections for check, connections in seen.items()})


def _called(folder: Path, watcher: tuple[int, int]) -> Run:
    env = {
        "READER_CONF_FILE": str(folder / "readers.yml"), "APISTATUS_STATE_DIR": str(folder),
        "API_READ_INTERVAL_SECS": "120", "APISTATUS_DENY_NETWORKS": DENIED, "APISTATUS_MAX_IN_FLIGHT": str(AT_ONCE),
    }  # fmt: skip
    began_s = time.monotonic()
    with (folder / "errors").open("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "apistatus", "check-once", "--output", "json"],
            env=command.environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        waits = Waits((process.pid, process.pid), watcher)
        over = threading.Event()

        def sample() -> None:
            while not over.wait(_SAMPLE_S):
                waits.sample()

        sampling = threading.Thread(target=sample)
        sampling.start()
        try:
            said, peak_kib = _read(process)
        finally:
            over.set()
            sampling.join()
            process.kill()
            exit_code = process.wait()
            assert process.stdout is not None
            process.stdout.close()
        errors.seek(0)
        results = {result["name"]: result for result in json.loads(said)["results"]} if said else {}
        return Run(results, {}, waits, peak_kib, exit_code, errors.read(), time.monotonic() - began_s)


def _read(process: subprocess.Popen[bytes]) -> tuple[bytes, int]:
    """All of its output, and the peak of its memory. The output is larger than a pipe, so when its first byte has
    come, all of it is made, and the process stands and waits for us to read on."""
    assert process.stdout is not None
    pieces = [process.stdout.read(1)]
    peak_kib = 0
    status = Path(f"/proc/{process.pid}/status")
    for line in status.read_text().splitlines():
        if line.startswith("VmHWM:"):
            peak_kib = int(line.split()[1])
    pieces.append(process.stdout.read())
    process.wait(command.PATIENCE_S)
    return b"".join(pieces), peak_kib
