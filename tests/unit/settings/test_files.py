"""Files that a person named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from apistatus.settings.files import SECRET_MAX_BYTES, read_regular, read_secret, reason


def refusal(path: Path, max_bytes: int = 10) -> str:
    with pytest.raises(OSError, match=r".*") as caught:
        read_regular(path, max_bytes)
    return reason(caught.value)


def test_a_regular_file_is_read_whole_up_to_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"0123456789")
    assert read_regular(file, 10) == b"0123456789"
    assert refusal(file, 9) == "larger than 9 bytes"


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", 10) == b"x"


def test_pipes_devices_and_folders_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == "not a regular file"
    assert refusal(Path(os.devnull)) == "not a regular file"
    assert refusal(tmp_path) in {"not a regular file", "is a directory"}


def test_a_missing_file_and_an_impossible_name(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == "no such file or directory"
    assert refusal(Path("a\0b")) == "not a file name"


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"s3cret\n", "s3cret"), (b"s3cret\r\n", "s3cret"), (b"a\nb\n\n", "a\nb\n"), (b" a ", " a "), (b"", "")],
)
def test_a_secret_is_its_files_text_without_the_last_newline(
    tmp_path: Path, content: bytes, secret: str
) -> None:
    (tmp_path / "secret").write_bytes(content)
    assert read_secret(tmp_path / "secret") == secret


def test_a_secret_that_is_no_text_is_refused_without_quoting_it(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"hunter2\xff")
    with pytest.raises(OSError, match="not UTF-8 text at byte 7") as caught:
        read_secret(file)
    assert caught.value.__cause__ is None
    file.write_bytes(b"hun\0ter2")
    with pytest.raises(OSError, match="holds a NUL character"):
        read_secret(file)
    file.write_bytes(b"x" * (SECRET_MAX_BYTES + 1))
    with pytest.raises(OSError, match="larger than 65536 bytes"):
        read_secret(file)


def test_an_error_without_words_is_told_by_its_type() -> None:
    assert reason(OSError()) == "oserror"
