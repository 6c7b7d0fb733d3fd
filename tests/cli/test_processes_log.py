"""What the log of `produce` in several processes says once, however many they are."""

from __future__ import annotations

from pathlib import Path

from tests.services.command import Command


def test_an_unknown_variable_is_told_once_and_not_by_every_process(
    env: dict[str, str], tmp_path: Path
) -> None:
    env |= {
        "APISTATUS_PROCESSES": "3", "APISTATUS_PROCESSORS": "3", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    }  # fmt: skip
    with Command(["produce", "--listen", "127.0.0.1:0"], env, tmp_path / "log") as produce:
        for number in range(3):
            produce.wait_for_line(f"process={number}")
        assert produce.stop() in (0, 1), produce.said
    assert produce.said.count("variable.unknown") == 1
    assert "APISTATUS_PROCESSORS" in produce.said
