"""What waits in memory while the disk takes nothing: bounded, oldest dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import islice

from apistatus.spool.entries import Row


class MemoryRows:
    """Rows by id, in the order of their ids; never more than `max_bytes` of them."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._rows: OrderedDict[int, Row] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def first(self) -> Row | None:
        """The oldest row."""
        return next(iter(self._rows.values()), None)

    def add(self, rows: Sequence[Row]) -> tuple[int, int]:
        """Keep rows newer than all that are here; how many old ones had to go, and their bytes."""
        for row in rows:
            self._rows[row.id] = row
            self.bytes += row.cost_bytes
        return self.drop_oldest(spooled_before_us=0)

    def drop_oldest(self, *, spooled_before_us: int) -> tuple[int, int]:
        """Drop what is beyond the bound or was spooled before that time; how many, and their bytes."""
        entries = size_bytes = 0
        while (row := self.first) and (self.bytes > self._max_bytes or row.spooled_us < spooled_before_us):
            self._take(row.id)
            entries += 1
            size_bytes += row.cost_bytes
        return entries, size_bytes

    def read(self, limit: int, after_id: int) -> list[Row]:
        """The first rows behind an id, oldest first."""
        return list(islice((row for row in self._rows.values() if row.id > after_id), limit))

    def remove(self, ids: Iterable[int]) -> set[int]:
        """Forget the rows of these ids; which of them were here."""
        here = {entry_id for entry_id in ids if entry_id in self._rows}
        for entry_id in here:
            self._take(entry_id)
        return here

    def renumber(self, first_id: int) -> None:
        """Give the rows new ids from `first_id` on, in their order."""
        rows = enumerate(self._rows.values(), first_id)
        self._rows = OrderedDict((entry_id, row._replace(id=entry_id)) for entry_id, row in rows)

    def _take(self, entry_id: int) -> None:
        self.bytes -= self._rows.pop(entry_id).cost_bytes
