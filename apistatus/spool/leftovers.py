"""Spools that other producers left where nobody else looks: their messages are ours to send."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from apistatus.errors import ConfigurationError
from apistatus.ports import Clock
from apistatus.runtime.logs import Events
from apistatus.spool.store import Spool

log = Events("spool")

_AT_ONCE: Final = 500
_UNBOUND_BYTES: Final = 2**62


class Leftovers:
    """Every other `*.sqlite3` beside a spool's own, and in `folders`; nobody else may use these."""

    def __init__(
        self, own: Spool, clock: Clock, *, max_bytes: int, max_age_s: float, folders: Iterable[Path] = ()
    ) -> None:
        """`max_bytes` is what our own may hold; theirs were held to bounds of their own."""
        self._own, self._clock = own, clock
        self._max_bytes, self._max_age_s = max_bytes, max_age_s
        self._paths = sorted(
            path for folder in (own.path.parent, *folders) for path in folder.glob("*.sqlite3")
            if path != own.path
        )  # fmt: skip
        self._open: Spool | None = None
        self._moved = 0

    def adopt(self) -> bool:
        """Move a few hundred messages into our own spool, when half of it is free; False when there is nothing
        left to do."""
        while self._open is None:
            if not self._paths:
                return False
            self._open = self._opened(self._paths.pop(0))
        if self._own.stats().bytes > self._max_bytes // 2:
            return True  # what has no room there would push out what is in it
        found = self._open.oldest(_AT_ONCE)
        if found and self._own.degraded is None:
            self._own.append([entry for _id, entry in found])
            self._open.remove(entry_id for entry_id, _entry in found)
            self._moved += len(found)
        elif not found:
            self._finish(self._open)
        return True

    def _opened(self, path: Path) -> Spool | None:
        try:
            return Spool(
                path.parent, max_bytes=_UNBOUND_BYTES, max_age_s=self._max_age_s, clock=self._clock,
                name=path.stem,
            )  # fmt: skip
        except ConfigurationError as error:
            log.warning("leftover.skipped", cause=str(error))
            return None

    def _finish(self, spool: Spool) -> None:
        degraded = spool.degraded
        spool.close()
        self._open = None
        if degraded is not None:
            log.warning("leftover.kept", cause=degraded)
            return
        for suffix in (".sqlite3", ".sqlite3-wal", ".reserve"):
            spool.path.with_name(spool.path.stem + suffix).unlink(missing_ok=True)
        say = log.warning if self._moved else log.info
        say("leftover.adopted", file=str(spool.path), messages=self._moved)
        self._moved = 0
