"""What the producer says on the topic: results, missed ticks, and which checks are in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from apistatus.model import wire
from apistatus.model.check import Check
from apistatus.model.definition import CheckRemoved, Definition
from apistatus.model.result import Outcome, Result
from apistatus.ports import ResultPublisher
from apistatus.runtime.metrics import Metrics

_MICROS_MAX: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Sender:
    """Who says it, from where, and whether with CloudEvents headers."""

    location: str
    producer: str
    cloudevents: bool


class Outbox:
    """Composes messages and hands them to the publisher, keyed by check, so that their order is kept."""

    def __init__(self, publisher: ResultPublisher, metrics: Metrics, sender: Sender) -> None:
        self._publisher = publisher
        self._metrics = metrics
        self._sender = sender

    def outcome(self, check: Check, outcome: Outcome, tick_us: int, *, delay_us: int) -> None:
        """The result of a probe that began `delay_us` after its tick. ValueError: it cannot be encoded."""
        result = wire.compose(
            check, outcome, location=self._sender.location, producer=self._sender.producer,
            scheduled_at_us=tick_us, start_delay_us=min(delay_us, _MICROS_MAX),
        )  # fmt: skip
        self._result(result)

    def missed(self, check: Check, tick_us: int, reason: str) -> None:
        """The result of a tick without a probe."""
        result = wire.missed(
            check, location=self._sender.location, producer=self._sender.producer,
            scheduled_at_us=tick_us, error=reason,
        )  # fmt: skip
        self._result(result)

    def defined(self, check: Check, from_us: int) -> None:
        """The check is in force, as it is now, from this tick on."""
        self._definition(
            wire.defined(
                check, location=self._sender.location, producer=self._sender.producer, from_us=from_us
            )
        )

    def removed(self, check: Check, from_us: int) -> None:
        """The check has no tick from this one on."""
        self._definition(
            CheckRemoved(
                v=1, kind="check_removed", check=check.id, location=self._sender.location, from_us=from_us,
                producer=self._sender.producer,
            )
        )  # fmt: skip

    def _result(self, result: Result) -> None:
        value = wire.encode(result)
        headers = wire.cloudevents_headers(result) if self._sender.cloudevents else ()
        self._publisher.publish(result.check.encode(), value, headers)
        self._metrics.results.labels(result.status).inc()

    def _definition(self, definition: Definition) -> None:
        self._publisher.publish(definition.check.encode(), wire.encode(definition))
