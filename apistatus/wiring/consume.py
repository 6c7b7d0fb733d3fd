"""`apistatus consume`, put together."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from apistatus.wiring import serving
from apistatus.wiring.loading import Environ, Flags, new_metrics, settings_for

if TYPE_CHECKING:
    from apistatus.consume.loop import ConsumeLoop
    from apistatus.ports import Clock

_STALLED_AFTER_S = 60.0
"""A loop that made no turn for so long hangs: a turn takes half a second, a large batch a few."""


def run(environ: Environ, flags: Flags) -> int:
    """Run `apistatus consume` until a signal; its exit code."""
    from apistatus import __version__
    from apistatus.consume.loop import ConsumeLoop, Options
    from apistatus.kafka.subscriber import KafkaSubscriber
    from apistatus.kafka.topics import ensure_topic
    from apistatus.postgres.sink import PostgresSink
    from apistatus.runtime.clock import SystemClock
    from apistatus.runtime.logs import Events
    from apistatus.runtime.retrying import Stopped, until_it_answers
    from apistatus.runtime.stopping import Stop, signals

    settings = settings_for(environ, flags, "kafka", "postgres", "service").settings
    log, stop, clock, metrics = Events("consume"), Stop(), SystemClock(), new_metrics()
    sink = PostgresSink(settings.app, group=settings.kafka.consumer_group)
    source = KafkaSubscriber(settings.kafka, metrics)
    options = Options(fence_pause_s=2 * settings.kafka.session_timeout_ms / 1000)
    loop = ConsumeLoop(source, sink, clock, metrics, stop, options)
    ready = _Readiness(loop, clock)
    with ExitStack() as stack:
        stack.enter_context(signals(stop))
        stack.enter_context(
            serving.served(settings.service, metrics, parts={"consume": ready.ready}, live=ready.live)
        )
        log.always(
            "consume.started",
            version=__version__,
            topic=settings.kafka.topic,
            group=settings.kafka.consumer_group,
        )
        try:
            until_it_answers(sink.check_schema, what="postgres", log=log, stop=stop, metrics=metrics)
            until_it_answers(
                lambda: ensure_topic(settings.kafka), what="kafka", log=log, stop=stop, metrics=metrics
            )
        except Stopped:
            source.close()
            sink.close()
            return 0
        ready.begin()
        loop.run()
    totals = loop.totals
    log.always(
        "consume.stopped", rows=totals.rows, duplicates=totals.duplicates, dead_letters=totals.dead_letters
    )
    return serving.exit_code(stop, abandoned=False)


class _Readiness:
    """The connections are there, the schema fits, the loop makes progress."""

    def __init__(self, loop: ConsumeLoop, clock: Clock) -> None:
        self._loop, self._clock = loop, clock
        self._begun = False

    def begin(self) -> None:
        self._begun = True

    def live(self) -> str | None:
        stalled_s = (self._clock.mono_ns() - self._loop.turned_mono_ns) / 1e9
        return f"no turn for {stalled_s:.0f} s" if self._begun and stalled_s > _STALLED_AFTER_S else None

    def ready(self) -> str | None:
        if not self._begun:
            return "waiting for PostgreSQL and Kafka"
        return self.live() or self._loop.waits_for
