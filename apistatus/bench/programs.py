"""The programs beside ours: floor and target in C where a compiler is at hand, each in a process of its own."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_COMPILE_S: Final = 120
CLIENT_CPU: Final = 0
TARGET_CPU: Final = 1


def compiled(name: str, folder: Path, *, tls: bool = False) -> Path | None:
    """The C program of this name; None where there is no compiler, or no OpenSSL for one with `tls`."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    program = folder / (f"{name}-tls" if tls else name)
    options = ["-O2", *(["-DWITH_TLS"] if tls else []), "-o", str(program), str(_HERE / f"{name}.c")]
    options += ["-lssl", "-lcrypto"] if tls else []
    made = subprocess.run([compiler, *options], capture_output=True, timeout=_COMPILE_S, check=False)  # noqa: S603 - our own source, a compiler from PATH
    return program if made.returncode == 0 else None


def on_cpu(number: int) -> None:
    """Keep this process on one processor, where that can be asked for and there is one to spare."""
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > number:
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[number]})


def most_files() -> int:
    """How many files a program of ours may have open."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return sys.maxsize if most == resource.RLIM_INFINITY else most


def _prepared(cpu: int) -> None:
    on_cpu(cpu)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextlib.contextmanager
def target(command: Sequence[str], ports: int = 1) -> Iterator[list[int]]:
    """Run a target until the end of the block; the ports it prints. Ending its standard input ends it."""
    process = subprocess.Popen(  # noqa: S603 - our own programs
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=lambda: _prepared(TARGET_CPU)
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(ports)]
        yield [int(line) for line in lines]
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def answer_of(command: Sequence[str], timeout_s: float = 300.0) -> str:
    """What a client prints, kept on a processor of its own. Raises CalledProcessError, TimeoutExpired."""
    done = subprocess.run(  # noqa: S603 - our own programs
        command,
        stdout=subprocess.PIPE,
        timeout=timeout_s,
        check=True,
        preexec_fn=lambda: _prepared(CLIENT_CPU),
    )
    return done.stdout.decode().strip()


def python(module: str, *arguments: object) -> list[str]:
    """The command that runs a module of this room."""
    return [sys.executable, "-m", f"apistatus.bench.{module}", *map(str, arguments)]
