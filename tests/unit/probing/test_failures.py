"""The table from exceptions to failure kinds: whose fault, which phase, which words."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from apistatus.model.result import MAX_ERROR_CHARS, Phase
from apistatus.probing import failures
from apistatus.probing.attempt import Attempt
from apistatus.probing.exchange_errors import EndedEarly, NotHttp
from apistatus.probing.failures import DeadlinePassed, NotConnected, connect_failure, explain
from apistatus.probing.hop_plan import RequestImpossible
from apistatus.probing.resolve import Address
from tests.fakes.clock import VirtualClock
from tests.targets.checks import check_of

V4 = Address(socket.AF_INET, "192.0.2.1", ("192.0.2.1", 80))
V6 = Address(socket.AF_INET6, "2001:db8::1", ("2001:db8::1", 80, 0, 0))


def _attempt(phase: Phase | None = None, **changes: object) -> Attempt:
    attempt = Attempt(check_of("http://192.0.2.1/", **changes), VirtualClock())
    attempt.new_hop("192.0.2.1", 80)
    attempt.ip = "192.0.2.1"
    if phase is not None:
        attempt.timeline.phase = phase
    return attempt


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ECONNREFUSED, "connect_refused"),
        (errno.ETIMEDOUT, "connect_timeout"),
        (errno.ECONNRESET, "connect_reset"),
        (errno.ENETUNREACH, "connect_unreachable"),
        (errno.EHOSTUNREACH, "connect_unreachable"),
        (errno.EACCES, "connect_unreachable"),
        (errno.EAFNOSUPPORT, "connect_unreachable"),
        (errno.EMFILE, "internal"),
        (errno.ENFILE, "internal"),
        (errno.ENOBUFS, "internal"),
        (errno.ENOMEM, "internal"),
        (errno.EBADF, "internal"),
    ],
)
def test_what_connecting_says(code: int, kind: str) -> None:
    failure = connect_failure(OSError(code, "words"), V4, 80)
    assert failure.kind == kind
    assert "192.0.2.1:80" in failure.text


@pytest.mark.parametrize(("has_source", "kind"), [(True, "internal"), (False, "connect_unreachable")])
def test_no_local_address_is_told_from_no_local_port(
    monkeypatch: pytest.MonkeyPatch, has_source: bool, kind: str
) -> None:
    monkeypatch.setattr(failures, "_has_source_address", lambda _: has_source)
    failure = connect_failure(OSError(errno.EADDRNOTAVAIL, "words"), V6, 80)
    assert failure.kind == kind
    assert "[2001:db8::1]:80" in failure.text


def test_this_host_has_a_source_address_for_itself() -> None:
    assert failures._has_source_address(Address(socket.AF_INET, "127.0.0.1", ("127.0.0.1", 9)))


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        ([errno.ENETUNREACH, errno.ECONNREFUSED], "connect_refused"),
        ([errno.ENETUNREACH, errno.EHOSTUNREACH], "connect_unreachable"),
        ([errno.ETIMEDOUT, errno.ECONNREFUSED], "connect_timeout"),
        ([errno.ECONNREFUSED, errno.EMFILE], "internal"),
    ],
)
def test_of_several_addresses_the_one_that_says_most_gives_the_kind(codes: list[int], kind: str) -> None:
    error = NotConnected([connect_failure(OSError(code, ""), V4, 80) for code in codes])
    failure = explain(error, _attempt("connect"))
    assert (failure.kind, failure.phase) == (kind, "connect")
    assert failure.text.count("192.0.2.1:80") == len(codes)


@pytest.mark.parametrize(
    ("phase", "kind"),
    [("resolve", "dns"), ("connect", "connect_timeout"), ("tls", "timeout"), ("send", "timeout"),
     ("processing", "timeout"), ("transfer", "timeout")],
)  # fmt: skip
def test_the_deadline_is_named_after_the_phase_it_fell_in(phase: Phase, kind: str) -> None:
    failure = explain(DeadlinePassed(), _attempt(phase, timeout_us=1_500_000))
    assert (failure.kind, failure.phase) == (kind, phase)
    assert "within 1.5 s" in failure.text
    assert "192.0.2.1" in failure.text


@pytest.mark.parametrize(
    ("error", "phase", "kind"),
    [
        (OSError(errno.ECONNRESET, "x"), "processing", "disconnected"),
        (OSError(errno.ETIMEDOUT, "x"), "transfer", "disconnected"),
        (OSError(errno.ENOBUFS, "x"), "transfer", "internal"),
        (EndedEarly(), "processing", "disconnected"),
        (RequestImpossible("bad header"), "send", "internal"),
        (NotHttp("bad chunk"), "transfer", "protocol"),
        (OSError(errno.ECONNRESET, "x"), "tls", "tls_handshake"),
        (OSError(errno.EMFILE, "x"), "connect", "internal"),
        (OSError("no number"), "resolve", "internal"),
        (RuntimeError("nobody thought of this"), "transfer", "internal"),
        (ssl.SSLError(1, "[SSL: DECRYPTION_FAILED] bad record mac"), "transfer", "protocol"),
    ],
)
def test_an_exception_becomes_a_kind(error: Exception, phase: Phase, kind: str) -> None:
    failure = explain(error, _attempt(phase))
    assert (failure.kind, failure.phase) == (kind, phase)
    assert failure.text
    assert failure.text.startswith("our own fault: ") == (kind == "internal")


def test_an_exception_that_cannot_be_explained_is_our_own_fault() -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise KeyError("no words")

    failure = explain(Unspeakable(), _attempt("transfer"))
    assert failure.kind == "internal"
    assert failure.text == "our own fault: Unspeakable, and KeyError while it was explained"


def test_a_line_has_no_control_characters_and_is_at_most_a_thousand_long() -> None:
    failure = explain(NotHttp("a\0b\r\nc\x1b[31m\ud800\u2028d"), _attempt("transfer"))
    assert failure.text.endswith("a b c [31m d")
    failure = explain(RuntimeError("x" * 5_000), _attempt())
    assert len(failure.text) == MAX_ERROR_CHARS
    assert failure.text.endswith("…")


def test_secrets_of_the_check_are_masked_in_what_a_target_makes_us_say() -> None:
    attempt = _attempt("transfer", headers=(("Authorization", "Bearer tok-en-1"), ("Accept", "text/plain")))
    attempt.check = check_of(
        "http://192.0.2.1/open/key-value?q=par-am",
        site="http://192.0.2.1",
        endpoint="/open/${KEY}?q=${PARAM}",
        headers=attempt.check.headers,
    )
    echo = "/open/key-value?q=par-am tok-en-1 Bearer tok-en-1 text/plain"
    failure = explain(NotHttp(echo), attempt)
    assert failure.text.endswith("/open/***?q=*** *** *** text/plain")
