"""The process of a node, and what it leaves behind in ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.kafka_server import KafkaServer, single_node


@pytest.fixture
def server(tmp_path: Path) -> KafkaServer:
    """Of a program that ends at once, in a folder that looks prepared."""
    (tmp_path / "data").mkdir()
    return KafkaServer([sys.executable, "-c", "pass"], *single_node(tmp_path, {}))


def started(server: KafkaServer) -> subprocess.Popen[bytes]:
    server.start()
    assert server._process is not None
    return server._process


def test_a_node_that_ended_by_itself_leaves_no_pipe_open_when_it_is_started_again(
    server: KafkaServer,
) -> None:
    first = started(server)
    first.wait()
    second = started(server)
    assert first.stdin is not None
    assert first.stdin.closed
    assert second.pid != first.pid
    server.stop()


@pytest.mark.parametrize("end", [KafkaServer.stop, KafkaServer.kill])
def test_a_node_that_is_ended_leaves_no_pipe_open(server: KafkaServer, end: object) -> None:
    process = started(server)
    assert callable(end)
    end(server)
    assert process.stdin is not None
    assert process.stdin.closed
    assert not server.runs
