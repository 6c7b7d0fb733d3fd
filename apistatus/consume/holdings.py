"""Which partitions are ours, and how far each is stored: the group assigns, PostgreSQL decides."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from apistatus.ports import Clock, ResultSink, ResultSource
from apistatus.runtime.logs import Events
from apistatus.runtime.metrics import Metrics

log = Events("consume")


class Holdings:
    """Partitions that were claimed and started, and those that wait to be claimed again."""

    def __init__(
        self, source: ResultSource, sink: ResultSink, clock: Clock, metrics: Metrics, fence_pause_s: float
    ) -> None:
        self._source, self._sink, self._clock, self._metrics = source, sink, clock, metrics
        self._pause_ns = int(fence_pause_s * 1e9)
        self.stored: dict[int, int | None] = {}
        """Per started partition the offset that PostgreSQL holds."""
        self._began: dict[int, int] = {}
        """Where each was started last."""
        self._again_at: dict[int, int] = {}
        """Assigned partitions whose claim does not hold any more, and when to claim again (monotonic ns)."""

    def waiting(self) -> frozenset[int]:
        """Assigned partitions that are to be claimed now."""
        now_ns = self._clock.mono_ns()
        return self._source.unstarted() | {p for p, at_ns in self._again_at.items() if at_ns <= now_ns}

    def took(self, positions: Mapping[int, int | None]) -> dict[int, int | None]:
        """PostgreSQL gave us these claims: read from there what is still assigned; which that is."""
        ours = {p: at for p, at in positions.items() if p in self._source.assigned()}
        self.stored.update(ours)
        self.start(ours)
        for partition in positions:
            self._again_at.pop(partition, None)
        self._tell()
        return ours

    def start(self, positions: Mapping[int, int | None]) -> None:
        """Read these from there on."""
        self._began.update(self._source.start(positions))

    @property
    def expected(self) -> dict[int, int | None]:
        """The offset that is read next of each, as far as what is stored tells it."""
        return {p: self._began.get(p) if at is None else at for p, at in self.stored.items()}

    def lost_some(self) -> bool:
        """Forget the claims on partitions that the group took from us; whether there were any."""
        assigned = self._source.assigned()
        for partition in self._again_at.keys() - assigned:
            del self._again_at[partition]
        gone = self.stored.keys() - assigned
        if gone:
            log.info("partitions.lost", partitions=sorted(gone))
            self.forget(gone)
        return bool(gone)

    def forget(self, partitions: Collection[int]) -> None:
        """These are not claimed any more."""
        self._sink.release(partitions)
        for partition in partitions:
            self.stored.pop(partition, None)
        self._tell()

    def step_back(self, partitions: Collection[int], set_back: Collection[int] = ()) -> None:
        """Our claim on these does not hold. Leave them to who owns them now, but claim `set_back` at once.

        What is still assigned after twice the session timeout is claimed again: by then a frozen
        member knows that it lost its partitions.
        """
        now_ns = self._clock.mono_ns()
        for partition in frozenset(partitions) & self._source.assigned():
            self._again_at[partition] = now_ns + (0 if partition in set_back else self._pause_ns)
        self.forget(partitions)
        self._source.release(partitions)

    def claim_all_anew(self) -> None:
        """Every claim is void: the topic is another one."""
        self.step_back(tuple(self.stored), tuple(self.stored))

    def read_again(self) -> None:
        """Go back to what PostgreSQL holds."""
        # Polls made while we waited for a service may have taken more partitions away.
        self.lost_some()
        if self.stored:
            self.start(self.stored)

    def _tell(self) -> None:
        self._metrics.partitions.set(len(self.stored))
