"""What runs inside a container ends with the process that started it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.services.kafka_docker import ENDS_WITH_ITS_CLIENT

_PATIENCE_S = 30.0


@pytest.fixture
def wrapped() -> Iterator[subprocess.Popen[bytes]]:
    """The shell's program around a command that says when it runs, and ends by a signal only."""
    runs = ["sh", "-c", "echo runs; exec sleep 1000"]
    process = subprocess.Popen(
        ["sh", "-c", ENDS_WITH_ITS_CLIENT, "sh", *runs], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"runs\n"
        yield process
        process.kill()


def test_a_closed_standard_input_ends_it(wrapped: subprocess.Popen[bytes]) -> None:
    assert wrapped.stdin is not None
    wrapped.stdin.close()
    wrapped.wait(_PATIENCE_S)
    assert wrapped.stdout is not None
    assert wrapped.stdout.read() == b"", "the end of its output shows that the command is gone too"


def test_sigterm_reaches_the_command(wrapped: subprocess.Popen[bytes]) -> None:
    wrapped.send_signal(signal.SIGTERM)
    wrapped.wait(_PATIENCE_S)
    assert wrapped.stdout is not None
    assert wrapped.stdin is not None
    wrapped.stdin.close()
    assert wrapped.stdout.read() == b""


def test_a_command_that_ends_by_itself_ends_the_shell() -> None:
    with subprocess.Popen(
        ["sh", "-c", ENDS_WITH_ITS_CLIENT, "sh", "sh", "-c", "exit 0"], stdin=subprocess.PIPE
    ) as process:
        process.wait(_PATIENCE_S)
