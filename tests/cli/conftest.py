"""Targets and reader files for the commands."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.counting_target import CountingTarget
from tests.targets.ports import closed_port


@pytest.fixture
def target() -> Iterator[CountingTarget]:
    with CountingTarget() as running:
        yield running


@pytest.fixture
def refused() -> Iterator[int]:
    """A port on which nobody listens."""
    with closed_port() as port:
        yield port


@pytest.fixture
def env(tmp_path: Path, target: CountingTarget, refused: int) -> dict[str, str]:
    """A reader file with one check of each verdict."""
    (tmp_path / "checks.yml").write_text(
        f"""\
readers:
  - {{name: Good, group: shop, site: '{target.url}', endpoint: /good, json_path: $.check}}
  - {{name: Bad, group: shop, labels: {{team: pay}}, site: '{target.url}', endpoint: /bad/down}}
  - {{name: Gone, site: 'http://127.0.0.1:{refused}', endpoint: /}}
  - {{name: Late, site: '{target.url}', endpoint: /late/slow, sla_ms: 20}}
  - {{name: Off, enabled: false, site: '{target.url}', endpoint: /off}}
"""
    )
    return {"READER_CONF_FILE": str(tmp_path / "checks.yml"), "APISTATUS_STATE_DIR": str(tmp_path)}


@pytest.fixture
def silent(tmp_path: Path, target: CountingTarget) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    """A listener that never answers, and a reader file with a quick check and one that waits for it.

    One check is made at a time: when the listener is connected to, the quick one is done.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(60)
        port = listener.getsockname()[1]
        (tmp_path / "silent.yml").write_text(
            f"readers:\n  - {{name: Quick, site: '{target.url}', endpoint: /quick}}\n"
            f"  - {{name: Silent, site: 'http://127.0.0.1:{port}', timeout: 5m, interval: 5m}}\n"
        )
        path = str(tmp_path / "silent.yml")
        limit = {"APISTATUS_MAX_IN_FLIGHT": "1"}
        yield listener, {"READER_CONF_FILE": path, "APISTATUS_STATE_DIR": str(tmp_path), **limit}
