"""One process per state directory, and files in it that are whole or not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from apistatus.errors import ConfigurationError
from apistatus.runtime.state_dir import StateDir

HOLDER = """
import sys, time
from pathlib import Path
from apistatus.runtime.state_dir import StateDir
with StateDir(Path(sys.argv[1])).locked():
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_with_the_directory_and_the_first_ones_id(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(ConfigurationError) as caught, StateDir(tmp_path).locked():
            raise AssertionError("locked twice")
        [problem] = caught.value.problems
        assert problem.where == "APISTATUS_STATE_DIR"
        assert f"{tmp_path} is in use by process {holder.pid}" in problem.message
        holder.kill()
    with StateDir(tmp_path).locked():
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_the_lock_is_free_again_after_use(tmp_path: Path) -> None:
    for _ in range(3):
        with StateDir(tmp_path / "state").locked():
            pass


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError, match="is not a directory"), StateDir(tmp_path / "file").locked():
        raise AssertionError("locked")
    (tmp_path / "state" / "lock").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="cannot be used"), StateDir(tmp_path / "state").locked():
        raise AssertionError("locked")


def test_what_is_kept_is_read_again_and_replaced_as_a_whole(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    assert state.kept("a.json") is None
    state.keep("a.json", b"1" * 10_000)
    state.keep("a.json", b"2")
    assert state.kept("a.json") == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_failed_attempt_leaves_what_was_there(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    state.keep("a.json", b"1")
    (tmp_path / ".a.json.new").mkdir()
    with pytest.raises(OSError, match=r"\.a\.json\.new"):
        state.keep("a.json", b"2")
    assert state.kept("a.json") == b"1"
