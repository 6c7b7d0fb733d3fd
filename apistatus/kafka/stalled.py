"""Partitions that the client has stopped to fetch without a word.

Seen once with librdkafka 2.16, when a topic was made right after its brokers had started: for two minutes
nothing came of it, and no error (a resume that is dropped, as in its issue 5591, would look so). What the
client knows of a partition's end tells nothing: it learns it from answers that it then throws away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple, Protocol

LOOK_S: Final = 5.0
PATIENCE_S: Final = 15.0
"""A slow line may take as long for one answer, and what is left may be control records of transactions, which
nobody gets to see; so the next time it is given twice that."""


class Ends(Protocol):
    """As `Watermarks`."""

    def ends(self, partitions: Collection[int]) -> Mapping[int, int]: ...


class _Behind(NamedTuple):
    since_mono_s: float
    patience_s: float


class Stalled:
    """Looked at now and then, when everything that was fetched has been taken."""

    def __init__(self, ends: Ends, clock: Callable[[], float] = time.monotonic) -> None:
        self._ends, self._clock = ends, clock
        self._looked_mono_s = clock()
        self._positions: Mapping[int, int] = {}
        self._behind: dict[int, _Behind] = {}
        """Partitions that stand still before their end."""

    @property
    def is_due(self) -> bool:
        """Whether it is time for `find`."""
        return self._clock() - self._looked_mono_s >= LOOK_S

    def find(self, positions: Mapping[int, int]) -> list[int]:
        """Which of these partitions, by their next offsets, are to be fetched anew. Raises what `ends` raise."""
        before, self._positions = self._positions, dict(positions)
        self._looked_mono_s = self._clock()
        stood = {partition: at for partition, at in positions.items() if before.get(partition) == at}
        self._behind = {partition: at for partition, at in self._behind.items() if partition in stood}
        found = [partition for partition in tuple(self._behind) if self._is_stalled(partition)]
        self._ask({partition: at for partition, at in stood.items() if partition not in self._behind})
        return found

    def forget(self, partition: int) -> None:
        """It begins anew, and has to be seen standing still anew."""
        self._behind.pop(partition, None)

    def _is_stalled(self, partition: int) -> bool:
        now, behind = self._looked_mono_s, self._behind[partition]
        if now - behind.since_mono_s < behind.patience_s:
            return False
        self._behind[partition] = _Behind(now, 2 * behind.patience_s)
        return True

    def _ask(self, positions: Mapping[int, int]) -> None:
        if not positions:
            return
        for partition, end in self._ends.ends(positions).items():
            if end > positions[partition]:
                self._behind[partition] = _Behind(self._looked_mono_s, PATIENCE_S)
