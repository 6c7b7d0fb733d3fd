"""Whether files have changed, told without reading them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def stamps_of(files: Iterable[Path]) -> tuple[object, ...]:
    """Differ when one of the files does: also where a link was turned to another, as Kubernetes does it, and
    where it may be read now and might not before."""
    return tuple(map(_stamp, files))


def _stamp(file: Path) -> object:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
