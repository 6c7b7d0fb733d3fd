"""Which files are read: endings, directories, includes, links; and what is no file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from apistatus.settings import reader_files
from tests.unit.settings.readers import load, mistakes


def write(path: Path, name: str, *, head: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{head}readers: [{{name: {name}, url: http://a.example}}]\n")
    return path


def names(path: Path) -> list[str]:
    return [check.name for check in load(path)]


@pytest.mark.parametrize("ending", ["yml", "yaml"])
def test_the_ending_may_be_left_out(tmp_path: Path, ending: str) -> None:
    write(tmp_path / f"readers.{ending}", "A")
    assert names(tmp_path / "readers") == ["A"]


def test_a_name_that_means_two_files_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "readers.yml", "A")
    write(tmp_path / "readers.yaml", "B")
    assert mistakes(tmp_path / "readers") == [
        "readers: both readers.yml and readers.yaml are there; name one of them"
    ]


def test_a_file_of_any_name_is_read_when_it_is_named(tmp_path: Path) -> None:
    assert names(write(tmp_path / "checks.conf", "A")) == ["A"]


def test_a_file_that_is_not_there_is_said_with_both_ways_to_name_one(tmp_path: Path) -> None:
    assert mistakes(tmp_path / "readers") == [
        "readers: no such reader file, nor with .yml or .yaml; set READER_CONF_FILE or --readers"
    ]


def test_the_files_of_a_directory_add_up_by_name(tmp_path: Path) -> None:
    write(tmp_path / "b.yml", "B")
    write(tmp_path / "a.yaml", "A")
    write(tmp_path / "c.yml", "C")
    write(tmp_path / "deeper" / "d.yml", "D")
    write(tmp_path / ".hidden.yml", "H")
    (tmp_path / "README.md").write_text("readers: [")
    assert names(tmp_path) == ["A", "B", "C"]


def test_a_kubernetes_volume_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "..2026_11_25" / "readers.yml", "A")
    (tmp_path / "..data").symlink_to("..2026_11_25")
    (tmp_path / "readers.yml").symlink_to("..data/readers.yml")
    assert names(tmp_path) == ["A"]
    assert names(tmp_path / "readers.yml") == ["A"]


def test_defaults_hold_for_their_file_only(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", "A", head="defaults: {interval: 1m}\n")
    write(tmp_path / "b.yml", "B")
    assert [check.interval_us for check in load(tmp_path)] == [60_000_000, 30_000_000]


def test_mistakes_of_all_files_come_at_once(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text("readers: [{name: A}]\n")
    (tmp_path / "c.yml").write_text("readers: [")
    said = mistakes(tmp_path)
    assert [line.split(" ")[0] for line in said] == [
        "a.yml:1:11:", "b.yml:1:11:", "b.yml:1:18:", "c.yml:2:1:",
    ]  # fmt: skip


def test_a_directory_without_yaml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    folder = tmp_path / "empty"
    folder.mkdir()
    assert mistakes(folder) == ["empty: no .yml or .yaml file in this directory"]


def test_a_directory_of_files_without_checks_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    folder.mkdir()
    (folder / "a.yml").write_text("")
    (folder / "b.yml").write_text("# nothing")
    assert mistakes(folder) == ["none: no checks in it; list them under `readers`"]


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yml")
    (tmp_path / "folder.yml").mkdir()
    (tmp_path / "gone.yml").symlink_to("nowhere")
    said = mistakes(tmp_path)
    assert said == [
        "folder.yml:1:1: cannot read it: is a directory",
        "gone.yml:1:1: cannot read it: no such file or directory",
        "pipe.yml:1:1: cannot read it: not a regular file",
    ]


def test_a_directory_that_may_not_be_listed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    said = mistakes(tmp_path)
    assert said == [f"{tmp_path.name}: cannot read it: permission denied"]


def test_bytes_that_are_no_utf_8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_bytes(b"readers: \xff")
    assert mistakes(path) == ["a.yml:1:1: not UTF-8 text at byte 9"]


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_bytes(b"\xef\xbb\xbfreaders: [{name: A, url: http://a.example}]")
    assert names(path) == ["A"]


def test_a_file_beyond_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_files, "MAX_FILE_BYTES", 40)
    assert mistakes(write(tmp_path / "a.yml", "A")) == ["a.yml:1:1: cannot read it: larger than 40 bytes"]


def test_readers_and_checks_add_up(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yml", "A", head="checks: [{name: B, url: http://b.example}]\n")
    assert names(path) == ["A", "B"]


def test_includes_are_relative_to_their_file_and_inherit_its_defaults(tmp_path: Path) -> None:
    main = tmp_path / "main.yml"
    main.write_text(
        "defaults: {interval: 1m, sla_ms: 5, labels: {a: b}}\ninclude: [more/*.yml, more/deep/**/*.yml]\n"
    )
    write(
        tmp_path / "more" / "b.yml",
        "B",
        head="defaults: {interval: 2m, labels: {c: d}}\ninclude: ../other.yml\n",
    )
    write(tmp_path / "more" / "a.yml", "A")
    write(tmp_path / "more" / "deep" / "deeper" / "d.yml", "D")
    write(tmp_path / "other.yml", "O")
    found = {check.name: (check.interval_us // 1_000_000, check.sla_ms, check.labels) for check in load(main)}
    inner = (120, 5, {"a": "b", "c": "d"})
    outer = (60, 5, {"a": "b"})
    assert found == {"A": outer, "B": inner, "O": inner, "D": outer}


def test_an_include_may_be_absolute_or_come_from_a_variable(tmp_path: Path) -> None:
    other = write(tmp_path / "x" / "other.yml", "O")
    main = tmp_path / "main.yml"
    main.write_text(f"include: [{other}]\n")
    assert names(main) == ["O"]
    main.write_text("include: ['${WHERE}']\n")
    assert [check.name for check in load(main, {"WHERE": str(other)})] == ["O"]


def test_a_cycle_of_includes_is_said_where_it_closes(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", "A", head="include: b.yml\n")
    write(tmp_path / "b.yml", "B", head="include: a.yml\n")
    assert mistakes(tmp_path / "a.yml") == ["b.yml:1:10: include: a.yml is read already; a file is read once"]


def test_a_file_both_included_and_in_the_directory_is_said(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", "A", head="include: b.yml\n")
    write(tmp_path / "b.yml", "B")
    assert mistakes(tmp_path) == ["b.yml:1:1: b.yml is read already; a file is read once"]


def test_the_same_id_in_two_files_is_said_with_the_other_place(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", "Home")
    write(tmp_path / "b.yml", "home")
    (said,) = mistakes(tmp_path)
    assert said.startswith("b.yml:1:18: readers[0].name: the check at a.yml:1 has the id home already, ")
