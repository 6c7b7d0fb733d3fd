"""Connecting again: one policy for every arrow to a service (tenacity, full jitter, capped)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity

from apistatus.errors import AccessRefused, ApistatusError, ServiceUnavailable
from apistatus.runtime.logs import Events, OncePerMinute
from apistatus.runtime.metrics import Metrics
from apistatus.runtime.stopping import Stop

T = TypeVar("T")

CAP_S = 5.0
"""Longest pause between two tries, so that a service's return is noticed within it."""


class Stopped(ApistatusError):
    """A stop was asked for while waiting for a service."""

    exit_code = 0


def until_it_answers(
    call: Callable[[], T], *, what: str, log: Events, stop: Stop, timeout_s: float | None = None,
    sleep: Callable[[float], None] | None = None, metrics: Metrics | None = None, cap_s: float = CAP_S,
) -> T:  # fmt: skip
    """The result of `call`, tried again with exponential backoff and full jitter while the service is away.

    Without `timeout_s` for ever, and AccessRefused is tried again too (secrets are rotated), each cause
    logged once a minute; with it, the last ServiceUnavailable is raised after that many seconds and
    AccessRefused at once. Raises Stopped when a stop is asked for meanwhile. `sleep` is called with the
    seconds to wait, `cap_s` at the most (default: wait for the stop); each try again is counted in
    `metrics` under `what`.
    """
    once = OncePerMinute()
    retried = ServiceUnavailable if timeout_s is not None else (ServiceUnavailable, AccessRefused)

    def say(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        held_back = once.admits(str(error))
        if held_back is not None:
            speak = log.error if isinstance(error, AccessRefused) else log.warning
            speak(f"{what}.unavailable", tries=state.attempt_number, cause=str(error))
        if metrics is not None:
            metrics.retries.labels(what).inc()

    def give_up(state: tenacity.RetryCallState) -> bool:
        if stop.asked:
            return True
        elapsed = state.seconds_since_start or 0.0
        return timeout_s is not None and elapsed + state.upcoming_sleep >= timeout_s

    def wait(seconds: float) -> None:
        stop.wait(seconds)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(retried),
        wait=tenacity.wait_random_exponential(multiplier=0.25, max=cap_s),
        stop=give_up,
        sleep=sleep or wait,
        before_sleep=say,
        reraise=True,
    )
    try:
        return retrying(call)
    except (ServiceUnavailable, AccessRefused) as error:
        if stop.asked:
            raise Stopped(f"stopped while waiting for {what}") from error
        raise
