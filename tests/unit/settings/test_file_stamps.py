"""A file that changes is told by its stamp, whatever changed of it."""

from __future__ import annotations

import os
from pathlib import Path

from apistatus.settings.file_stamps import stamps_of


def test_the_stamp_stays_while_the_file_does(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a")
    assert stamps_of([file]) == stamps_of([file])
    assert stamps_of([]) == ()


def test_another_text_another_time_and_another_mode_are_changes(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a")
    stamps = [stamps_of([file])]
    file.write_text("ab")
    stamps.append(stamps_of([file]))
    os.utime(file, ns=(1, 1))
    stamps.append(stamps_of([file]))
    file.unlink()
    stamps.append(stamps_of([file]))
    assert len(set(stamps)) == 4
    assert stamps[-1] == (None,)


def test_a_link_that_is_turned_to_another_folder_is_a_change(tmp_path: Path) -> None:
    """As Kubernetes swaps the `..data` of a volume."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "tls.crt").write_text("same")
        os.utime(tmp_path / folder / "tls.crt", ns=(1, 1))
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "tls.crt").symlink_to("..data/tls.crt")
    before = stamps_of([tmp_path / "tls.crt"])
    (tmp_path / "..next").symlink_to("two")
    (tmp_path / "..next").replace(tmp_path / "..data")
    assert stamps_of([tmp_path / "tls.crt"]) != before
