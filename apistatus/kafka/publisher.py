"""Messages to the topic: every one is kept until its delivery report says that the brokers have it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from apistatus.kafka.client_config import Config, open_client, producer_config
from apistatus.kafka.delivery_errors import NEVER, OF_THE_CLIENT
from apistatus.kafka.diagnosis import Diagnosis
from apistatus.kafka.kept import Kept, kept
from apistatus.kafka.standstill import STANDSTILL_S, Standstill
from apistatus.ports import End, Headers, OnEnd
from apistatus.runtime.logs import Events, OncePerMinute
from apistatus.runtime.metrics import Metrics
from apistatus.settings.schema import KafkaSettings

log = Events("kafka")

KEPT_MAX_BYTES: Final = 64 * 2**20
"""Of all messages without a report; beyond it new ones are given up. 7 minutes of 200 results a second."""
_PAUSE_S: Final = 1.0
"""Before messages that the brokers would not take are handed over again."""
_POLL_S: Final = 0.1
_CLOSE_S: Final = 2.0
_ASK_S: Final = 2.0
"""How long the polling thread may wait for the brokers' answer."""


class KafkaPublisher:
    """`ports.ResultPublisher` on an idempotent librdkafka producer and one thread that polls it.

    Until `topic_ready` is called, messages are held: the first produce to a missing topic would let
    the broker make it, with defaults that are not ours. After a fatal error of the client (its
    sequence numbers no longer fit the broker's) everything undelivered goes through a new one, and what
    librdkafka gave up goes to it again: a message may then be on the topic twice, and the consumer
    stores it once. So it does when no report comes for `standstill_s` although the brokers answer.
    Only a message that can never be taken, or finds no room, is given up. `is_last_resort` says that
    nobody else keeps what is given up: it is counted and logged as failed.
    """

    def __init__(
        self, settings: KafkaSettings, metrics: Metrics, *, kept_max_bytes: int = KEPT_MAX_BYTES,
        make: Callable[[Config], Producer] = Producer, is_last_resort: bool = True,
        standstill_s: float = STANDSTILL_S,
    ) -> None:  # fmt: skip
        self._settings, self._metrics, self._make = settings, metrics, make
        self._kept_max_bytes, self._is_last_resort = kept_max_bytes, is_last_resort
        self._standstill = Standstill(standstill_s)
        self._diagnosis = Diagnosis(settings)
        self._once = OncePerMinute()
        self._lock = threading.RLock()
        self._kept: dict[int, Kept] = {}
        """Everything without a report, by number, oldest first."""
        self._waiting: list[int] = []
        """A heap of those that librdkafka does not have: not yet, or no longer."""
        self._paused_until_mono_s = 0.0
        self._kept_bytes = 0
        self._next_number = 0
        self._generation = 0
        self._given_up = 0
        self._progress_mono_s = time.monotonic()
        """When a report last came, or a message when none waited."""
        self._open = threading.Event()
        self._closed = threading.Event()
        self._producer = open_client(make, producer_config(settings, self._diagnosis), settings)
        metrics.observe(metrics.queued, lambda: float(len(self._kept)))
        self._thread = threading.Thread(target=self._run, name="kafka-publisher", daemon=True)
        self._thread.start()

    @property
    def given_up(self) -> int:
        """Messages that will never reach the topic: too large for it, or no room for them here."""
        return self._given_up

    def topic_ready(self) -> None:
        """The topic is there: let the messages flow."""
        self._open.set()
        self._hand_over()

    def publish(
        self, key: bytes, value: bytes, headers: Headers = (), on_end: OnEnd | None = None
    ) -> None:  # fmt: skip
        """Queue one message; never blocks, never raises for a broker that is away. Safe from any thread.

        Without room, and after `close`, it is given up.
        """
        message = kept(key, value, headers, on_end)
        if not self._keep(message):
            message.end(End.GIVEN_UP)
        elif self._open.is_set():
            self._hand_over()

    def _keep(self, message: Kept) -> bool:
        with self._lock:
            if self._closed.is_set():
                return False
            if self._kept_bytes + message.size_bytes > self._kept_max_bytes:
                if self._is_last_resort:
                    self._lose("no room", f"{self._kept_max_bytes} bytes wait for Kafka already")
                return False
            if not self._kept:
                self._progress_mono_s = time.monotonic()
            number = self._next_number
            self._next_number += 1
            self._kept[number] = message
            self._kept_bytes += message.size_bytes
            heappush(self._waiting, number)
            return True

    def flush(self, timeout_s: float) -> int:
        """Wait for delivery reports; the number of messages still without one.

        Those that were given up have had theirs: see `given_up`.
        """
        until_mono_s = time.monotonic() + timeout_s
        while self._kept and (left_s := until_mono_s - time.monotonic()) > 0:
            if self._open.is_set():
                self._hand_over()
                self._serve(partial(self._flush_client, min(left_s, _POLL_S)))
            else:
                self._open.wait(min(left_s, _POLL_S))
        return len(self._kept)

    def close(self) -> int:
        """Abandon what is still queued and free the client; the number of messages abandoned.

        Takes a few seconds at the most: without the purge librdkafka would wait for its delivery timeout.
        """
        if self._closed.is_set():
            return 0
        self._closed.set()
        self._thread.join(_CLOSE_S)
        with self._lock:
            abandoned = [self._kept[number] for number in sorted(self._kept)]
            self._generation += 1
            self._forget_all()
            producer = self._producer
        for message in abandoned:
            message.end(End.GIVEN_UP)
        self._discard(producer)
        if abandoned and self._is_last_resort:
            self._metrics.publish_failed.inc(len(abandoned))
            log.warning("messages.abandoned", count=len(abandoned), cause=self._diagnosis.reason())
        return len(abandoned)

    def readiness(self, patience_s: float = 30.0) -> str | None:
        """None while messages are acknowledged; else how many wait, since when and why."""
        stalled_s = time.monotonic() - self._progress_mono_s
        waiting = len(self._kept)
        if not waiting or stalled_s < patience_s:
            return None
        return f"{waiting} messages wait, none acknowledged for {stalled_s:.0f} s; {self._diagnosis.reason()}"

    def _run(self) -> None:
        while not self._closed.is_set():
            self._serve(lambda: self._producer.poll(_POLL_S))
            if self._open.is_set():
                self._hand_over()
                self._look_for_standstill()

    def _look_for_standstill(self) -> None:
        """librdkafka has been seen to stop delivering for good without any error."""
        now_s = time.monotonic()
        if not self._kept or not self._standstill.is_suspected(now_s, self._progress_mono_s):
            return
        generation, producer = self._generation, self._producer
        try:
            found = producer.list_topics(self._settings.topic, timeout=_ASK_S).topics
            partitions = found[self._settings.topic].partitions.values()
        except (KafkaException, KeyError):
            return  # the brokers are away: there is nothing wrong with the client
        if any(partition.leader >= 0 for partition in partitions):
            self._standstill.replaced(time.monotonic())
            still_s = round(time.monotonic() - self._progress_mono_s)
            self._replace(
                generation, TimeoutError(f"no message acknowledged for {still_s} s, brokers answer")
            )

    def _flush_client(self, timeout_s: float) -> int:
        return self._producer.flush(timeout_s)

    def _serve(self, call: Callable[[], int]) -> None:
        """Let librdkafka deliver its reports; a fatal error comes out of this call, not of a callback."""
        generation = self._generation
        try:
            call()
        except (KafkaException, SystemError) as error:
            # SystemError: the binding's, when a delivery callback runs while the fatal error is raised.
            self._replace(generation, error)

    def _hand_over(self) -> None:
        """Give librdkafka what waits, in order, as far as its queue has room."""
        with self._lock:
            if time.monotonic() < self._paused_until_mono_s:
                return
            generation = self._generation
            while self._waiting and not self._closed.is_set():
                number = self._waiting[0]
                message = self._kept[number]
                try:
                    self._producer.produce(
                        self._settings.topic, message.value, message.key, headers=list(message.headers),
                        on_delivery=partial(self._reported, generation, number),
                    )  # fmt: skip
                except BufferError:
                    return
                except KafkaException as error:
                    reason: KafkaError = error.args[0]
                    if reason.fatal() or reason.code() == KafkaError._FATAL:  # noqa: SLF001  (its public name)
                        self._replace(generation, error)
                        return
                    self._drop(number, reason)
                heappop(self._waiting)

    def _reported(self, generation: int, number: int, error: KafkaError | None, _message: Message) -> None:
        """A delivery report. One of a client that was replaced says nothing: its message was sent again."""
        with self._lock:
            if generation != self._generation or number not in self._kept:
                return
            self._progress_mono_s = time.monotonic()
            if error is None:
                self._standstill.over()
                self._metrics.published.inc()
                message = self._kept.pop(number)
                self._kept_bytes -= message.size_bytes
                message.end(End.ACKNOWLEDGED)
            elif error.code() in NEVER:
                self._drop(number, error)
            elif not error.fatal() and error.code() not in OF_THE_CLIENT:
                self._delay(number, error)

    def _delay(self, number: int, error: KafkaError) -> None:
        """Not now: too late, no leader, no right. The message keeps its place in the order."""
        heappush(self._waiting, number)
        self._paused_until_mono_s = time.monotonic() + _PAUSE_S
        held_back = self._once.admits(f"delayed {error.name()}")
        if held_back is not None:
            cause = f"{error.str()}; {self._diagnosis.reason()}".rstrip("; ")
            log.error("messages.delayed", topic=self._settings.topic, waiting=len(self._kept), cause=cause)

    def _drop(self, number: int, error: KafkaError) -> None:
        message = self._kept.pop(number)
        self._kept_bytes -= message.size_bytes
        self._lose(error.name(), error.str())
        message.end(End.REFUSED)

    def _lose(self, kind: str, cause: str) -> None:
        self._given_up += 1
        self._metrics.publish_failed.inc()
        held_back = self._once.admits(kind)
        if held_back is not None:
            log.error("message.given_up", topic=self._settings.topic, cause=cause, held_back=held_back)

    def _replace(self, generation: int, error: BaseException) -> None:
        """A new client; what the old one did not deliver is sent again, in its order."""
        with self._lock:
            if generation != self._generation or self._closed.is_set():
                return
            log.error("client.replaced", cause=str(error), sent_again=len(self._kept))
            old = self._producer
            self._producer = open_client(
                self._make, producer_config(self._settings, self._diagnosis), self._settings
            )
            self._generation += 1
            self._waiting = sorted(self._kept)
            self._paused_until_mono_s = 0.0
        self._discard(old)

    def _forget_all(self) -> None:
        self._kept.clear()
        self._waiting.clear()
        self._kept_bytes = 0

    @staticmethod
    def _discard(producer: Producer) -> None:
        """Empty a client, so that freeing it does not wait for brokers."""
        try:
            producer.purge()
            producer.flush(_CLOSE_S)
        except (KafkaException, SystemError) as error:
            log.debug("client.discarded", cause=str(error))
