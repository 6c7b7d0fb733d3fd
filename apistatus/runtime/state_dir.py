"""The folder where a producer keeps what has to outlive it: its id, its spool, how far it is."""

from __future__ import annotations

import fcntl
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from apistatus.errors import ConfigurationError, Problem
from apistatus.runtime.logs import Events

log = Events("state")

_VARIABLE: Final = "APISTATUS_STATE_DIR"
_ID_FILE: Final = "producer-id"
_LOCK_FILE: Final = "lock"
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

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Have the folder for this process alone. The system ends the lock with the process, however
        that ends. Raises ConfigurationError when another process has it, with its id."""
        try:
            self._make()
            descriptor = os.open(self.path / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            self._lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(descriptor, _ID_MAX_BYTES).decode("ascii", "replace").strip()
            text = (
                f"{self.path} is in use by process {owner or '?'}; "
                "stop that one, or give each its own directory"
            )
            raise ConfigurationError([Problem(_VARIABLE, text)]) from error
        except OSError as error:
            raise self._unusable(error) from error
        with suppress(OSError):  # a full disk: the lock holds, only its owner is not told
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)

    def kept(self, name: str) -> bytes | None:
        """What was last kept under this name; None: nothing. Raises ConfigurationError."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from error

    def keep(self, name: str, content: bytes) -> None:
        """Keep `content` in place of what was there: all of it or nothing, over a crash too.

        Only for the one process that has the folder's lock. Raises OSError.
        """
        draft = self.path / f".{name}.new"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path / name)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def make(self) -> None:
        """Make the folder when it is missing. Raises ConfigurationError."""
        try:
            self._make()
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
