"""Migration files that were released stay as they are, and every release has its list of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from apistatus.postgres import migration_files
from tests.released import CHANGELOG, broken, listed, releases, unlisted

FILES = migration_files.packaged()


def test_no_released_file_was_changed() -> None:
    assert broken(releases(), FILES) == []


def test_every_released_version_has_its_list() -> None:
    assert unlisted(CHANGELOG.read_text(), releases()) == []


def test_a_version_that_was_released_without_a_list_is_found() -> None:
    changelog = "# Changelog\n\n## 0.3.0 (unreleased)\n\n## 0.2.0 (2027-01-01)\n\n## 0.1.0 (2026-12-01)\n"
    assert unlisted(changelog, {"0.1.0": ()}) == ["0.2.0"]


def test_a_changed_a_moved_and_a_missing_file_are_found(tmp_path: Path) -> None:
    (tmp_path / "0.1.0.sha256").write_text(listed(FILES))
    shipped = releases(tmp_path)
    assert broken(shipped, FILES) == []
    newer = replace(FILES[-1], version="9999", file="9999_new.sql")
    assert broken(shipped, [*FILES, newer]) == []
    assert "was changed" in broken(shipped, [replace(FILES[0], sha256="other"), *FILES[1:]])[0]
    assert "put before it" in broken(shipped, [newer, *FILES])[0]
    assert broken(shipped, FILES[:-1]) == [f"{FILES[-1].file}, released with 0.1.0, is gone"]
