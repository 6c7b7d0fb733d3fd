"""The folder where a producer keeps what has to outlive it: its id now, and what later rooms put there."""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path
from typing import Final

from apistatus.errors import ConfigurationError, Problem
from apistatus.runtime.logs import Events

log = Events("state")

_VARIABLE: Final = "APISTATUS_STATE_DIR"
_ID_FILE: Final = "producer-id"
_ID: Final = re.compile(r"[0-9a-f]{32}")
_ID_MAX_BYTES: Final = 256


class StateDir:
    """`path` is made, readable for its owner alone, when something is first kept in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def producer_id(self) -> str:
        """The id kept here, 32 hexadecimal digits; made and kept when there is none yet.

        Two processes that start at once get the same one. A damaged file is set aside as
        `producer-id.damaged` and said so. Raises ConfigurationError when the folder cannot be used.
        """
        try:
            self._make()
            return self._kept_id() or self._keep_new_id()
        except OSError as error:
            raise self._unusable(error) from error

    def _make(self) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError as error:
            raise ConfigurationError([Problem(_VARIABLE, f"{self.path} is not a directory")]) from error

    def _kept_id(self) -> str | None:
        file = self.path / _ID_FILE
        if not file.exists():
            return None
        if not file.is_file():
            raise ConfigurationError([Problem(_VARIABLE, f"{file} is not a regular file; move it away")])
        with file.open("rb") as opened:
            content = opened.read(_ID_MAX_BYTES)
        text = content.decode("ascii", "replace").strip()
        if _ID.fullmatch(text):
            return text
        aside = file.with_name(f"{_ID_FILE}.damaged")
        file.replace(aside)
        log.warning("producer_id.damaged", file=file, kept_as=aside, hint="a new id was made")
        return None

    def _keep_new_id(self) -> str:
        """Written in full and synced before it gets its name, so that a crash leaves no half of it."""
        file, draft = self.path / _ID_FILE, self.path / f".{_ID_FILE}.{uuid.uuid4().hex}"
        made = uuid.uuid4().hex
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, f"{made}\n".encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if not _named(draft, file):
                return self._kept_id() or self._keep_new_id()
        finally:
            draft.unlink(missing_ok=True)
        self._sync_folder()
        return made

    def _sync_folder(self) -> None:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _unusable(self, error: OSError) -> ConfigurationError:
        cause = (error.strerror or type(error).__name__).lower()
        return ConfigurationError(
            [
                Problem(
                    _VARIABLE,
                    f"{self.path} cannot be used to keep state: {cause}; name a directory we can write to",
                )
            ]
        )


def _named(draft: Path, file: Path) -> bool:
    """Give the draft its name; False when somebody faster has made the file already."""
    try:
        os.link(draft, file)  # unlike a rename it never replaces the other one's
    except FileExistsError:
        return False
    except OSError:  # a volume without hard links
        draft.replace(file)
    return True
