"""The outbox: dead letters go on to the topic of dead letters, behind the back of the loop."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Final

from apistatus import __version__
from apistatus.errors import ApistatusError
from apistatus.model.letters import Letter
from apistatus.ports import LetterTopic, Outbox, Outgoing
from apistatus.runtime.logs import Events, OncePerMinute
from apistatus.runtime.metrics import Metrics

log = Events("dead_letters")

RETRY_S: Final = 10.0
_FAREWELL_S: Final = 5.0


class Forwarding:
    """A thread that sends what was put aside, exactly as it is stored, and notes what the brokers have.

    It sleeps while there is nothing to do. Whatever fails is tried again later and stops nobody: the
    letters are safe in PostgreSQL. A crash between the brokers' answer and our note sends one twice.
    """

    def __init__(
        self, outbox: Outbox, topic: LetterTopic, metrics: Metrics, *, group: str, retry_s: float = RETRY_S
    ) -> None:
        self._outbox, self._topic, self._metrics = outbox, topic, metrics
        self._group, self._retry_s = group, retry_s
        self._calls: SimpleQueue[str] = SimpleQueue()
        self._once = OncePerMinute()
        self._thread = threading.Thread(target=self._run, name="dead-letters", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There may be something to forward. Safe from any thread."""
        self._calls.put("wake")

    def close(self) -> None:
        """Finish what was asked for, as far as that takes no more than seconds."""
        self._calls.put("end")
        if self._thread.is_alive():
            self._thread.join(_FAREWELL_S)

    def step(self) -> int | None:
        """Forward some: how many, or None when that failed."""
        try:
            return self._outbox.forward(self._send)
        except ApistatusError as error:
            held_back = self._once.admits(str(error))
            if held_back is not None:
                log.warning("letters.not_forwarded", cause=str(error), held_back=held_back)
            return None

    def _send(self, letters: Sequence[Letter]) -> list[str | None]:
        answers = self._topic.send(
            [
                Outgoing(
                    letter.key, letter.value, letter.forward_headers(group=self._group, version=__version__)
                )
                for letter in letters
            ]
        )
        self._metrics.forwarded.inc(answers.count(None))
        for letter, answer in zip(letters, answers, strict=True):
            if answer is not None:
                log.warning("letter.unforwardable", id=letter.id, cause=answer)
        return answers

    def _run(self) -> None:
        all_sent, goes_on = True, True
        while goes_on:
            goes_on = self._asked(None if all_sent else self._retry_s)
            while count := self.step():
                pass
            all_sent = count is not None

    def _asked(self, timeout_s: float | None) -> bool:
        """Wait until somebody calls, or so long; several calls are one. False: it was to end."""
        calls = []
        try:
            calls.append(self._calls.get(timeout=timeout_s))
            while True:
                calls.append(self._calls.get_nowait())
        except Empty:
            return "end" not in calls
