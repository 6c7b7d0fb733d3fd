"""What the producer says on the topic: results, missed ticks, and which checks are in force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from apistatus.model import wire
from apistatus.model.check import Check
from apistatus.model.definition import CheckRemoved, Definition, Gap
from apistatus.model.result import Outcome, Result, Status
from apistatus.ports import OnEnd, ResultPublisher
from apistatus.produce.progress import Progress
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

    def __init__(
        self, publisher: ResultPublisher, metrics: Metrics, sender: Sender, progress: Progress
    ) -> None:  # fmt: skip
        """`progress` is told what becomes of each tick's result."""
        self._publisher = publisher
        self._metrics = metrics
        self._count: dict[Status, Callable[[], None]] = {}
        """Found once: to find the counter of a status costs more than to count."""
        self._sender = sender
        self._progress = progress

    def outcome(self, check: Check, outcome: Outcome, tick_us: int, *, delay_us: int) -> None:
        """The result of a probe that began `delay_us` after its tick. ValueError: it cannot be encoded."""
        result = wire.compose(
            check, outcome, location=self._sender.location, producer=self._sender.producer,
            scheduled_at_us=tick_us, start_delay_us=min(delay_us, _MICROS_MAX),
        )  # fmt: skip
        self._result(result, self._progress.on_end(check, tick_us, is_missed=False))

    def missed(self, check: Check, tick_us: int, reason: str) -> None:
        """The result of a tick without a probe."""
        result = wire.missed(
            check, location=self._sender.location, producer=self._sender.producer,
            scheduled_at_us=tick_us, error=reason,
        )  # fmt: skip
        self._result(result, self._progress.on_end(check, tick_us, is_missed=True))

    def gap(self, check_id: str, from_us: int, until_us: int, reason: str) -> None:
        """The check has no results for its ticks in [from_us, until_us)."""
        gap = wire.gap(
            check_id, location=self._sender.location, producer=self._sender.producer,
            from_us=from_us, until_us=until_us, reason=reason,
        )  # fmt: skip
        self._other(gap, self._progress.on_gap_end(check_id, from_us))

    def defined(self, check: Check, from_us: int) -> None:
        """The check is in force, as it is now, from this tick on."""
        self._other(
            wire.defined(
                check, location=self._sender.location, producer=self._sender.producer, from_us=from_us
            ),
            self._progress.on_definition_end(check.id, from_us),
        )

    def removed(self, check_id: str, from_us: int) -> None:
        """The check has no tick from this one on."""
        self._other(
            CheckRemoved(
                v=1, kind="check_removed", check=check_id, location=self._sender.location, from_us=from_us,
                producer=self._sender.producer,
            ),
            self._progress.on_definition_end(check_id, from_us),
        )  # fmt: skip

    def _result(self, result: Result, on_end: OnEnd) -> None:
        value = wire.encode(result)
        headers = wire.cloudevents_headers(result) if self._sender.cloudevents else ()
        self._publisher.publish(result.check.encode(), value, headers, on_end)
        count = self._count.get(result.status)
        if count is None:
            count = self._count[result.status] = self._metrics.results.labels(result.status).inc
        count()

    def _other(self, message: Definition | Gap, on_end: OnEnd) -> None:
        self._publisher.publish(message.check.encode(), wire.encode(message), (), on_end)
