"""`apistatus produce`, put together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from apistatus.errors import ConfigurationError
from apistatus.wiring import serving
from apistatus.wiring.loading import Environ, Flags, checks_of, new_metrics, settings_for
from apistatus.wiring.topic import TopicInBackground

if TYPE_CHECKING:
    from apistatus.kafka.publisher import KafkaPublisher
    from apistatus.model.check import Check
    from apistatus.produce.loop import ProduceLoop
    from apistatus.runtime.logs import Events
    from apistatus.runtime.metrics import Metrics
    from apistatus.settings.schema import Settings

_PROBES_SHARE_OF_GRACE = 0.6
"""Open probes may take this part of the grace; the rest is for the delivery of what they found."""


def run(environ: Environ, flags: Flags) -> int:
    """Run `apistatus produce` until a signal; its exit code."""
    from apistatus import __version__
    from apistatus.kafka.publisher import KafkaPublisher
    from apistatus.runtime import event_loop
    from apistatus.runtime.logs import Events
    from apistatus.runtime.stopping import Stop, signals

    settings = settings_for(environ, flags, "kafka", "readers", "probe", "service").settings
    checks = checks_of(settings.reader, environ)
    log, stop, metrics, grace = Events("produce"), Stop(), new_metrics(), _Grace(settings.service.grace_s)
    stop.on_ask(grace.begin)
    with ExitStack() as stack:
        publisher = KafkaPublisher(settings.kafka, metrics)
        stack.callback(publisher.close)
        loop = _loop(settings, checks, publisher, metrics)
        topic = TopicInBackground(settings.kafka, stop, metrics, publisher.topic_ready)
        parts = {"kafka": lambda: topic.readiness() or publisher.readiness(), "checks": loop.readiness}
        stack.enter_context(serving.served(settings.service, metrics, parts=parts, live=loop.liveness))
        reload = _Reload(loop, lambda: checks_of(settings.reader, environ), metrics, log)
        stack.enter_context(signals(stop, reload.ask))
        log.always(
            "produce.started", version=__version__, checks=len(checks), location=settings.probe.location
        )
        topic.start()
        summary = event_loop.run(loop.run(stop))
        unsent = publisher.flush(grace.left_s())
        log.always("produce.stopped", made=summary.made, missed=summary.missed, unsent=unsent)
        topic.raise_if_failed()
        return serving.exit_code(stop, abandoned=bool(unsent or summary.abandoned))
    raise AssertionError("unreachable: no context above swallows exceptions")


def _loop(
    settings: Settings, checks: tuple[Check, ...], publisher: KafkaPublisher, metrics: Metrics
) -> ProduceLoop:
    from apistatus.probing.prober import HttpxProber
    from apistatus.produce.loop import Options, ProduceLoop
    from apistatus.runtime.clock import SystemClock
    from apistatus.runtime.state_dir import StateDir

    clock, probe = SystemClock(), settings.probe
    options = Options(
        location=probe.location, producer=StateDir(probe.state_dir).producer_id(),
        cloudevents=probe.cloudevents, max_in_flight=probe.max_in_flight,
        grace_s=settings.service.grace_s * _PROBES_SHARE_OF_GRACE,
    )  # fmt: skip
    return ProduceLoop(checks, HttpxProber(clock), publisher, clock, metrics, options)


class _Grace:
    """The time an orderly stop may take, from the moment it was asked for."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: float | None = None

    def begin(self) -> None:
        self._until = time.monotonic() + self._seconds

    def left_s(self) -> float:
        return self._seconds if self._until is None else max(0.0, self._until - time.monotonic())


class _Reload:
    """SIGHUP: the reader file is read again in a thread of its own, so that no check waits for it."""

    def __init__(
        self, loop: ProduceLoop, load: Callable[[], tuple[Check, ...]], metrics: Metrics, log: Events
    ) -> None:
        self._loop, self._load, self._metrics, self._log = loop, load, metrics, log
        self._asked = threading.Event()
        threading.Thread(target=self._run, name="reload", daemon=True).start()

    def ask(self) -> None:
        """Safe in a signal handler; requests that come while one is served are served once, after it."""
        self._asked.set()

    def _run(self) -> None:
        while self._asked.wait():
            self._asked.clear()
            try:
                checks = self._load()
            except ConfigurationError as error:
                self._metrics.reloads.labels("refused").inc()
                self._log.always("reload.refused", mistakes=str(error))
            else:
                self._loop.reload(checks)
