"""`apistatus check-once`, put together."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apistatus.errors import ApistatusError, KafkaUnavailable
from apistatus.wiring import serving
from apistatus.wiring.loading import Environ, Flags, checks_of, new_metrics, settings_for

if TYPE_CHECKING:
    from apistatus.model.check import Check
    from apistatus.model.result import Result
    from apistatus.model.selection import Selection
    from apistatus.runtime.stopping import Stop
    from apistatus.settings.schema import KafkaSettings, Settings


@dataclass(frozen=True, slots=True)
class Made:
    """What a single run gave; `unpublished` says why the results did not reach the topic."""

    results: Sequence[Result]
    signal_exit_code: int
    """130 or 143 when a signal cut the run off, else 0."""
    unpublished: ApistatusError | None = None


def run(environ: Environ, flags: Flags, selection: Selection, *, publish_within_s: float | None) -> Made:
    """Make the selected checks once; with `publish_within_s` send the results to Kafka within that time.

    Raises ConfigurationError.
    """
    from apistatus.runtime.stopping import Stop, signals

    needs = ("readers", "probe") if publish_within_s is None else ("readers", "probe", "kafka")
    settings = settings_for(environ, flags, *needs).settings
    checks = _selected(settings, environ, selection)
    stop = Stop()
    with signals(stop):
        results = _made(settings, checks, stop)
        unpublished = None
        if publish_within_s is not None:
            try:
                _publish(settings.kafka, results, stop, publish_within_s)
            except ApistatusError as error:
                unpublished = error
    cut_off = any(result.status == "missed" for result in results) or unpublished is not None
    return Made(results, serving.exit_code(stop, abandoned=cut_off), unpublished)


def _selected(settings: Settings, environ: Environ, selection: Selection) -> list[Check]:
    from apistatus.settings.ad_hoc import ad_hoc_check

    ad_hoc = [ad_hoc_check(url) for url in selection.urls]
    if len(ad_hoc) == len(selection.names) and ad_hoc and not selection.groups and not selection.labels:
        return ad_hoc
    return selection.of(checks_of(settings.reader, environ)) + ad_hoc


def _made(settings: Settings, checks: Sequence[Check], stop: Stop) -> list[Result]:
    from apistatus.probing.prober import HttpxProber
    from apistatus.produce.once import Place, check_once
    from apistatus.runtime import event_loop
    from apistatus.runtime.clock import SystemClock

    clock = SystemClock()
    place = Place(settings.probe.location, producer=f"once-{uuid.uuid4().hex[:12]}")

    async def make() -> list[Result]:
        prober = HttpxProber(clock)
        try:
            return await check_once(
                checks, prober, clock, place, stop=stop, max_in_flight=settings.probe.max_in_flight
            )
        finally:
            await prober.aclose()

    return event_loop.run(make())


def _publish(kafka: KafkaSettings, results: Sequence[Result], stop: Stop, within_s: float) -> None:
    """Raises KafkaUnavailable, AccessRefused or Stopped unless every result was acknowledged in time."""
    from apistatus.kafka.publisher import KafkaPublisher
    from apistatus.kafka.topics import ensure_topic
    from apistatus.model import wire
    from apistatus.runtime.logs import Events
    from apistatus.runtime.retrying import until_it_answers

    until = time.monotonic() + within_s
    until_it_answers(
        lambda: ensure_topic(kafka), what="kafka", log=Events("kafka"), stop=stop, timeout_s=within_s
    )
    publisher = KafkaPublisher(kafka, new_metrics())
    try:
        publisher.topic_ready()
        for result in results:
            publisher.publish(result.check.encode(), wire.encode(result))
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
