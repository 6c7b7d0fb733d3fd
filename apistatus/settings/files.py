"""Reading files that a person named: regular ones only, so that a pipe or a device cannot hang us."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

SECRET_MAX_BYTES: Final = 65_536


def read_regular(path: Path, max_bytes: int) -> bytes:
    """The whole file. Raises OSError, its `strerror` for people, also for what is no regular file or too large."""
    try:
        # O_NONBLOCK: opening a pipe without a writer would wait for one.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, "not a file name") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"larger than {max_bytes} bytes")
    return content


def read_secret(path: Path) -> str:
    """The text of a secret's file without the newline at its end. Raises OSError with a `strerror`."""
    try:
        text = read_regular(path, SECRET_MAX_BYTES).decode()
    except UnicodeDecodeError as error:
        # `from None`: the error's text quotes bytes of the secret.
        raise OSError(errno.EILSEQ, f"not UTF-8 text at byte {error.start}") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if "\0" in text:
        raise OSError(errno.EILSEQ, "holds a NUL character")
    return text


def reason(error: OSError) -> str:
    """Why the file could not be read, as half a sentence without its name."""
    return (error.strerror or type(error).__name__).lower()
