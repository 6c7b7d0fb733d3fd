"""Who is to blame when the timeout passes, and what the words say of it."""

from __future__ import annotations

import pytest

from apistatus.probing.attempt import Attempt
from apistatus.probing.auth_errors import NoCredentials
from apistatus.probing.authorizing import at_fault, was_refused
from apistatus.probing.failures import DeadlinePassed, explain
from tests.fakes.clock import VirtualClock
from tests.targets.checks import check_of


def _attempt(waited_us: int, **changes: object) -> Attempt:
    attempt = Attempt(check_of("http://192.0.2.1/", timeout_us=2_000_000, **changes), VirtualClock())
    attempt.new_hop("192.0.2.1", 80)
    attempt.waited_us = waited_us
    return attempt


def test_a_target_is_not_late_when_the_token_took_most_of_the_timeout() -> None:
    attempt = _attempt(1_900_000)
    failure = explain(at_fault(DeadlinePassed(), attempt), attempt)
    assert (failure.kind, failure.phase) == ("auth", None)
    assert failure.text == "the token took 1.9 s of the timeout, which left too little for the check"


def test_what_the_token_took_is_said_of_a_target_that_is_late() -> None:
    attempt = _attempt(400_000)
    attempt.timeline.phase = "processing"
    failure = explain(at_fault(DeadlinePassed(), attempt), attempt)
    assert (failure.kind, failure.phase) == ("timeout", "processing")
    assert failure.text == "192.0.2.1:80 sent nothing within 2 s (0.4 s of it for the token) of the start"


def test_other_faults_are_what_they_are() -> None:
    error = ConnectionResetError()
    assert at_fault(error, _attempt(1_900_000)) is error


def test_a_second_attempt_has_the_deadline_and_the_secrets_of_the_first_and_nothing_else_of_it() -> None:
    first = _attempt(300_000)
    first.send((("Authorization", "Bearer token-1"),), ("token-1",))
    first.bearer, first.redirects, first.status_code, first.final = "token-1", 2, 401, True
    second = Attempt(first.check, first.clock, first)
    assert (second.deadline_s, second.secrets, second.waited_us) == (first.deadline_s, ("token-1",), 300_000)
    assert (second.bearer, second.redirects, second.status_code, second.headers) == (None, 0, None, ())
    assert second.mask("token-1") == "***"


@pytest.mark.parametrize(
    ("final", "status", "statuses", "refused"),
    [
        (True, 401, ((200, 299),), True),
        (True, 403, ((200, 299),), False),
        (True, 401, ((401, 401),), False),
        (False, 401, ((200, 299),), False),
        (True, None, ((200, 299),), False),
    ],
)
def test_what_counts_as_refused(
    final: bool, status: int | None, statuses: tuple[tuple[int, int], ...], refused: bool
) -> None:
    attempt = _attempt(0, statuses=statuses)
    attempt.final, attempt.status_code = final, status
    assert was_refused(attempt) is refused


def test_a_fault_of_ours_is_inconclusive_and_a_refusal_is_not() -> None:
    attempt = _attempt(0)
    assert explain(NoCredentials("x"), attempt).kind == "auth"
    assert explain(NoCredentials("x", "internal"), attempt).kind == "internal"
