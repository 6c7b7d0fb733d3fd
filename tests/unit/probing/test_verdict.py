"""Which of the things that are wrong is told, and in which words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Literal

import httpx
import pytest

from apistatus.model.result import FailureKind, Level, Phase
from apistatus.probing.attempt import Attempt
from apistatus.probing.failures import Failure
from apistatus.probing.hops import Hops
from apistatus.probing.verdict import outcome_of
from tests.fakes.clock import NOW_US, VirtualClock
from tests.targets.checks import check_of
from tests.unit.probing.asserting import asserted_as

DAY_US = 86_400_000_000
BROKEN = Failure("disconnected", "transfer", "192.0.2.1:80 broke the connection")


def _answered(code: int = 200, **changes: object) -> Attempt:
    """An attempt that ended in a response; keywords are fields of Check."""
    attempt = Attempt(check_of("http://192.0.2.1/", **changes), VirtualClock())
    attempt.status_code, attempt.final, attempt.total_us = code, True, 41_000
    return attempt


def _told(attempt: Attempt, failure: Failure | None = None) -> tuple[str, str | None, str | None, str | None]:
    outcome = outcome_of(attempt, failure, 1)
    return outcome.status, outcome.failure, outcome.phase, outcome.error


def test_nothing_wrong_is_up() -> None:
    assert _told(_answered()) == ("up", None, None, None)


def test_what_was_found_out_is_in_the_outcome_whatever_the_verdict() -> None:
    attempt = _answered()
    attempt.redirects, attempt.http_version, attempt.ip, attempt.size_bytes = 2, "1.1", "192.0.2.1", 512
    attempt.compressed_bytes, attempt.value, attempt.engine = 99, "5", "openssl"
    attempt.certificate_expires_at_us = NOW_US + 99 * DAY_US
    spent: list[Phase] = ["resolve", "connect", "tls", "processing", "transfer"]
    for number, phase in enumerate(spent, start=1):
        attempt.timeline.measured(phase, number * 1_000)
    for failure in (None, BROKEN):
        outcome = outcome_of(attempt, failure, 3)
        assert (outcome.attempts, outcome.status_code, outcome.redirects) == (3, 200, 2)
        assert (outcome.http_version, outcome.ip, outcome.value) == ("1.1", "192.0.2.1", "5")
        assert (outcome.size_bytes, outcome.compressed_bytes) == (512, 99)
        assert [getattr(outcome, f"{phase}_us") for phase in spent] == [1, 2, 3, 4, 5]
        assert (outcome.total_us, outcome.tls_engine) == (41_000, "openssl")
        assert outcome.certificate_expires_at_us == NOW_US + 99 * DAY_US
        assert (outcome.reused, outcome.lagged, outcome.clock) == (False, False, "user")
        assert outcome.hops == ()
        attempt.hops = Hops()
        attempt.hops.begin("GET", httpx.URL("http://192.0.2.1/"))
        assert [hop.url for hop in outcome_of(attempt, failure, 3).hops] == ["http://192.0.2.1/"]
        attempt.hops = None
    attempt.reused, attempt.lagged, attempt.has_kernel_clock = True, True, True
    outcome = outcome_of(attempt, None, 1)
    assert (outcome.reused, outcome.lagged, outcome.clock) == (True, True, "kernel")


@pytest.mark.parametrize("code", [200, 503])
def test_our_own_fault_is_no_verdict(code: int) -> None:
    failure = Failure("internal", "body", "our own fault: no thread was free")
    assert _told(_answered(code), failure) == ("inconclusive", "internal", "body", failure.text)


@pytest.mark.parametrize(
    ("code", "statuses", "says"),
    [
        (503, ((200, 299),), "status 503 Service Unavailable, expected 200-299"),
        (599, ((200, 200), (301, 302)), "status 599, expected 200, 301-302"),
        (300, ((200, 299),), "status 300 Multiple Choices, expected 200-299"),
        (199, ((200, 299),), "status 199, expected 200-299"),
    ],
)
def test_a_status_that_was_not_expected_comes_first(
    code: int, statuses: tuple[tuple[int, int], ...], says: str
) -> None:
    attempt = _answered(code, statuses=statuses)
    assert _told(attempt) == ("down", "status", "processing", says)
    attempt.asserted = (asserted_as("failed", "body"),)
    assert _told(attempt, BROKEN) == ("down", "status", "processing", f"{says}; then {BROKEN.text}")


def test_a_status_on_the_way_does_not_count() -> None:
    attempt = _answered(302)
    attempt.final = False
    redirect = Failure("redirect", "processing", "more than 10 redirects")
    assert _told(attempt, redirect) == ("down", "redirect", "processing", "more than 10 redirects")
    assert outcome_of(attempt, redirect, 1).assertions == ()


def test_a_failure_comes_before_assertions() -> None:
    attempt = _answered()
    attempt.asserted = (asserted_as("failed", "body"),)
    assert _told(attempt, BROKEN) == ("down", "disconnected", "transfer", BROKEN.text)


@pytest.mark.parametrize(
    ("subject", "phase"),
    [
        ("header content-type", "processing"), ("total_ms", "transfer"), ("certificate_days", "tls"),
        ("body", "body"), ("value", "body"), ("json $.header", "body"),
    ],
)  # fmt: skip
def test_assertions_that_do_not_hold_are_told_with_the_phase_of_the_first(subject: str, phase: str) -> None:
    attempt = _answered()
    attempt.asserted = (
        asserted_as("held", "body"),
        asserted_as("failed", "total_ms", level="degraded"),
        asserted_as("failed", subject),
        asserted_as("error", "value"),
    )
    assert _told(attempt) == (
        "down", "assertion", phase,
        f"{subject}: expected less_than 5, seen: 7; value: expected less_than 5, cannot be told: 7",
    )  # fmt: skip
    attempt.unreadable = True
    assert _told(attempt)[1:3] == ("extract", phase)


def test_warnings_are_told_together_and_make_it_degraded() -> None:
    attempt = _answered(sla_ms=40)
    attempt.asserted = (asserted_as("held", "body"), asserted_as("failed", "value", level="degraded"))
    attempt.certificate_expires_at_us = NOW_US + DAY_US
    attempt.value_before, attempt.value = "1.0", "1.1"
    says = (
        "value: expected less_than 5, seen: 7; took 41.0 ms, 1.0 ms over the SLA of 40 ms; "
        "a certificate ends on 2027-01-16 08:00 UTC, in 1.0 days: fewer than 14; "
        'the value has changed from "1.0" to "1.1"'
    )
    assert _told(attempt) == ("degraded", None, None, says)


@pytest.mark.parametrize(
    ("sla_ms", "total_us", "status"),
    [(40, 40_000, "up"), (40, 40_001, "degraded"), (None, 10**9, "up"), (40, None, "up")],
)
def test_the_sla_is_missed_past_it(sla_ms: int | None, total_us: int | None, status: str) -> None:
    attempt = _answered(sla_ms=sla_ms)
    attempt.total_us = total_us
    assert _told(attempt)[0] == status


@pytest.fixture
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time is not UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_how_far_the_sla_was_missed() -> None:
    attempt = _answered(sla_ms=300)
    attempt.total_us = 1_234_567
    assert _told(attempt)[3] == "took 1234.6 ms, 934.6 ms over the SLA of 300 ms"


@pytest.mark.parametrize(
    ("left_us", "days", "says"),
    [
        (14 * DAY_US, 14, None),
        (14 * DAY_US - 1, 14, "a certificate ends on 2027-01-29 07:59 UTC, in 14.0 days: fewer than 14"),
        (DAY_US // 2, 3, "a certificate ends on 2027-01-15 20:00 UTC, in 0.5 days: fewer than 3"),
        (0, 3, "a certificate ends on 2027-01-15 08:00 UTC, in 0.0 days: fewer than 3"),
        (-3 * DAY_US // 2, 3, "a certificate ended on 2027-01-13 20:00 UTC, 1.5 days ago"),
        (DAY_US, None, None),
        (None, 14, None),
    ],
)
@pytest.mark.usefixtures("_elsewhere")
def test_the_end_of_a_certificate_is_warned_of(
    left_us: int | None, days: int | None, says: str | None
) -> None:
    attempt = _answered(certificate_days=days)
    attempt.certificate_expires_at_us = None if left_us is None else NOW_US + left_us
    assert _told(attempt) == ("up" if says is None else "degraded", None, None, says)


def test_a_changed_value_is_told_with_its_secrets_masked() -> None:
    attempt = _answered(secrets=("s3cret-1",))
    attempt.value_before, attempt.value = "old s3cret-1", None
    assert _told(attempt)[3] == 'the value has changed from "old ***" to ""'
    attempt.value = "new s3cret-1"
    assert _told(attempt)[3] == 'the value has changed from "old ***" to "new ***"'


@pytest.mark.parametrize("code", [200, 500])
def test_what_a_line_quotes_is_masked(code: int) -> None:
    attempt = _answered(code, secrets=("s3cret-1",))
    attempt.asserted = (asserted_as("failed", "body", seen="s3cret-1"),)
    said = _told(attempt, Failure("protocol", "body", "has s3cret-1") if code == 500 else None)[3]
    assert said is not None
    assert said.count("***") == 1
    assert "s3cret" not in said
    attempt.asserted = (asserted_as("failed", "body", seen="s3cret-1", level="degraded"),)
    if code == 200:
        assert _told(attempt)[3] == "body: expected less_than 5, seen: ***"


REFUSED: tuple[FailureKind, ...] = ("connect_refused",)
EITHER: tuple[FailureKind, ...] = ("connect_refused", "timeout")


def test_a_failure_that_is_expected_is_up() -> None:
    attempt = Attempt(check_of("http://192.0.2.1/", failures=EITHER), VirtualClock())
    assert _told(attempt, Failure("timeout", "processing", "late")) == ("up", None, None, None)
    assert outcome_of(attempt, Failure("timeout", "processing", "late"), 1).assertions == ()


def test_another_failure_than_the_expected_is_told_with_that() -> None:
    attempt = Attempt(check_of("http://192.0.2.1/", failures=EITHER, secrets=("s3cret-1",)), VirtualClock())
    assert _told(attempt, Failure("dns", "resolve", "no such name s3cret-1")) == (
        "down", "dns", "resolve",
        "no such name ***; expected was a failure of kind connect_refused or timeout",
    )  # fmt: skip


@pytest.mark.parametrize("level", ["down", "degraded"])
def test_an_answer_in_place_of_the_expected_failure_is_down(level: Level) -> None:
    attempt = _answered(204, failures=REFUSED)
    attempt.asserted = (asserted_as("held", "body", level=level),)
    says = "expected was a failure of kind connect_refused, but it answered with status 204 No Content"
    assert _told(attempt) == ("down", "assertion", "processing", says)
    assert outcome_of(attempt, None, 1).assertions == ()


def test_our_own_fault_is_not_the_failure_that_was_expected() -> None:
    attempt = Attempt(check_of("http://192.0.2.1/", failures=REFUSED), VirtualClock())
    failure = Failure("internal", None, "our own fault: no port is free")
    assert _told(attempt, failure) == ("inconclusive", "internal", None, failure.text)


@pytest.mark.parametrize(("code", "outcome"), [(200, "held"), (503, "failed")])
def test_the_status_is_the_first_assertion(code: int, outcome: Literal["held", "failed"]) -> None:
    attempt = _answered(code)
    attempt.asserted = (asserted_as("failed", "body"),)
    told = outcome_of(attempt, None, 1).assertions
    status = asserted_as(outcome, "status", expected="200-299", seen=str(code))
    assert told == (status, *attempt.asserted)


def test_a_status_that_was_expected_is_told_only_to_who_wants_to_know_what_holds() -> None:
    attempt = _answered()
    attempt.asserted = (asserted_as("failed", "body"),)
    assert outcome_of(attempt, None, 1, tell_held=False).assertions == attempt.asserted
    attempt = _answered(503)
    (status,) = outcome_of(attempt, None, 1, tell_held=False).assertions
    assert (status.outcome, status.seen) == ("failed", "503")
