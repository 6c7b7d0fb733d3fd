"""`apistatus produce`, put together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from queue import SimpleQueue
from typing import TYPE_CHECKING

from apistatus.errors import ConfigurationError
from apistatus.wiring import serving
from apistatus.wiring.loading import Environ, Flags, checks_of, new_metrics, settings_for
from apistatus.wiring.topic import TopicInBackground

if TYPE_CHECKING:
    from apistatus.model.check import Check
    from apistatus.ports import ResultPublisher
    from apistatus.produce.keeping import Keeper
    from apistatus.produce.loop import ProduceLoop
    from apistatus.runtime.logs import Events
    from apistatus.runtime.metrics import Metrics
    from apistatus.runtime.state_dir import StateDir
    from apistatus.settings.schema import Settings

_PROBES_SHARE_OF_GRACE = 0.6
"""Open probes may take this part of the grace; the rest is for the delivery of what they found."""


def run(environ: Environ, flags: Flags) -> int:
    """Run `apistatus produce` until a signal; its exit code."""
    from apistatus.runtime.state_dir import StateDir

    settings = settings_for(environ, flags, "kafka", "readers", "probe", "service").settings
    checks = checks_of(settings.reader, environ)
    state = StateDir(settings.probe.state_dir)
    with state.locked():
        return _Producer(settings, state, environ).run(checks)


class _Producer:
    """One run of the command, with the state directory for itself."""

    def __init__(self, settings: Settings, state: StateDir, environ: Environ) -> None:
        from apistatus.runtime.clock import SystemClock
        from apistatus.runtime.logs import Events
        from apistatus.runtime.stopping import Stop

        self._settings, self._state, self._environ = settings, state, environ
        self._log, self._stop, self._metrics, self._clock = (
            Events("produce"),
            Stop(),
            new_metrics(),
            SystemClock(),
        )
        self._grace = _Grace(settings.service.grace_s)
        self._stop.on_ask(self._grace.begin)

    def run(self, checks: tuple[Check, ...]) -> int:
        from apistatus import __version__
        from apistatus.runtime import event_loop
        from apistatus.runtime.stopping import signals
        from apistatus.wiring.sending import Sending, kafka_publisher

        settings, metrics = self._settings, self._metrics
        with ExitStack() as stack:
            kafka = kafka_publisher(settings.kafka, settings.probe, metrics)
            stack.callback(kafka.close)
            sending = Sending(kafka, settings.probe, self._clock, metrics)
            stack.callback(sending.publisher.close)
            loop = self._loop(checks, sending.publisher)
            topic = TopicInBackground(settings.kafka, self._stop, metrics, kafka.topic_ready)
            parts = {
                "kafka": lambda: topic.readiness() or kafka.readiness(),
                "checks": loop.readiness, "spool": sending.readiness,
            }  # fmt: skip
            stack.enter_context(serving.served(settings.service, metrics, parts=parts, live=loop.liveness))
            reload = _Reload(loop, lambda: checks_of(settings.reader, self._environ), metrics, self._log)
            stack.enter_context(signals(self._stop, reload.ask))
            self._log.always(
                "produce.started", version=__version__, checks=len(checks), location=settings.probe.location
            )
            topic.start()
            keeper = self._keeper(loop, sending.sync)
            keeper.start()
            try:
                summary = event_loop.run(loop.run(self._stop))
            finally:
                unsent, spooled = sending.end(self._grace.left_s())
                keeper.close()
            self._log.always(
                "produce.stopped", made=summary.made, missed=summary.missed, unsent=unsent, spooled=spooled
            )
            topic.raise_if_failed()
            return serving.exit_code(self._stop, abandoned=bool(unsent or summary.abandoned))
        raise AssertionError("unreachable: no context above swallows exceptions")

    def _loop(self, checks: tuple[Check, ...], publisher: ResultPublisher) -> ProduceLoop:
        from apistatus.probing.prober import HttpProber
        from apistatus.produce.keeping import read_past
        from apistatus.produce.loop import Options, ProduceLoop

        probe, clock = self._settings.probe, self._clock
        options = Options(
            location=probe.location, producer=self._state.producer_id(), cloudevents=probe.cloudevents,
            max_in_flight=probe.max_in_flight, backfill_us=probe.missed_backfill_us,
            grace_s=self._settings.service.grace_s * _PROBES_SHARE_OF_GRACE,
        )  # fmt: skip
        past = read_past(self._state, probe.location)
        prober = HttpProber(
            clock, deny_networks=probe.deny_networks, tls_engine=probe.tls_engine, tell_held=False
        )
        return ProduceLoop(
            checks, prober, publisher, clock, self._metrics, options, past=past
        )  # fmt: skip

    def _keeper(self, loop: ProduceLoop, sync: Callable[[], None]) -> Keeper:
        from apistatus.produce.keeping import Keeper

        location = self._settings.probe.location
        return Keeper(self._state, location, loop.watermark_us, loop.in_force, sync)


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
        # No threading.Event: see `runtime.stopping.Stop`.
        self._asked: SimpleQueue[None] = SimpleQueue()
        threading.Thread(target=self._run, name="reload", daemon=True).start()

    def ask(self) -> None:
        """Safe in a signal handler; requests that come while one is served are served once, after it."""
        self._asked.put(None)

    def _run(self) -> None:
        while True:
            self._asked.get()
            while not self._asked.empty():
                self._asked.get()
            try:
                checks = self._load()
            except ConfigurationError as error:
                self._metrics.reloads.labels("refused").inc()
                self._log.always("reload.refused", mistakes=str(error))
            else:
                self._loop.reload(checks)
