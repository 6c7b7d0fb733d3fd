"""The spool: messages that wait on disk for Kafka; appended, sent again oldest first, capped.

Confirmed means: in the file (see `database` for what that survives). While the disk takes nothing the
spool goes on in memory, says so loudly and in `degraded`, and goes back to the disk by itself. What the
caps drop is counted for ever. No call raises for a disk or a file that is at fault.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from apistatus.errors import ConfigurationError, Problem
from apistatus.ports import Clock
from apistatus.runtime.logs import Events
from apistatus.spool import files
from apistatus.spool.disk import Disk
from apistatus.spool.dropping import DropReport
from apistatus.spool.entries import Entry, Row, Stats, pack, unpack
from apistatus.spool.memory import MemoryRows

log = Events("spool")

MEMORY_BYTES = 64 * 1024 * 1024
_UPKEEP_NS = 1_000_000_000
_RESTS = 10
"""Upkeep that takes long (a disk that hangs) rests this many times as long."""
_MOVE_ROWS = 1000

_Fields = tuple[int, int, int, int, bytes, bytes, bytes | None]


class _Append:
    """One caller's entries on their way into the file."""

    def __init__(self, rows: list[_Fields]) -> None:
        self.rows = rows
        self.ids: list[int] | None = None


class Spool:
    """One spool file in a folder, `<name>.sqlite3`. Every method may be called from any thread.

    Callers that append at once are committed together. An entry's age is the time since it was
    appended, by a clock that runs on steadily when the wall clock is set.
    """

    def __init__(
        self, folder: Path, *, max_bytes: int, max_age_s: float, clock: Clock,
        name: str = "spool", memory_bytes: int = MEMORY_BYTES,
    ) -> None:  # fmt: skip
        """`max_bytes` bounds what is kept on disk, `memory_bytes` what is held while the disk fails.

        Raises ConfigurationError when another process has the file.
        """
        self.path = folder / f"{name}.sqlite3"
        self._max_bytes = max_bytes
        self._max_age_us = int(max_age_s * 1e6)
        self._clock = clock
        self._lock = threading.Lock()
        self._appends: deque[_Append] = deque()
        self._memory = MemoryRows(min(memory_bytes, max_bytes))
        self._dropped = DropReport(clock)
        self._disk = Disk(self.path, clock, self._dropped, max_bytes=max_bytes)
        self._closed = False
        self._start_us, self._start_mono_ns = clock.wall_us(), clock.mono_ns()
        self._upkeep_mono_ns = self._start_mono_ns
        """When the file is looked after next."""
        self._next_id = 1
        self._open_first()

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """Keep entries; their ids, in order. They survive SIGKILL when `on_disk` says so.

        Blocks for one commit and now and then for a checkpoint: not for an event loop's thread.
        """
        now_us = self._now_us()
        mine = _Append([pack(entry, now_us) for entry in entries])
        self._appends.append(mine)
        with self._lock:
            if mine.ids is None:
                self._serve(mine)
        if mine.ids is None:
            raise ValueError("the spool is closed")
        return mine.ids

    def on_disk(self, ids: Collection[int]) -> bool:
        """Whether none of these entries is in memory only."""
        with self._lock:
            self._keep_up()
            first = self._memory.first
            return first is None or max(ids, default=0) < first.id

    def oldest(self, limit: int, after_id: int = 0) -> list[tuple[int, Entry]]:
        """The first `limit` entries behind an id, oldest first; they stay until they are removed."""
        with self._lock:
            self._keep_up()
            rows = self._disk.read(limit, after_id)
            rows += self._memory.read(limit - len(rows), after_id)
            return [(row.id, unpack(row)) for row in rows]

    def remove(self, ids: Iterable[int]) -> None:
        """Forget entries that Kafka has; unknown ids are ignored."""
        with self._lock:
            self._keep_up()
            wanted = set(ids)
            on_disk = wanted - self._memory.remove(wanted)
            if on_disk:
                self._disk.remove(on_disk)

    @property
    def degraded(self) -> str | None:
        """Why new entries are in memory only; None: they are on disk."""
        return self._disk.failure

    def stats(self) -> Stats:
        """What waits and what was dropped; a file that cannot be opened counts as empty."""
        with self._lock:
            self._keep_up()
            totals, first = self._disk.totals, self._memory.first
            oldest_us = self._disk.oldest_created_us()
            if oldest_us is None and first is not None:
                oldest_us = first.created_us
            return Stats(
                entries=totals.entries + len(self._memory),
                bytes=totals.bytes + self._memory.bytes,
                oldest_us=oldest_us,
                dropped_entries=totals.dropped_entries + self._dropped.unsaved[0],
                dropped_bytes=totals.dropped_bytes + self._dropped.unsaved[1],
                degraded=self.degraded,
            )

    def sync(self) -> bool:
        """Bring everything appended so far to the disk, so that it survives a power cut too; False when
        the disk is at fault. Call it before the schedule's watermark is kept."""
        with self._lock:
            self._keep_up()
            return self._disk.sync() and self.degraded is None

    def close(self) -> int:
        """Write what is in memory, if the disk takes it by now, and free the file; how many entries were lost."""
        with self._lock:
            if self._closed:
                return 0
            if self.degraded is not None:
                self._recover()
            self._closed = True
            if self._memory:
                log.error("spool.lost", entries=len(self._memory), cause=self.degraded)
            self._dropped.say(at_once=True)
            self._disk.close()
            return len(self._memory)

    def _now_us(self) -> int:
        return self._start_us + (self._clock.mono_ns() - self._start_mono_ns) // 1000

    def _open_first(self) -> None:
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and files.primary_code(error) == sqlite3.SQLITE_BUSY:
                text = f"{self.path} is in use by another process; give each its own directory"
                raise ConfigurationError([Problem("APISTATUS_STATE_DIR", text)]) from error
            # Ids must be above those in the file, which is not known yet.
            self._next_id = max(1, self._start_us)
            self._disk.fail(error)

    def _open(self) -> None:
        self._disk.open()
        last_id, last_spooled_us = self._disk.newest
        # Ages are differences: a wall clock that was set back since the last run must not make them negative.
        self._start_us += max(0, last_spooled_us - self._now_us())
        if (first := self._memory.first) and first.id <= last_id:
            self._memory.renumber(last_id + 1)
        self._next_id = max(self._next_id, last_id + 1 + len(self._memory))

    def _serve(self, mine: _Append) -> None:
        """Commit everything that callers wait for, in one transaction."""
        if self._closed:
            return
        self._keep_up()
        taken: list[_Append] = []
        while self._appends:
            taken.append(self._appends.popleft())
        try:
            rows, given = self._number(taken)
            self._write(rows)
        except BaseException:
            # The others, who wait for the lock, see to themselves.
            self._appends.extend(append for append in taken if append is not mine)
            raise
        for append, ids in zip(taken, given, strict=True):
            append.ids = ids

    def _number(self, taken: list[_Append]) -> tuple[list[Row], list[list[int]]]:
        rows: list[Row] = []
        given: list[list[int]] = []
        for append in taken:
            first = self._next_id
            rows += [Row(first + at, *fields) for at, fields in enumerate(append.rows)]
            self._next_id += len(append.rows)
            given.append(list(range(first, self._next_id)))
        return rows, given

    def _write(self, rows: list[Row]) -> None:
        fitting = [row for row in rows if row.cost_bytes <= self._max_bytes]
        if len(fitting) < len(rows):
            size_bytes = sum(row.cost_bytes for row in rows) - sum(row.cost_bytes for row in fitting)
            self._dropped.add("too_large", len(rows) - len(fitting), size_bytes)
        if self.degraded is not None or not self._disk.insert(fitting):
            self._dropped.add("memory_full", *self._memory.add(fitting))

    def _keep_up(self) -> None:
        """Once a second: back to the disk if it is possible, drop what is too old, say what was dropped."""
        began_ns = self._clock.mono_ns()
        if self._closed or began_ns < self._upkeep_mono_ns:
            return
        cut_us = self._now_us() - self._max_age_us
        self._disk.follow()
        if self.degraded is not None:
            self._recover()
        self._disk.cap(cut_us)
        self._dropped.add("too_old", *self._memory.drop_oldest(spooled_before_us=cut_us))
        self._dropped.say()
        now_ns = self._clock.mono_ns()
        self._upkeep_mono_ns = now_ns + max(_UPKEEP_NS, _RESTS * (now_ns - began_ns))

    def _recover(self) -> None:
        """Move what is in memory to the disk; stays degraded when that does not work to the end."""
        if not self._disk.is_open:
            try:
                self._open()
            except (sqlite3.Error, OSError) as error:
                self._disk.fail(error)
                return
        while True:
            rows = self._memory.read(_MOVE_ROWS, 0)
            if not self._disk.move_in(rows):
                return
            self._memory.remove(row.id for row in rows)
            if not self._memory:
                self._disk.mend()
                return
