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
from apistatus.wiring.loading import Environ, Flags, new_metrics, reader_file, settings_for
from apistatus.wiring.names import resolver_of
from apistatus.wiring.topic import TopicInBackground

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from apistatus.ports import ResultPublisher
    from apistatus.produce.keeping import Keeper
    from apistatus.produce.loop import ProduceLoop
    from apistatus.runtime.logs import Events
    from apistatus.runtime.metrics import Metrics
    from apistatus.runtime.state_dir import StateDir
    from apistatus.settings.checks import ReaderFile
    from apistatus.settings.schema import Settings
    from apistatus.wiring.serving import Serve

NEEDS = ("kafka", "readers", "probe", "service")
"""The groups of settings that the command reads."""

_PROBES_SHARE_OF_GRACE = 0.6
"""Open probes may take this part of the grace; the rest is for the delivery of what they found."""


def run(environ: Environ, flags: Flags) -> int:
    """Run `apistatus produce` until a signal; its exit code."""
    from apistatus.runtime.state_dir import StateDir

    settings = settings_for(environ, flags, *NEEDS).settings
    reader = reader_file(settings.reader, environ)
    probe = settings.probe
    state = StateDir(probe.state_dir)
    with state.locked():
        from apistatus.produce.shares import other_homes
        from apistatus.wiring import processes

        processes.take_over(state, probe.location, probe.processes, settings.service.grace_s)
        if probe.processes > 1:
            return processes.run(settings, state, flags)
        return Producer(
            settings, lambda: reader_file(settings.reader, environ), state, producer=state.producer_id(),
            abandoned=other_homes(state.path, 1),
        ).run(reader)  # fmt: skip


class Producer:
    """The checks of one process, with a folder for its state that no other process uses."""

    def __init__(
        self, settings: Settings, load: Callable[[], ReaderFile], state: StateDir, *, producer: str,
        abandoned: Sequence[Path], serve: Serve | None = None,
    ) -> None:  # fmt: skip
        """`load` reads checks and references anew; `abandoned` are folders whose spools are to be sent too;
        `serve` shows health and metrics, as the page does when there is none."""
        from apistatus.runtime.clock import SystemClock
        from apistatus.runtime.logs import Events
        from apistatus.runtime.stopping import Stop
        from apistatus.wiring.connectivity import Reports, references_of

        self._settings, self._load, self._state = settings, load, state
        self._producer, self._abandoned, self._serve = producer, abandoned, serve or serving.served
        self._log, self.stop, self._metrics, self._clock = (
            Events("produce"),
            Stop(),
            new_metrics(),
            SystemClock(),
        )
        self._reports = Reports(self._metrics)
        self._references = references_of((), settings.probe, self._clock, self._reports.asked)
        self._grace = _Grace(settings.service.grace_s)
        self.stop.on_ask(self._grace.begin)

    def run(self, reader: ReaderFile) -> int:
        """Check until a signal; the exit code."""
        from apistatus import __version__
        from apistatus.runtime import event_loop, loop_lag
        from apistatus.runtime.stopping import signals
        from apistatus.wiring.sending import Sending, kafka_publisher

        settings, metrics = self._settings, self._metrics
        with ExitStack() as stack:
            kafka = kafka_publisher(settings.kafka, settings.probe, metrics)
            stack.callback(kafka.close)
            sending = Sending(kafka, settings.probe, self._clock, metrics, self._abandoned)
            stack.callback(sending.publisher.close)
            loop = self._loop(reader, sending.publisher)
            topic = TopicInBackground(settings.kafka, self.stop, metrics, kafka.topic_ready)
            parts = {
                "kafka": lambda: topic.readiness() or kafka.readiness(),
                "checks": loop.readiness, "spool": sending.readiness,
            }  # fmt: skip
            stack.enter_context(self._serve(settings.service, metrics, parts=parts, live=loop.liveness))
            reload = _Reload(self._load, lambda read: self._put_in_force(read, loop), metrics, self._log)
            stack.enter_context(signals(self.stop, reload.ask))
            self._log.always(
                "produce.started", version=__version__, checks=len(reader.checks),
                location=settings.probe.location,
            )  # fmt: skip
            topic.start()
            keeper = self._keeper(loop, sending.sync)
            keeper.start()
            try:
                summary = event_loop.run(loop_lag.watched(loop.run(self.stop), metrics.loop_lag.observe))
            finally:
                unsent, spooled = sending.end(self._grace.left_s())
                keeper.close()
            self._log.always(
                "produce.stopped", made=summary.made, missed=summary.missed, unsent=unsent, spooled=spooled
            )
            topic.raise_if_failed()
            return serving.exit_code(self.stop, abandoned=bool(unsent or summary.abandoned))
        raise AssertionError("unreachable: no context above swallows exceptions")

    def _loop(self, reader: ReaderFile, publisher: ResultPublisher) -> ProduceLoop:
        from apistatus.probing.connectivity import ConnectivityProber
        from apistatus.probing.prober import HttpProber
        from apistatus.produce.keeping import read_past
        from apistatus.produce.loop import Options, ProduceLoop

        probe, clock = self._settings.probe, self._clock
        options = Options(
            location=probe.location, producer=self._producer, cloudevents=probe.cloudevents,
            max_in_flight=probe.max_in_flight, max_per_host=probe.max_per_host,
            backfill_us=probe.missed_backfill_us,
            grace_s=self._settings.service.grace_s * _PROBES_SHARE_OF_GRACE,
        )  # fmt: skip
        past = read_past(self._state, probe.location)
        http = HttpProber(
            clock, deny_networks=probe.deny_networks, tls_engine=probe.tls_engine, tell_held=False,
            resolver=resolver_of(probe),
        )  # fmt: skip
        self._references.use(reader.connectivity)
        prober = ConnectivityProber(http, self._references, on_excused=self._reports.excused)
        return ProduceLoop(
            reader.checks, prober, publisher, clock, self._metrics, options, past=past
        )  # fmt: skip

    def _put_in_force(self, reader: ReaderFile, loop: ProduceLoop) -> None:
        """What was read anew. Safe in any thread."""
        before = len(self._references)
        if self._references.use(reader.connectivity):
            self._log.always("reload.references", before=before, now=len(self._references))
        loop.reload(reader.checks)

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
        self, load: Callable[[], ReaderFile], use: Callable[[ReaderFile], None], metrics: Metrics, log: Events
    ) -> None:
        self._load, self._use, self._metrics, self._log = load, use, metrics, log
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
                reader = self._load()
            except ConfigurationError as error:
                self._metrics.reloads.labels("refused").inc()
                self._log.error("reload.refused", mistakes=str(error))
            else:
                self._use(reader)
