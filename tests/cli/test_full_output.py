"""Standard output that takes nothing more is told as that, by every command, and is no defect of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import command


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("arguments", [("config", "schema"), ("config", "show"), ("--help",), ("--version",)])
def test_a_full_disk_under_the_output_is_told_in_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        answer = subprocess.run(
            [sys.executable, "-m", "apistatus", *arguments], stdout=full, stderr=subprocess.PIPE, text=True,
            env=command.environment({"APISTATUS_STATE_DIR": str(tmp_path)}), timeout=command.PATIENCE_S,
            check=False,
        )  # fmt: skip
    assert answer.returncode == 1
    assert answer.stderr == "apistatus: cannot write to standard output: No space left on device\n"
