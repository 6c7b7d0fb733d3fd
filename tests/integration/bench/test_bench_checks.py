"""`apistatus bench checks`, so small that its figures mean nothing but are all there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apistatus.bench import programs
from apistatus.bench.checking import CheckBench, Options


@pytest.mark.timeout(300)
def test_every_figure_is_there_and_said_in_json() -> None:
    command = [sys.executable, "-m", "apistatus", "bench", "checks", "--runs", "1", "--scale", "0.01"]
    done = subprocess.run(
        [*command, "--output", "json"], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    names = {one["name"] for one in found["figures"]}
    wanted = {"http / httpx http", "https rustls / httpx https", "http kept / http"}
    if shutil.which("cc"):
        wanted |= {"http / floor http", "http kept, 1000 origins / http kept, 10 origins"}
    assert wanted <= names
    assert any(name.startswith("first byte, error p99 with 500") for name in names)
    assert any(name.startswith("memory per check in flight") for name in names)
    assert all(one["value"] >= 0 or "error" in one["name"] for one in found["figures"])


def test_without_a_compiler_the_target_is_in_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert programs.compiled("target", tmp_path) is None
    bench = CheckBench(tmp_path, Options(runs=1, scale=0.01))
    candidates = bench._costs()
    assert "floor http" not in candidates
    assert candidates["http"][0] > 0
