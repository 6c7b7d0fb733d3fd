"""`apistatus check-once`, put together."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from apistatus.errors import ApistatusError, ConfigurationError, KafkaUnavailable, Problem
from apistatus.wiring import serving
from apistatus.wiring.loading import Environ, Flags, new_metrics, reader_file, settings_for
from apistatus.wiring.names import resolver_of

if TYPE_CHECKING:
    from apistatus.model.check import Check
    from apistatus.model.result import OnceResult
    from apistatus.model.selection import Selection
    from apistatus.probing.references import References
    from apistatus.runtime.stopping import Stop
    from apistatus.settings.ad_hoc import AdHocRequest
    from apistatus.settings.schema import KafkaSettings, Settings

_FILES_A_CHECK = 2
"""Open at once by one check at the most, as a rule: happy eyeballs try two addresses at a time."""
_FILES_OF_OURS = 64
"""Standard streams, event loop, resolver, Kafka."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done: which checks, how often, and whether their results go to Kafka."""

    selection: Selection
    request: AdHocRequest
    rounds: int = 1
    every_s: float = 0.0
    """From the start of a round to that of the next; a round that takes longer delays it."""
    publish_within_s: float | None = None
    """Time for the results of a round to reach the topic; None: they stay here."""


class Listener(Protocol):
    """Who is told what comes out, while it does; signals do not interrupt what it does."""

    def round_begins(self, number: int, checks: Sequence[Check]) -> None:
        """A round, counted from 1, of these checks."""

    def result(self, result: OnceResult) -> None:
        """One more result of the round, in the order in which checks end."""

    def round_ends(self, results: Sequence[OnceResult], unpublished: ApistatusError | None) -> None:
        """All results in the order of the checks, and why they did not reach the topic, if they did not."""

    def end(self) -> None:
        """No round follows."""


def run(environ: Environ, flags: Flags, order: Order, listener: Listener) -> int:
    """Make the checks, and tell the listener. 130 or 143 when a signal cut the run off, else 0.

    Raises ConfigurationError, and OSError when the listener cannot write.
    """
    from apistatus.runtime.stopping import Stop, signals

    needs = ("readers", "probe") if order.publish_within_s is None else ("readers", "probe", "kafka")
    settings = settings_for(environ, flags, *needs).settings
    chosen = _selected(settings, environ, order)
    stop = Stop()
    with signals(stop):
        complete = _Rounds(settings, chosen, order, listener, stop).made()
        listener.end()
    return serving.exit_code(stop, abandoned=not complete)


class _Chosen(NamedTuple):
    """The checks of the reader file that are meant, then those of URLs; the file's references are for the
    former."""

    checks: Sequence[Check]
    of_urls: Sequence[str]
    connectivity: Sequence[str]


def _selected(settings: Settings, environ: Environ, order: Order) -> _Chosen:
    from apistatus.probing.extract import compile_json_path, compile_regex
    from apistatus.settings.ad_hoc import ad_hoc_checks

    selection = order.selection
    only_urls = selection.urls and len(selection.urls) == len(selection.names)
    chosen: list[Check] = []
    connectivity: Sequence[str] = ()
    if not only_urls or selection.groups or selection.labels:
        file = reader_file(settings.reader, environ)
        chosen, connectivity = selection.of(file.checks), file.connectivity
    made = ad_hoc_checks(
        selection.urls, order.request, compile_json_path=compile_json_path, compile_regex=compile_regex,
        taken=[check.id for check in chosen],
    )  # fmt: skip
    if not chosen and not made:
        # Nothing to check must not pass for "all is well".
        raise ConfigurationError([Problem("", "no check is left: all are disabled, or none is in all of "
                                              "the groups and labels that were asked for")])  # fmt: skip
    return _Chosen(chosen + made, [check.id for check in made], connectivity)


class _Rounds:
    """The rounds of an order, one after the other."""

    def __init__(
        self, settings: Settings, chosen: _Chosen, order: Order, listener: Listener, stop: Stop
    ) -> None:
        from apistatus.runtime.clock import SystemClock
        from apistatus.wiring.connectivity import Warnings, references_of

        self._settings, self._chosen, self._order = settings, chosen, order
        # For all rounds together: they may follow one another faster than references may be asked.
        self._references = references_of(chosen.connectivity, settings.probe, SystemClock(), Warnings().asked)
        self._listener, self._stop = listener, stop
        self._cut_off: Callable[[], None] = lambda: None
        stop.on_ask(lambda: self._cut_off())
        self._unwritten: OSError | None = None

    def made(self) -> bool:
        """Make them; whether all of the work was done."""
        due_s = time.monotonic()
        for number in range(1, self._order.rounds + 1):
            if number > 1 and self._stop.wait(max(0.0, due_s - time.monotonic())):
                return False
            due_s = time.monotonic() + self._order.every_s
            if not self._round(number):
                return False
        return True

    def _round(self, number: int) -> bool:
        from apistatus.runtime.stopping import Stop

        self._listener.round_begins(number, self._chosen.checks)
        stop = Stop()  # a new one each round: it holds on to what it would cut off
        self._cut_off = stop.ask
        if self._stop.asked:
            stop.ask()
        results = _made(self._settings, self._chosen, self._references, stop, self._tell)
        unpublished = None
        if self._order.publish_within_s is not None:
            try:
                _publish(self._settings.kafka, results, self._stop, self._order.publish_within_s)
            except ApistatusError as error:
                unpublished = error
        if self._unwritten is not None:
            raise self._unwritten
        self._listener.round_ends(results, unpublished)
        return unpublished is None and all(result.status != "missed" for result in results)

    def _tell(self, result: OnceResult) -> None:
        """Tell the listener; when it cannot write any more, only what is to be published goes on."""
        if self._unwritten is not None:
            return
        try:
            self._listener.result(result)
        except OSError as error:
            self._unwritten = error
            if self._order.publish_within_s is None:
                self._cut_off()


def _made(
    settings: Settings, chosen: _Chosen, references: References, stop: Stop,
    tell: Callable[[OnceResult], None],
) -> list[OnceResult]:  # fmt: skip
    from apistatus.probing.connectivity import ConnectivityProber
    from apistatus.probing.prober import HttpProber
    from apistatus.produce.once import Place, check_once
    from apistatus.runtime import event_loop
    from apistatus.runtime.clock import SystemClock

    clock = SystemClock()
    place = Place(settings.probe.location, producer=f"once-{uuid.uuid4().hex[:12]}")
    at_once = min(settings.probe.max_in_flight, _files_allow(len(chosen.checks)))

    async def make() -> list[OnceResult]:
        http = HttpProber(
            clock, deny_networks=settings.probe.deny_networks, tls_engine=settings.probe.tls_engine,
            resolver=resolver_of(settings.probe),
        )  # fmt: skip
        prober = ConnectivityProber(http, references, spared=chosen.of_urls)
        try:
            return await check_once(
                chosen.checks, prober, clock, place, stop=stop, max_in_flight=at_once,
                max_per_host=settings.probe.max_per_host, on_result=tell,
            )  # fmt: skip
        finally:
            await prober.aclose()

    return event_loop.run(make())


def _files_allow(checks: int) -> int:
    """How many checks may be open at once by this process's limit of open files, which is raised as far
    as is needed and allowed: past it, checks would fail by our fault."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = checks * _FILES_A_CHECK + _FILES_OF_OURS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return max(1, checks)
    return max(1, (soft - _FILES_OF_OURS) // _FILES_A_CHECK)


def _publish(kafka: KafkaSettings, results: Sequence[OnceResult], stop: Stop, within_s: float) -> None:
    """Raises KafkaUnavailable, AccessRefused or Stopped unless every result was acknowledged in time."""
    from apistatus.kafka.publisher import KafkaPublisher
    from apistatus.kafka.topics import TIMEOUT_S, ensure_topic
    from apistatus.model import wire
    from apistatus.runtime.logs import Events
    from apistatus.runtime.retrying import until_it_answers

    until = time.monotonic() + within_s
    until_it_answers(
        lambda: ensure_topic(kafka, min(TIMEOUT_S, within_s), is_told=True), what="kafka", log=Events("kafka"),
        stop=stop, timeout_s=within_s,
    )  # fmt: skip
    publisher = KafkaPublisher(kafka, new_metrics())
    try:
        publisher.topic_ready()
        for result in results:
            publisher.publish(result.check.encode(), wire.encode(wire.untold(result)))
        unsent = publisher.flush(max(0.1, until - time.monotonic()))
    finally:
        publisher.close()
    if publisher.given_up:
        raise ApistatusError(
            f"Kafka can never take {publisher.given_up} of {len(results)} results: they are larger than its "
            "message.max.bytes; shorten what json_path or regex keeps, or raise it"
        )
    if unsent:
        raise KafkaUnavailable(
            f"{unsent} of {len(results)} results were not acknowledged by Kafka within {within_s:g} s "
            "(--connect-timeout); run the command again"
        )
