"""Files of a version held against what a database says was applied."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.errors import IncompatibleSchema
from apistatus.postgres import migration_files
from apistatus.postgres.migration_files import Applied, Migration


def file(version: str, text: str = "-- migrate:up\n") -> Migration:
    return Migration(version, f"{version}_x.sql", text, f"sum of {text}")


def applied(*migrations: Migration) -> dict[str, Applied]:
    return {each.version: Applied(each.version, each.file, each.sha256, "then") for each in migrations}


def test_what_is_not_applied_is_pending_in_order() -> None:
    files = [file("0001"), file("0002"), file("0003")]
    comparison = migration_files.compare(files, applied(files[0]))
    assert comparison.pending == (files[1], files[2])
    assert comparison.drift == ()


def test_an_edited_file_is_named() -> None:
    comparison = migration_files.compare([file("0001", "new")], applied(file("0001", "old")))
    assert comparison.edited == ("0001_x.sql",)
    assert "0001_x.sql: edited" in comparison.drift[0]


def test_an_unknown_version_is_of_a_newer_program() -> None:
    comparison = migration_files.compare([file("0001")], applied(file("0001"), file("0009")))
    assert comparison.unknown == ("0009_x.sql",)
    assert "newer" in comparison.drift[0]


def test_a_file_that_slipped_in_before_an_applied_one_is_not_run() -> None:
    comparison = migration_files.compare([file("0001"), file("0002")], applied(file("0002")))
    assert comparison.pending == ()
    assert comparison.out_of_order == ("0001_x.sql",)


def test_files_are_read_in_the_order_of_their_numbers_and_others_left_alone(tmp_path: Path) -> None:
    for name in ("10_b.sql", "9_a.sql", "readme.md", "x.sql"):
        (tmp_path / name).write_text("-- migrate:up\n")
    assert [each.file for each in migration_files.read(tmp_path)] == ["9_a.sql", "10_b.sql"]


def test_line_ends_of_the_checkout_do_not_change_the_checksum(tmp_path: Path) -> None:
    unix, windows = tmp_path / "unix", tmp_path / "windows"
    for folder, text in ((unix, b"-- migrate:up\nselect 1;\n"), (windows, b"-- migrate:up\r\nselect 1;\r\n")):
        folder.mkdir()
        (folder / "0001_x.sql").write_bytes(text)
    assert migration_files.read(unix)[0].sha256 == migration_files.read(windows)[0].sha256


def test_two_files_of_one_version_are_refused(tmp_path: Path) -> None:
    for name in ("0001_a.sql", "1_b.sql"):
        (tmp_path / name).write_text("-- migrate:up\n")
    with pytest.raises(IncompatibleSchema, match="same version"):
        migration_files.read(tmp_path)


def test_an_installation_without_files_says_so(tmp_path: Path) -> None:
    with pytest.raises(IncompatibleSchema, match="incomplete"):
        migration_files.read(tmp_path)
