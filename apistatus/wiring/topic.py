"""The topic is looked after beside the loop: checks do not wait for Kafka."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from apistatus.errors import ApistatusError

if TYPE_CHECKING:
    from apistatus.ports import TopicIdentity
    from apistatus.runtime.metrics import Metrics
    from apistatus.runtime.stopping import Stop
    from apistatus.settings.schema import KafkaSettings


class TopicInBackground:
    """Makes sure of the topic, however long Kafka is away, and calls `ready` when it is there."""

    def __init__(
        self, settings: KafkaSettings, stop: Stop, metrics: Metrics, ready: Callable[[], None]
    ) -> None:
        self._settings, self._stop, self._metrics, self._ready = settings, stop, metrics, ready
        self._identity: TopicIdentity | None = None
        self._failure: ApistatusError | None = None
        self._last_reason = "not connected to Kafka yet"
        self._thread = threading.Thread(target=self._run, name="topic", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def readiness(self) -> str | None:
        """None once Kafka has answered and the topic is there."""
        return None if self._identity is not None else self._last_reason

    def raise_if_failed(self) -> None:
        """Raises what needs a person: a setting that can never work."""
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        from apistatus.runtime.logs import Events
        from apistatus.runtime.retrying import Stopped, until_it_answers

        try:
            self._identity = until_it_answers(
                self._ensure, what="kafka", log=Events("kafka"), stop=self._stop, metrics=self._metrics
            )
        except Stopped:
            return
        except ApistatusError as error:
            self._failure = error
            self._stop.ask()
            return
        self._ready()

    def _ensure(self) -> TopicIdentity:
        from apistatus.kafka.topics import ensure_topic

        try:
            return ensure_topic(self._settings)
        except ApistatusError as error:
            self._last_reason = str(error)
            raise
