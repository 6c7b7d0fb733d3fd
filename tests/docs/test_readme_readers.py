"""The reader files that the README shows are valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from apistatus.probing.extract import compile_json_path, compile_regex
from apistatus.settings.checks import load_reader_file
from tests.docs.readme import README

SHOWN = [
    body
    for body in re.findall(r"^```yaml\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    if "readers:" in body
]


def test_there_are_such_files() -> None:
    assert len(SHOWN) >= 2


@pytest.mark.parametrize("text", SHOWN)
def test_a_reader_file_of_the_readme_is_valid(text: str, tmp_path: Path) -> None:
    (tmp_path / "checks.yml").write_text(text)
    checks = load_reader_file(
        tmp_path / "checks.yml", {"TOKEN": "t"}, default_interval_us=30_000_000,
        compile_json_path=compile_json_path, compile_regex=compile_regex,
    ).checks  # fmt: skip
    assert len(checks) == text.count("- name:")
