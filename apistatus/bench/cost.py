"""What a process has used, from /proc (proc(5)); Linux only."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Final

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


def is_known() -> bool:
    """Whether this system tells the processor time of other processes."""
    return Path("/proc/self/stat").exists()


def own_cpu_s() -> float:
    """Processor time of this process and its threads so far, user and system, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def cpu_s(pid: int) -> float:
    """The same of another process, to a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / _TICKS_PER_S


def peak_memory_mb(pid: int) -> float:
    """The most resident memory that the process ever had, in MB (10**6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError(f"no VmHWM of {pid}")


def children(pid: int) -> list[int]:
    """The processes that its main thread started and that have not ended."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def waited_s(pid: int) -> float:
    """How long its main thread has had to wait for a processor so far, in seconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
