"""From what an attempt found out to its outcome: which of several things that are wrong is the one to tell."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Final, NamedTuple

from apistatus.model.result import Asserted, FailureKind, Outcome, Phase, Status
from apistatus.probing.assertions import in_words
from apistatus.probing.attempt import Attempt
from apistatus.probing.failures import Failure
from apistatus.probing.json_text import shown
from apistatus.probing.masking import one_line

_DAY_US: Final = 86_400_000_000
_PHASES: Final[dict[str, Phase]] = {
    "header": "processing", "total_ms": "transfer", "certificate_days": "tls",
}  # fmt: skip


class Verdict(NamedTuple):
    """Status, failure kind, phase, and a line for people."""

    status: Status
    failure: FailureKind | None = None
    phase: Phase | None = None
    error: str | None = None


def outcome_of(attempt: Attempt, failure: Failure | None, number: int, *, tell_held: bool = True) -> Outcome:
    """The verdict, and with it everything that was found out; assertions that hold only when `tell_held`."""
    status, kind, phase, error = _verdict(attempt, failure)
    took = attempt.timeline.took_us
    return Outcome(
        status=status, failure=kind, phase=phase, error=error, attempts=number,
        status_code=attempt.status_code, redirects=attempt.redirects, http_version=attempt.http_version,
        ip=attempt.ip, size_bytes=attempt.size_bytes, compressed_bytes=attempt.compressed_bytes,
        value=attempt.value, total_us=attempt.total_us,
        resolve_us=took("resolve"), connect_us=took("connect"), tls_us=took("tls"),
        processing_us=took("processing"), transfer_us=took("transfer"), reused=attempt.reused,
        lagged=attempt.lagged, clock="kernel" if attempt.has_kernel_clock else "user", tls_engine=attempt.engine,
        certificate_expires_at_us=attempt.certificate_expires_at_us,
        assertions=_assertions(attempt, tell_held=tell_held),
        hops=attempt.hops.told(attempt.mask) if attempt.hops is not None else (),
    )  # fmt: skip


def _verdict(attempt: Attempt, failure: Failure | None) -> Verdict:
    verdict = _of_what_happened(attempt, failure)
    wanted = attempt.check.failures
    if not wanted or verdict.status == "inconclusive":
        return verdict
    if verdict.failure in wanted:
        return Verdict("up")
    expected = f"expected was a failure of kind {' or '.join(wanted)}"
    if verdict.failure is not None:
        return verdict._replace(error=one_line(f"{verdict.error}; {expected}", attempt.mask))
    return Verdict("down", "assertion", "processing", f"{expected}, but it answered with {_answer(attempt)}")


def _of_what_happened(attempt: Attempt, failure: Failure | None) -> Verdict:
    check = attempt.check
    if failure is not None and failure.kind == "internal":
        return Verdict("inconclusive", failure.kind, failure.phase, failure.text)
    if attempt.final and attempt.status_code is not None and not attempt.accepts_status():
        # The status came first; what else went wrong is a footnote to it.
        text = f"{_answer(attempt)}, expected {_ranges(check.statuses)}"
        text += f"; then {failure.text}" if failure else ""
        return Verdict("down", "status", "processing", one_line(text, attempt.mask))
    if failure is not None:
        return Verdict("down", failure.kind, failure.phase, failure.text)
    wrong = [one for one in attempt.asserted if one.outcome != "held"]
    down = [one for one in wrong if one.level == "down"]
    if down:
        phase = _PHASES.get(down[0].assertion.partition(" ")[0], "body")
        text = one_line("; ".join(map(in_words, down)), attempt.mask)
        return Verdict("down", "extract" if attempt.unreadable else "assertion", phase, text)
    warnings = [*map(in_words, wrong), *_warnings(attempt)]
    if warnings:
        return Verdict("degraded", error=one_line("; ".join(warnings), attempt.mask))
    return Verdict("up")


def _warnings(attempt: Attempt) -> list[str]:
    """What makes a check that works degraded, its assertions aside."""
    check, total_us, found = attempt.check, attempt.total_us, []
    if check.sla_ms is not None and total_us is not None and total_us > check.sla_ms * 1000:
        over = (total_us - check.sla_ms * 1000) / 1000
        found.append(f"took {total_us / 1000:.1f} ms, {over:.1f} ms over the SLA of {check.sla_ms} ms")
    left_us = attempt.certificate_left_us()
    if (
        check.certificate_days is not None
        and left_us is not None
        and left_us < check.certificate_days * _DAY_US
    ):
        ends = datetime.fromtimestamp((attempt.certificate_expires_at_us or 0) / 1e6, UTC)
        days = left_us / _DAY_US
        when = f"ends on {ends:%Y-%m-%d %H:%M} UTC, in {days:.1f} days: fewer than {check.certificate_days}"
        if left_us < 0:
            when = f"ended on {ends:%Y-%m-%d %H:%M} UTC, {-days:.1f} days ago"
        found.append(f"a certificate {when}")
    if attempt.value_before is not None:
        found.append(
            f"the value has changed from {shown(attempt.mask(attempt.value_before))} "
            f"to {shown(attempt.mask(attempt.value or ''))}"
        )
    return found


def _assertions(attempt: Attempt, *, tell_held: bool) -> tuple[Asserted, ...]:
    if not attempt.final or attempt.check.failures:
        return ()
    well = attempt.accepts_status()
    if well and not tell_held:
        return attempt.asserted
    status = Asserted(
        assertion="status", expected=_ranges(attempt.check.statuses), seen=str(attempt.status_code),
        outcome="held" if well else "failed", level="down",
    )  # fmt: skip
    return (status, *attempt.asserted)


def _answer(attempt: Attempt) -> str:
    code = attempt.status_code or 0
    try:
        return f"status {code} {HTTPStatus(code).phrase}"
    except ValueError:
        return f"status {code}"


@lru_cache(maxsize=1024)
def _ranges(statuses: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in statuses)
