"""The folder where a producer keeps what has to outlive it."""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apistatus.errors import ConfigurationError
from apistatus.runtime.state_dir import StateDir


def refuses(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        StateDir(path).producer_id()
    [problem] = caught.value.problems
    assert problem.where == "APISTATUS_STATE_DIR"
    return problem.message


def test_the_id_is_made_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "apistatus"
    made = StateDir(folder).producer_id()
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert StateDir(folder).producer_id() == made
    assert (folder / "producer-id").read_text() == f"{made}\n"
    assert [file.name for file in folder.iterdir()] == ["producer-id"]


def test_only_its_owner_may_read_the_folder_and_the_id(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    StateDir(folder).producer_id()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "producer-id").stat().st_mode) == 0o600


def test_the_id_is_synced_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def noted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*args: Any, **kwargs: Any) -> Any:
            done.append(name)
            return call(*args, **kwargs)

        return noting

    monkeypatch.setattr(os, "fsync", noted("sync", os.fsync))
    monkeypatch.setattr(os, "link", noted("name", os.link))
    StateDir(tmp_path).producer_id()
    assert done == ["sync", "name", "sync"]


@pytest.mark.parametrize("content", [b"", b"\n", b"too short", b"\xff" * 32, b"a" * 5000, b"A" * 32])
def test_a_damaged_id_is_set_aside_and_said(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "producer-id").write_bytes(content)
    made = StateDir(tmp_path).producer_id()
    assert StateDir(tmp_path).producer_id() == made
    assert (tmp_path / "producer-id.damaged").read_bytes() == content
    assert caplog.messages == ["producer_id.damaged"]


def test_many_that_start_at_once_get_one_id(tmp_path: Path) -> None:
    found: list[str] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        found.append(StateDir(tmp_path / "state").producer_id())

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_whoever_was_slower_takes_the_id_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "0" * 32
    link = os.link

    def somebody_else_first(draft: Path, file: Path) -> None:
        file.write_text(f"{other}\n")
        link(draft, file)

    monkeypatch.setattr(os, "link", somebody_else_first)
    assert StateDir(tmp_path).producer_id() == other


def test_a_volume_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_draft: Path, _file: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    made = StateDir(tmp_path).producer_id()
    assert StateDir(tmp_path).producer_id() == made


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state"
    file.touch()
    assert refuses(file) == f"{file} is not a directory"
    assert "not a directory" in refuses(file / "below")


def test_a_dangling_link_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "state"
    link.symlink_to(tmp_path / "nowhere")
    assert refuses(link) == f"{link} is not a directory"


def test_an_id_that_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "producer-id").mkdir()
    assert "is not a regular file" in refuses(tmp_path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object, **__: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    message = refuses(tmp_path)
    assert message == (
        f"{tmp_path} cannot be used to keep state: read-only file system; name a directory we can write to"
    )


def test_a_full_disk_leaves_no_half_of_an_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert "no space left on device" in refuses(tmp_path)
    assert list(tmp_path.iterdir()) == []
