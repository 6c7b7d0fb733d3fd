"""Which topic the name stands for, asked now and then: a topic that was deleted and made again is otherwise
read on silently from the offset in the former one (Kafka 4.4 with librdkafka 2.16)."""

from __future__ import annotations

import threading
from typing import Final

from apistatus.errors import ApistatusError
from apistatus.kafka.topics import identify
from apistatus.ports import TopicIdentity
from apistatus.runtime.logs import Events
from apistatus.settings.schema import KafkaSettings

log = Events("kafka")

PERIOD_S: Final = 20.0


class TopicWatch:
    """Compares in a thread of its own, because the answer may take seconds."""

    def __init__(self, settings: KafkaSettings, period_s: float = PERIOD_S) -> None:
        self._settings, self._period_s = settings, period_s
        self._known: TopicIdentity | None = None
        self._changed = False
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def changed(self) -> bool:
        """Whether the name stands for another topic by now than `know` was told."""
        return self._changed

    def know(self, identity: TopicIdentity) -> None:
        """This is the topic; watch for another one from now on."""
        self._known, self._changed = identity, False
        if self._thread is None and identity.topic_id is not None:
            self._thread = threading.Thread(target=self._run, name="topic-watch", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop watching; a question that is under way is left to itself."""
        self._end.set()

    def _run(self) -> None:
        while not self._end.wait(self._period_s):
            known = self._known
            try:
                found = identify(self._settings)
            except ApistatusError as error:
                # Away, or between its deletion and its making: the next look will tell.
                log.debug("topic.unknown", cause=str(error))
                continue
            if found != known and known is self._known:
                self._changed = True
