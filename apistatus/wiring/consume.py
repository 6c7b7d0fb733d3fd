"""`apistatus consume`, put together."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from apistatus import __version__
from apistatus.wiring import maintain, serving
from apistatus.wiring.loading import Environ, Flags, new_metrics, settings_for

if TYPE_CHECKING:
    from apistatus.consume.forwarding import Forwarding
    from apistatus.consume.loop import ConsumeLoop
    from apistatus.ports import Clock, ResultSink, ResultSource
    from apistatus.runtime.logs import Events
    from apistatus.runtime.metrics import Metrics
    from apistatus.runtime.stopping import Stop
    from apistatus.settings.schema import Settings

_STALLED_AFTER_S = 60.0
"""A loop that made no turn for so long hangs: a turn takes half a second, a large batch a few."""


def run(environ: Environ, flags: Flags) -> int:
    """Run `apistatus consume` until a signal; its exit code."""
    from apistatus.consume.options import GARBAGE_AFTER
    from apistatus.kafka.subscriber import KafkaSubscriber
    from apistatus.postgres.sink import PostgresSink
    from apistatus.runtime.clock import SystemClock
    from apistatus.runtime.event_loop import rarely_collecting
    from apistatus.runtime.logs import Events
    from apistatus.runtime.stopping import Stop, signals

    settings = settings_for(environ, flags, "kafka", "postgres", "service", "consume").settings
    log, stop, clock, metrics = Events("consume"), Stop(), SystemClock(), new_metrics()
    sink = PostgresSink(settings.app, group=settings.kafka.consumer_group)
    source = KafkaSubscriber(settings.kafka, metrics)
    forwarding = _forwarding(settings, metrics)
    loop = _loop(settings, source, sink, clock=clock, metrics=metrics, stop=stop, forwarding=forwarding)
    ready = _Readiness(loop, clock)
    with ExitStack() as stack:
        stack.enter_context(signals(stop))
        stack.enter_context(
            serving.served(settings.service, metrics, parts={"consume": ready.ready}, live=ready.live)
        )
        log.always("consume.started", version=__version__, topic=settings.kafka.topic,
                   group=settings.kafka.consumer_group)  # fmt: skip
        if not _services_are_there(settings, sink, log, stop, metrics):
            source.close()
            sink.close()
            return 0
        ready.begin()
        forwarding.start()
        stack.callback(forwarding.close)
        stack.enter_context(maintain.beside(settings.app, settings.storage))
        with rarely_collecting(GARBAGE_AFTER):
            loop.run()
    totals = loop.totals
    log.always(
        "consume.stopped", rows=totals.rows, duplicates=totals.duplicates, dead_letters=totals.dead_letters
    )
    return serving.exit_code(stop, abandoned=False)


def _services_are_there(
    settings: Settings, sink: ResultSink, log: Events, stop: Stop, metrics: Metrics
) -> bool:
    """Wait for a schema that fits and for the topic; False when a stop was asked for first."""
    from apistatus.kafka.topics import ensure_topic
    from apistatus.runtime.retrying import Stopped, until_it_answers

    try:
        until_it_answers(sink.check_schema, what="postgres", log=log, stop=stop, metrics=metrics)
        until_it_answers(
            lambda: ensure_topic(settings.kafka), what="kafka", log=log, stop=stop, metrics=metrics
        )
    except Stopped:
        return False
    return True


def _forwarding(settings: Settings, metrics: Metrics) -> Forwarding:
    from apistatus.consume.forwarding import Forwarding
    from apistatus.kafka.forwarder import LetterSender
    from apistatus.postgres.dead_letters import ForwardingBox

    outbox = ForwardingBox(settings.app, topic=settings.kafka.topic)
    topic = LetterSender.to_dead_letter_topic(settings.kafka)
    return Forwarding(outbox, topic, metrics, group=settings.kafka.consumer_group)


def _loop(
    settings: Settings, source: ResultSource, sink: ResultSink, *, clock: Clock, metrics: Metrics,
    stop: Stop, forwarding: Forwarding,
) -> ConsumeLoop:  # fmt: skip
    from apistatus.consume.loop import ConsumeLoop
    from apistatus.consume.options import Options

    options = Options(
        fence_pause_s=2 * settings.kafka.session_timeout_ms / 1000,
        dead_letter_limit=settings.consume.dead_letter_limit,
        on_recreated_topic=settings.consume.on_recreated_topic,
        on_lost_offsets=settings.consume.on_lost_offsets,
        on_dead_letters=forwarding.wake,
    )
    return ConsumeLoop(source, sink, clock, metrics, stop, options)


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
