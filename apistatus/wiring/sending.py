"""How `produce` gets its messages to Kafka: straight, or by way of the spool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from apistatus.kafka.publisher import KafkaPublisher
    from apistatus.ports import Clock, ResultPublisher
    from apistatus.runtime.metrics import Metrics
    from apistatus.settings.schema import KafkaSettings, ProbeSettings
    from apistatus.spool.publisher import SpoolingPublisher
    from apistatus.spool.store import Spool

_KEPT_WITH_SPOOL_BYTES: Final = 16 * 2**20
"""In memory for Kafka: what is more is on disk already, so that little is read and sent twice."""
_RESERVE_S: Final = 3.0
"""Of the grace, for writing what is left to the spool and for closing."""


class Sending:
    """The publisher that the loop uses, and what stands behind it; in the state directory's lock."""

    def __init__(
        self, kafka: KafkaPublisher, probe: ProbeSettings, clock: Clock, metrics: Metrics,
        abandoned: Sequence[Path] = (),
    ) -> None:  # fmt: skip
        """`abandoned`: folders whose spools are ours to send. Raises ConfigurationError when the spool is in use."""
        self._kafka = kafka
        self._spool: Spool | None = None
        self._spooling: SpoolingPublisher | None = None
        self.publisher: ResultPublisher = kafka
        if probe.spool != "off":
            self._spool, self._spooling = _spooling(kafka, probe, clock, metrics, abandoned)
            self.publisher = self._spooling

    def readiness(self) -> str | None:
        """Why what waits for Kafka would not outlive this process; None: it would, or is not to."""
        return self._spooling.readiness() if self._spooling else None

    def sync(self) -> None:
        """Bring what was spooled to the disk."""
        if self._spool is not None:
            self._spool.sync()

    def end(self, within_s: float) -> tuple[int, int]:
        """Deliver, spool the rest, close; how many messages are neither acknowledged nor on disk, and
        how many wait in the spool."""
        self.publisher.flush(max(0.0, within_s - min(_RESERVE_S, within_s / 4)))
        unsent = self.publisher.close()
        return unsent, self._spooling.spooled if self._spooling else 0


def kafka_publisher(kafka: KafkaSettings, probe: ProbeSettings, metrics: Metrics) -> KafkaPublisher:
    """The way to Kafka itself; with a spool behind it, it may give up what finds no room."""
    from apistatus.kafka.publisher import KafkaPublisher

    if probe.spool == "off":
        return KafkaPublisher(kafka, metrics)
    return KafkaPublisher(kafka, metrics, kept_max_bytes=_KEPT_WITH_SPOOL_BYTES, is_last_resort=False)


def _spooling(
    kafka: KafkaPublisher, probe: ProbeSettings, clock: Clock, metrics: Metrics, abandoned: Sequence[Path]
) -> tuple[Spool, SpoolingPublisher]:  # fmt: skip
    from apistatus.spool.leftovers import Leftovers
    from apistatus.spool.publisher import SpoolingPublisher
    from apistatus.spool.store import Spool

    max_bytes, max_age_s = probe.spool_max_bytes, probe.spool_max_age_us / 1e6
    spool = Spool(probe.state_dir, max_bytes=max_bytes, max_age_s=max_age_s, clock=clock)
    leftovers = Leftovers(spool, clock, max_bytes=max_bytes, max_age_s=max_age_s, folders=abandoned)
    spooling = SpoolingPublisher(
        kafka, spool, clock, metrics, is_always=probe.spool == "always", adopt=leftovers.adopt
    )
    spooling.start()
    return spool, spooling
