"""Connecting again while a service is away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apistatus.errors import AccessRefused, IncompatibleSchema, KafkaUnavailable
from apistatus.runtime.logs import Events
from apistatus.runtime.metrics import Metrics
from apistatus.runtime.retrying import CAP_S, Stopped, until_it_answers
from apistatus.runtime.stopping import Stop

log = Events("test")


def failing(*errors: Exception) -> Callable[[], str]:
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "answer"

    return call


def test_tries_until_it_answers_and_counts_the_tries() -> None:
    metrics, waits = Metrics(), []
    answer = until_it_answers(
        failing(*[KafkaUnavailable("away")] * 20), what="kafka", log=log, stop=Stop(), sleep=waits.append,
        metrics=metrics,
    )  # fmt: skip
    assert answer == "answer"
    assert len(waits) == 20
    assert max(waits) <= CAP_S
    assert len(set(waits)) > 10  # jitter
    assert metrics.registry.get_sample_value("apistatus_retries_total", {"service": "kafka"}) == 20


def test_says_each_cause_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    errors = [KafkaUnavailable("refused")] * 5 + [KafkaUnavailable("timed out")] * 5
    until_it_answers(failing(*errors), what="kafka", log=log, stop=Stop(), sleep=lambda _s: None)
    assert [vars(record)["fields"]["cause"] for record in caplog.records] == ["refused", "timed out"]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_a_refusal_is_tried_again_loudly_when_it_may_take_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    until_it_answers(
        failing(AccessRefused("wrong password")), what="kafka", log=log, stop=Stop(), sleep=lambda _s: None
    )
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_refusal_ends_the_tries_at_once_within_a_time_limit() -> None:
    with pytest.raises(AccessRefused):
        until_it_answers(
            failing(AccessRefused("no")), what="kafka", log=log, stop=Stop(), timeout_s=60.0,
            sleep=lambda _s: None,
        )  # fmt: skip


def test_what_needs_a_person_is_not_tried_again() -> None:
    with pytest.raises(IncompatibleSchema):
        until_it_answers(failing(IncompatibleSchema("old")), what="postgres", log=log, stop=Stop())


def test_the_last_cause_is_raised_when_the_time_is_up() -> None:
    with pytest.raises(KafkaUnavailable, match="away"):
        until_it_answers(failing(KafkaUnavailable("away")), what="kafka", log=log, stop=Stop(), timeout_s=0.0)


def test_a_stop_ends_the_tries() -> None:
    stop = Stop()

    def call() -> str:
        stop.ask()
        raise KafkaUnavailable("away")

    with pytest.raises(Stopped, match="waiting for kafka") as caught:
        until_it_answers(call, what="kafka", log=log, stop=stop)
    assert caught.value.exit_code == 0


def test_waits_for_the_stop_when_it_is_given_no_other_way_to_wait() -> None:
    assert until_it_answers(failing(KafkaUnavailable("away")), what="kafka", log=log, stop=Stop()) == "answer"
