"""Which files a reader path means, and what is written in them."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Final

from apistatus.errors import ConfigurationError, Problem
from apistatus.settings.files import read_regular, reason

MAX_FILE_BYTES: Final = 64 * 2**20
_ENDINGS: Final = (".yml", ".yaml")


def reader_files(path: Path) -> list[Path]:
    """The file at `path`, with or without its ending, or the YAML files of a directory, by name.

    Names with a leading dot are skipped, as Kubernetes puts its own into a volume. Raises
    ConfigurationError when there is none.
    """
    try:
        if path.is_dir():
            return _in_directory(path)
        if path.exists():
            return [path]
        found = [named for ending in _ENDINGS if (named := Path(f"{path}{ending}")).exists()]
    except OSError as error:
        raise ConfigurationError([Problem(str(path), f"cannot read it: {reason(error)}")]) from error
    if len(found) > 1:
        raise ConfigurationError(
            [Problem(str(path), f"both {found[0]} and {found[1]} are there; name one of them")]
        )
    if not found:
        raise ConfigurationError(
            [
                Problem(
                    str(path),
                    "no such reader file, nor with .yml or .yaml; set READER_CONF_FILE or --readers",
                )
            ]
        )
    return found


def _in_directory(path: Path) -> list[Path]:
    files = [
        file for file in sorted(path.iterdir()) if file.suffix in _ENDINGS and not file.name.startswith(".")
    ]
    if not files:
        raise ConfigurationError([Problem(str(path), "no .yml or .yaml file in this directory")])
    return files


def included_files(pattern: str, folder: Path) -> list[Path]:
    """The files that a pattern of `include` means, by name. Raises ValueError with half a sentence."""
    # Path.glob takes no absolute pattern.
    names = glob.glob(str(at_home(pattern)), root_dir=folder, recursive=True)  # noqa: PTH207
    files = [folder / name for name in sorted(names) if not (folder / name).is_dir()]
    if not files:
        raise ValueError(f"no file matches, seen from {folder}")
    return files


def at_home(name: str) -> Path:
    """The path, a leading `~` replaced. Raises ValueError with half a sentence."""
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise ValueError("begins with ~, but the home directory is not known") from error


def read_text(path: Path) -> str:
    """The file's text without a byte order mark. Raises ValueError with half a sentence."""
    try:
        return read_regular(path, MAX_FILE_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"cannot read it: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text at byte {error.start}") from error
