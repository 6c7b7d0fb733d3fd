"""Reader files for tests: written, loaded with stand-ins for the compilers, and the mistakes in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apistatus.errors import ConfigurationError
from apistatus.model.check import Check
from apistatus.settings.checks import ReaderFile, load_reader_file

NOW = datetime(2026, 11, 25, tzinfo=UTC)
HOME = "readers: [{name: Home, url: https://www.example.com/, %s}]\n"


@dataclass(frozen=True)
class Compiled:
    """Stands for an extractor: equal when it was compiled from equal text."""

    source: str

    def __call__(self, body: bytes, charset: str | None) -> str:
        raise NotImplementedError


def compile_json_path(text: str) -> Compiled:
    if not re.fullmatch(r"\$[\w.\[\]]*[\w\]]", text):
        raise ValueError("is not a JSONPath")
    return Compiled(text)


def compile_regex(text: str) -> Compiled:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    return Compiled(text)


def load(
    path: Path, environ: Mapping[str, str] | None = None, *, default_interval_us: int = 30_000_000
) -> tuple[Check, ...]:
    return load_all(path, environ, default_interval_us=default_interval_us).checks


def load_all(
    path: Path, environ: Mapping[str, str] | None = None, *, default_interval_us: int = 30_000_000
) -> ReaderFile:
    return load_reader_file(
        path,
        environ or {},
        default_interval_us=default_interval_us,
        compile_json_path=compile_json_path,
        compile_regex=compile_regex,
        now=NOW,
    )


def load_text(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> tuple[Check, ...]:
    path = folder / "readers.yml"
    path.write_text(text, encoding="utf-8")
    return load(path, environ)


def load_one(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Check:
    (check,) = load_text(folder, text, environ)
    return check


def home(folder: Path, keys: str, environ: Mapping[str, str] | None = None) -> Check:
    """The check `Home` with these keys, in flow style."""
    return load_one(folder, HOME % keys, environ)


def mistakes(path: Path, environ: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with the file or directory, its folder cut off."""
    with pytest.raises(ConfigurationError) as caught:
        load(path, environ)
    lines = [str(problem).replace(f"{path}/", "") for problem in caught.value.problems]
    return [line.replace(f"{path.parent}/", "") for line in lines]


def mistakes_in(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    path = folder / "readers.yml"
    path.write_text(text, encoding="utf-8")
    return mistakes(path, environ)
