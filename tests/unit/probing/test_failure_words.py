"""The line of each failure, word for word: it is what somebody reads at three in the morning."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Sequence
from typing import Self

import pytest

from apistatus.model.check import TlsOptions
from apistatus.model.result import Phase
from apistatus.probing import failures
from apistatus.probing.attempt import Attempt
from apistatus.probing.auth_errors import NoCredentials
from apistatus.probing.body import ExtractFailed
from apistatus.probing.decoding import BadCoding, CutOff, TooLarge
from apistatus.probing.exchange_errors import ClosedByUs, EndedEarly, HandshakeClosed, NotHttp
from apistatus.probing.failures import ConnectFailure, DeadlinePassed, NotConnected, connect_failure, explain
from apistatus.probing.hop_plan import RequestImpossible
from apistatus.probing.http2 import NotHttp2, TurnedAway
from apistatus.probing.network_policy import Blocked
from apistatus.probing.proxying import ProxyFailed
from apistatus.probing.redirects import RedirectFailed
from apistatus.probing.resolve import Address, NameNotResolved
from apistatus.probing.threads import Busy
from apistatus.probing.tls import TlsOptionsUnusable
from tests.fakes.clock import VirtualClock
from tests.targets.checks import check_of

V4 = Address(socket.AF_INET, "192.0.2.1", ("192.0.2.1", 80))
V6 = Address(socket.AF_INET6, "2001:db8::1", ("2001:db8::1", 80, 0, 0))


class FakeExchange:
    """As much of an exchange as its failures are told by."""

    tls = None

    def __init__(self, received_bytes: int = 0, tried: Sequence[tuple[Address, OSError]] = ()) -> None:
        self.received_bytes = received_bytes
        self.tried = tried


def _attempt(phase: Phase | None, exchange: FakeExchange | None = None, **changes: object) -> Attempt:
    attempt = Attempt(check_of("http://a.example/", **changes), VirtualClock())
    attempt.new_hop("a.example", 80)
    attempt.ip = "192.0.2.1"
    attempt.timeline.phase = phase
    attempt.exchange = exchange  # part of one
    return attempt


def _tls_error(reason: str | None, kind: type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    error = kind(1, "words")
    error.reason = reason  # None is what an SSLError without one has
    return error


def _refused(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "words")
    error.verify_code, error.verify_message = code, "some reason"
    return error


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (errno.ECONNREFUSED, "connect_refused", "192.0.2.1:80 refused the connection"),
        (errno.ETIMEDOUT, "connect_timeout", "192.0.2.1:80 did not answer"),
        (errno.ENETUNREACH, "connect_unreachable", "192.0.2.1:80 cannot be reached: no route to its network"),
        (errno.EADDRNOTAVAIL, "internal", "no local port is free for a connection to 192.0.2.1:80"),
        (errno.EMFILE, "internal", "cannot connect to 192.0.2.1:80: too many open files"),
    ],
)
def test_what_connecting_says(code: int, kind: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_has_source_address", lambda address: address is V4)
    assert connect_failure(OSError(code, "words"), V4, 80) == (kind, says)


def test_what_connecting_says_without_a_number() -> None:
    late = ("connect_timeout", "[2001:db8::1]:443 did not answer in its share of the timeout")
    assert connect_failure(TimeoutError(), V6, 443) == late
    assert connect_failure(TimeoutError(errno.ETIMEDOUT, "x"), V4, 80).text == "192.0.2.1:80 did not answer"
    odd = ("internal", "cannot connect to 192.0.2.1:80: some words")
    assert connect_failure(OSError("some words"), V4, 80) == odd
    assert connect_failure(OSError(), V4, 80).text == "cannot connect to 192.0.2.1:80: OSError"


def test_an_address_of_a_family_that_this_host_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_has_source_address", lambda address: address is not V6)
    says = "[2001:db8::1]:80 cannot be reached: no address of its family here"
    assert connect_failure(OSError(errno.EADDRNOTAVAIL, "x"), V6, 80) == ("connect_unreachable", says)


@pytest.mark.parametrize(("code", "has"), [(errno.EADDRNOTAVAIL, False), (errno.ENETUNREACH, True)])
def test_only_the_lack_of_an_address_means_that_there_is_none(
    code: int, has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    class Refusing:
        """A socket that cannot be connected."""

        def __init__(self, family: int, kind: int) -> None:
            asked.extend([family, kind])

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            asked.append("closed")

        def connect(self, address: object) -> None:
            asked.append(address)
            raise OSError(code, "words")

    monkeypatch.setattr(failures.socket, "socket", Refusing)
    assert failures._has_source_address(V6) is has
    assert asked == [socket.AF_INET6, socket.SOCK_DGRAM, V6.sockaddr, "closed"]


@pytest.mark.parametrize(
    ("kinds", "kind", "says"),
    [
        (["connect_refused", "internal"], "internal", "our own fault: a 0; a 1"),
        (["connect_unreachable", "connect_reset"], "connect_reset", "a 0; a 1"),
        (["connect_unreachable"], "connect_unreachable", "a 0"),
    ],
)
def test_all_addresses_are_told(kinds: list[str], kind: str, says: str) -> None:
    error = NotConnected([ConnectFailure(one, f"a {n}") for n, one in enumerate(kinds)])
    assert explain(error, _attempt("connect")) == (kind, "connect", says)


@pytest.mark.parametrize(
    ("phase", "kind", "says"),
    [
        ("resolve", "dns", "no answer to the name lookup of a.example within 1.5 s"),
        ("tls", "timeout", "the TLS handshake with 192.0.2.1:80 did not end within 1.5 s"),
        ("send", "timeout", "192.0.2.1:80 did not take the whole request within 1.5 s"),
        ("processing", "timeout", "192.0.2.1:80 sent nothing within 1.5 s of the start"),
        ("transfer", "timeout", "the response of 192.0.2.1:80 did not end within 1.5 s (77 bytes came)"),
        ("body", "timeout", "the response of 192.0.2.1:80 did not end within 1.5 s (77 bytes came)"),
    ],
)
def test_what_was_waited_for_in_vain(phase: Phase, kind: str, says: str) -> None:
    attempt = _attempt(phase, FakeExchange(77), timeout_us=1_500_000)
    assert explain(DeadlinePassed(), attempt) == (kind, phase, says)


def test_what_the_addresses_before_have_said_is_told_too() -> None:
    tried = [(V6, OSError(errno.ENETUNREACH, "x")), (V4, OSError(errno.ECONNREFUSED, "x"))]
    attempt = _attempt("connect", FakeExchange(tried=tried), timeout_us=2_000_000)
    says = (
        "192.0.2.1:80 did not answer within 2 s; [2001:db8::1]:80 cannot be reached: no route to its network; "
        "192.0.2.1:80 refused the connection"
    )
    assert explain(DeadlinePassed(), attempt) == ("connect_timeout", "connect", says)


@pytest.mark.parametrize(
    ("phase", "says"),
    [
        ("connect", "192.0.2.1:80 did not answer within 20 s"),
        ("transfer", "the response of 192.0.2.1:80 did not end within 20 s (0 bytes came)"),
    ],
)
def test_a_deadline_before_there_was_an_exchange(phase: Phase, says: str) -> None:
    assert explain(DeadlinePassed(), _attempt(phase)).text == says


@pytest.mark.parametrize(
    ("code", "kind"),
    [(9, "tls_expired"), (10, "tls_expired"), (62, "tls_hostname"), (64, "tls_hostname"), (18, "tls_untrusted"),
     (20, "tls_untrusted"), (63, "tls_untrusted"), (61, "tls_untrusted"), (11, "tls_untrusted")],
)  # fmt: skip
def test_a_refused_certificate_is_of_the_kind_that_its_code_says(code: int, kind: str) -> None:
    attempt = _attempt("tls")
    attempt.tls_name = "b.example"
    failure = explain(_refused(code), attempt)
    assert (failure.kind, failure.phase) == (kind, "tls")
    assert failure.text.endswith(" (192.0.2.1:80)")
    if kind == "tls_hostname":
        assert failure.text == "the certificate is not for b.example (192.0.2.1:80)"
    if code == 11:
        assert failure.text == "the certificate is refused: some reason (192.0.2.1:80)"


@pytest.mark.parametrize(
    ("reason", "phase", "kind", "says"),
    [
        ("WRONG_VERSION_NUMBER", "tls", "tls_handshake",
         "no TLS with 192.0.2.1:80: what it answers is not TLS (wrong version number)"),
        ("HTTP_REQUEST", "tls", "tls_handshake",
         "no TLS with 192.0.2.1:80: what it answers is not TLS (http request)"),
        ("PACKET_LENGTH_TOO_LONG", "tls", "tls_handshake",
         "no TLS with 192.0.2.1:80: what it answers is not TLS (packet length too long)"),
        ("RECORD_LAYER_FAILURE", "tls", "tls_handshake",
         "no TLS with 192.0.2.1:80: what it answers is not TLS (record layer failure)"),
        ("NO_CIPHERS_AVAILABLE", "tls", "tls_handshake", "no TLS with 192.0.2.1:80: no ciphers available"),
        (None, "tls", "tls_handshake", "no TLS with 192.0.2.1:80: no reason given"),
        ("TLSV1_ALERT_UNRECOGNIZED_NAME", "tls", "tls_handshake",
         "no TLS with 192.0.2.1:80: it does not know the name b.example (tlsv1 alert unrecognized name)"),
        ("TLSV1_ALERT_INTERNAL_ERROR", "tls", "tls_handshake",
         "no TLS with 192.0.2.1:80: tlsv1 alert internal error"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "processing", "tls_handshake",
         "no TLS with 192.0.2.1:80: it wants a client certificate (tlsv13 alert certificate required)"),
        ("BAD_RECORD_TYPE", "transfer", "protocol", "192.0.2.1:80 broke the TLS connection: bad record type"),
        (None, "transfer", "protocol", "192.0.2.1:80 broke the TLS connection: no reason given"),
    ],
)  # fmt: skip
def test_what_tls_failed_by(reason: str | None, phase: Phase, kind: str, says: str) -> None:
    attempt = _attempt(phase)
    attempt.tls_name = "b.example"
    assert explain(_tls_error(reason), attempt) == (kind, phase, says)


def test_an_alert_about_our_certificate_says_so() -> None:
    attempt = _attempt("tls", tls=TlsOptions(cert_file="client.pem"))
    says = explain(_tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), attempt).text
    assert "it wants a client certificate other than ours (" in says


@pytest.mark.parametrize(
    ("error", "phase", "kind", "told_phase", "says"),
    [
        (HandshakeClosed(), "tls", "tls_handshake", "tls",
         "192.0.2.1:80 closed the connection in the TLS handshake"),
        (NotHttp("it is gopher"), "processing", "protocol", "processing",
         "192.0.2.1:80 does not speak proper HTTP/1.1: it is gopher"),
        (NotHttp2("it is gopher"), "transfer", "protocol", "transfer",
         "192.0.2.1:80 does not speak proper HTTP/2: it is gopher"),
        (NotHttp2("x" * 400), "transfer", "protocol", "transfer",
         f"192.0.2.1:80 does not speak proper HTTP/2: {'x' * 300}"),
        (TurnedAway("refused the stream"), "processing", "disconnected", "processing",
         "192.0.2.1:80 refused the stream"),
        (ProxyFailed("connect_refused", "connect", "the proxy says no"), "send", "connect_refused", "connect",
         "the proxy says no"),
        (NotHttp("x" * 400), "processing", "protocol", "processing",
         f"192.0.2.1:80 does not speak proper HTTP/1.1: {'x' * 300}"),
        (OSError(errno.ECONNRESET, "x"), "transfer", "disconnected", "transfer",
         "192.0.2.1:80 broke the connection: connection reset by peer"),
        (OSError(errno.ECONNRESET, "x"), "tls", "tls_handshake", "tls",
         "192.0.2.1:80 broke the connection: connection reset by peer"),
        (OSError("odd"), "send", "disconnected", "send", "192.0.2.1:80 broke the connection: odd"),
        (OSError(errno.ENOMEM, "x"), "transfer", "internal", "transfer", "our own fault: cannot allocate memory"),
        (OSError(errno.EIO, "x"), "connect", "internal", "connect", "our own fault: input/output error"),
        (OSError(errno.EIO, "x"), "resolve", "internal", "resolve", "our own fault: input/output error"),
        (OSError(errno.EIO, "x"), None, "internal", None, "our own fault: input/output error"),
        (NameNotResolved("no such name"), "resolve", "dns", "resolve", "no such name"),
        (Blocked("192.0.2.1 is denied"), "connect", "blocked", "connect", "192.0.2.1 is denied"),
        (RedirectFailed("to ftp:"), "transfer", "redirect", "processing", "to ftp:"),
        (TooLarge(), "transfer", "too_large", "body", "the body is larger than 4096 bytes"),
        (BadCoding("is no gzip"), "transfer", "protocol", "body", "the body is no gzip"),
        (CutOff("ends early"), "body", "disconnected", "transfer", "the body ends early"),
        (ExtractFailed("no a"), "transfer", "extract", "body", "no a"),
        (TlsOptionsUnusable("no such file"), None, "internal", "tls", "our own fault: no such file"),
        (Busy("no thread"), "body", "internal", "body", "our own fault: no thread"),
        (ClosedByUs("we stop"), "send", "internal", "send", "our own fault: we stop"),
        (NoCredentials("no token"), "send", "auth", "send", "no token"),
        (NoCredentials("no keys", "internal"), None, "internal", None, "no keys"),
        (RequestImpossible("bad header"), "send", "internal", "send",
         "our own fault: the request cannot be sent: bad header"),
        (RuntimeError("boom"), "body", "internal", "body", "our own fault: RuntimeError: boom"),
    ],
)  # fmt: skip
def test_the_line_of_a_failure(
    error: Exception, phase: Phase | None, kind: str, told_phase: Phase | None, says: str
) -> None:
    assert explain(error, _attempt(phase, max_body_bytes=4_096)) == (kind, told_phase, says)


@pytest.mark.parametrize(
    ("exchange", "says"),
    [
        (None, "192.0.2.1:80 closed the connection without an answer"),
        (FakeExchange(0), "192.0.2.1:80 closed the connection without an answer"),
        (FakeExchange(1), "192.0.2.1:80 closed the connection in the middle of its response (1 bytes came)"),
    ],
)
def test_a_response_that_ends_early(exchange: FakeExchange | None, says: str) -> None:
    assert explain(EndedEarly(), _attempt("processing", exchange)) == ("disconnected", "processing", says)
