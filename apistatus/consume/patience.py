"""Waiting for PostgreSQL or Kafka without leaving the group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from apistatus.errors import AccessRefused, ApistatusError, IncompatibleSchema, OffsetOutOfRange
from apistatus.ports import Clock, ResultSource
from apistatus.runtime.logs import Events
from apistatus.runtime.metrics import Metrics
from apistatus.runtime.retrying import until_it_answers
from apistatus.runtime.stopping import Stop

T = TypeVar("T")
log = Events("consume")

_CAP_S: Final = 3.0
"""Longest pause between two tries. With a connection that gives up after 5 s (see postgres.connect) it
keeps what waits for PostgreSQL below 5 s once PostgreSQL is back."""
_POLL_S: Final = 0.2


class Patience:
    """Calls a service until it answers; what the source reads is paused meanwhile, and goes on afterwards."""

    def __init__(
        self, source: ResultSource, clock: Clock, metrics: Metrics, stop: Stop,
        positions: Callable[[], Mapping[int, int | None]],
    ) -> None:  # fmt: skip
        self._source, self._clock, self._metrics, self._stop = source, clock, metrics, stop
        self._positions = positions
        """Where each started partition goes on when the waiting is over."""
        self.turned_mono_ns = clock.mono_ns()
        """When the loop last made a turn, or a try."""
        self.waits_for: str | None = None
        """Why no progress is made just now."""

    def turned(self) -> None:
        """The loop has made a turn."""
        self.turned_mono_ns = self._clock.mono_ns()

    def until(self, call: Callable[[], T], what: str, *, because: ApistatusError | None = None) -> T:
        """The result of `call`, however long its service is away. Raises Stopped, and what is no outage."""
        held = False
        self.waits_for = str(because) if because else None

        def attempt() -> T:
            try:
                return call()
            except IncompatibleSchema as error:
                self.waits_for = str(error)
                # The schema fitted when we started: it is being restored or migrated. Loud, but no end.
                raise AccessRefused(str(error)) from error
            except ApistatusError as error:
                self.waits_for = str(error)
                raise

        def poll_meanwhile(seconds: float) -> None:
            nonlocal held
            if not held:
                self._source.hold()
                held = True
            self._poll_for(seconds)

        result = until_it_answers(
            attempt, what=what, log=log, stop=self._stop, sleep=poll_meanwhile, metrics=self._metrics,
            cap_s=_CAP_S,
        )  # fmt: skip
        self.waits_for = None
        if held:
            log.always(f"{what}.returned")
            assigned = self._source.assigned()
            self._source.start({p: at for p, at in self._positions().items() if p in assigned})
        return result

    def _poll_for(self, seconds: float) -> None:
        """Wait, polling: a member that does not poll is thrown out of the group."""
        until_ns = self._clock.mono_ns() + int(seconds * 1e9)
        while not self._stop.asked and (left_ns := until_ns - self._clock.mono_ns()) > 0:
            try:
                self._source.poll(1, min(_POLL_S, left_ns / 1e9))
            except OffsetOutOfRange as error:
                # It comes again when that partition is started again.
                log.debug("offset.out_of_range", cause=str(error))
            self.turned()
