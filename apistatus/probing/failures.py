"""What went wrong, in the closed list's words: one table from exceptions to failure kinds.

The line of a failure is for whoever is woken by it: the cause, the address, and for TLS which name
or date did not fit. It never quotes a URL, because URLs may hold secrets.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from apistatus.model.result import FailureKind, Phase
from apistatus.probing.attempt import Attempt
from apistatus.probing.auth_errors import NoCredentials
from apistatus.probing.body import ExtractFailed
from apistatus.probing.chains import refused_chain, served_chain
from apistatus.probing.decoding import BadCoding, CutOff, TooLarge
from apistatus.probing.exchange_errors import ClosedByUs, EndedEarly, HandshakeClosed, HeldUp, NotHttp
from apistatus.probing.hop_plan import RequestImpossible
from apistatus.probing.http2 import NotHttp2, TurnedAway
from apistatus.probing.masking import one_line
from apistatus.probing.network_policy import Blocked
from apistatus.probing.proxying import ProxyFailed
from apistatus.probing.redirects import RedirectFailed
from apistatus.probing.resolve import Address, NameNotResolved
from apistatus.probing.threads import Busy
from apistatus.probing.tls import TlsOptionsUnusable
from apistatus.probing.tls_words import Refusal, alert_meaning, why_refused


class Failure(NamedTuple):
    """Kind, phase and a line for people."""

    kind: FailureKind
    phase: Phase | None
    text: str


class ConnectFailure(NamedTuple):
    """What one address said to being connected to."""

    kind: FailureKind
    text: str


class DeadlinePassed(Exception):
    """The attempt's timeout is over."""


class NotConnected(Exception):
    """None of a name's addresses could be connected to."""

    def __init__(self, failures: list[ConnectFailure]) -> None:
        super().__init__("; ".join(failure.text for failure in failures))
        self.failures = failures


# connect(2), socket(2). What this host lacks is no news about the target.
_OURS: Final = frozenset(
    (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EAGAIN)
)
_CONNECT: Final[dict[int, tuple[FailureKind, str]]] = {
    errno.ECONNREFUSED: ("connect_refused", "refused the connection"),
    errno.ETIMEDOUT: ("connect_timeout", "did not answer"),
    errno.ECONNRESET: ("connect_reset", "reset the connection while it was made"),
    errno.ECONNABORTED: ("connect_reset", "aborted the connection while it was made"),
    errno.EPIPE: ("connect_reset", "closed the connection while it was made"),
    errno.ENETUNREACH: ("connect_unreachable", "cannot be reached: no route to its network"),
    errno.EHOSTUNREACH: ("connect_unreachable", "cannot be reached: no route to the host"),
    errno.EHOSTDOWN: ("connect_unreachable", "cannot be reached: the host is down"),
    errno.ENETDOWN: ("connect_unreachable", "cannot be reached: the network is down"),
    errno.EACCES: ("connect_unreachable", "cannot be reached: a firewall rule or the address forbids it"),
    errno.EPERM: ("connect_unreachable", "cannot be reached: a firewall rule forbids it"),
    errno.EAFNOSUPPORT: ("connect_unreachable", "cannot be reached: this host does not speak its protocol"),
}


def connect_failure(error: OSError, address: Address, port: int) -> ConnectFailure:
    """Why one address could not be connected to. `internal` when this host is what lacks something."""
    where = f"[{address.ip}]:{port}" if ":" in address.ip else f"{address.ip}:{port}"
    code = error.errno
    if code is None and isinstance(error, TimeoutError):
        return ConnectFailure("connect_timeout", f"{where} did not answer in its share of the timeout")
    if code == errno.EADDRNOTAVAIL:
        if not _has_source_address(address):
            return ConnectFailure(
                "connect_unreachable", f"{where} cannot be reached: no address of its family here"
            )
        return ConnectFailure("internal", f"no local port is free for a connection to {where}")
    if code in _CONNECT:
        kind, says = _CONNECT[code]
        return ConnectFailure(kind, f"{where} {says}")
    return ConnectFailure("internal", f"cannot connect to {where}: {_words(error)}")


def _has_source_address(address: Address) -> bool:
    """Whether this host has an address from which that one could be reached: connecting a datagram
    socket chooses one and sends nothing."""
    try:
        with socket.socket(address.family, socket.SOCK_DGRAM) as probe:
            probe.connect(address.sockaddr)
    except OSError as error:
        return error.errno != errno.EADDRNOTAVAIL
    return True


def explain(error: BaseException, attempt: Attempt) -> Failure:
    """The failure that `error` means, at the point that `attempt` had reached.

    `internal` for everything that is our own fault, and for every exception nobody thought of.
    """
    try:
        says = next((says for kind, says in _TABLE if isinstance(error, kind)), None)
        failure = says(error, attempt) if says else _internal(f"{type(error).__name__}: {error}", attempt)
    except Exception as second:  # noqa: BLE001 - a probe never raises, so what explains it does not either
        text = f"{type(error).__name__}, and {type(second).__name__} while it was explained"
        failure = _internal(text, attempt)
    return failure._replace(text=one_line(failure.text, attempt.mask))


def _internal(text: str, attempt: Attempt) -> Failure:
    return Failure("internal", attempt.timeline.phase, f"our own fault: {text}")


def _no_credentials(error: NoCredentials, attempt: Attempt) -> Failure:
    return Failure(error.kind, attempt.timeline.phase, str(error))


def _not_connected(error: NotConnected, _attempt: Attempt) -> Failure:
    kinds = [failure.kind for failure in error.failures]
    # One address that could not be judged leaves the target's state open. Else the first that is more
    # than "no route": hosts without IPv6 say that of every IPv6 address.
    kind: FailureKind = "internal"
    if "internal" not in kinds:
        kind = next((kind for kind in kinds if kind != "connect_unreachable"), "connect_unreachable")
    text = f"our own fault: {error}" if kind == "internal" else str(error)
    return Failure(kind, "connect", text)


def _late(_error: DeadlinePassed, attempt: Attempt) -> Failure:
    phase = attempt.timeline.phase
    limit = attempt.limit
    where = attempt.address
    match phase:
        case "resolve":
            return Failure("dns", phase, f"no answer to the name lookup of {attempt.host} within {limit}")
        case "connect":
            tried = attempt.exchange.tried if attempt.exchange else ()
            also = "".join(f"; {connect_failure(error, one, attempt.port).text}" for one, error in tried)
            return Failure("connect_timeout", phase, f"{where} did not answer within {limit}{also}")
        case "tls":
            text = f"the TLS handshake with {where} did not end within {limit}"
        case "send":
            text = f"{where} did not take the whole request within {limit}"
        case "processing":
            text = f"{where} sent nothing within {limit} of the start"
        case _:
            received = attempt.exchange.received_bytes if attempt.exchange else 0
            text = f"the response of {where} did not end within {limit} ({received} bytes came)"
    return Failure("timeout", phase, text)


def _refused_certificate(error: ssl.SSLCertVerificationError, attempt: Attempt) -> Failure:
    # X509_V_ERR_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH
    kinds: dict[int, FailureKind] = {
        9: "tls_expired", 10: "tls_expired", 62: "tls_hostname", 64: "tls_hostname",
    }  # fmt: skip
    tls = attempt.exchange.tls if attempt.exchange else None
    why = why_refused(
        Refusal(
            error.verify_code, error.verify_message, attempt.tls_name, attempt.clock.wall_us(),
            served=served_chain(tls) if tls else (), verified=refused_chain(tls) if tls else (),
            own_authority=attempt.check.tls.ca_file is not None,
        )
    )  # fmt: skip
    return Failure(kinds.get(error.verify_code, "tls_untrusted"), "tls", f"{why} ({attempt.address})")


def _tls(error: ssl.SSLError, attempt: Attempt) -> Failure:
    name = getattr(error, "reason", None) or ""
    reason = name.replace("_", " ").lower() or "no reason given"
    phase = attempt.timeline.phase
    if phase != "tls" and "alert" not in reason:
        return Failure("protocol", phase, f"{attempt.address} broke the TLS connection: {reason}")
    if name in (
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
    ):
        reason = f"what it answers is not TLS ({reason})"
    elif "alert" in reason:
        meaning = alert_meaning(reason, attempt.tls_name, attempt.check.tls)
        reason = f"{meaning} ({reason})" if meaning else reason
    return Failure("tls_handshake", phase, f"no TLS with {attempt.address}: {reason}")


def _handshake_closed(_error: HandshakeClosed, attempt: Attempt) -> Failure:
    return Failure("tls_handshake", "tls", f"{attempt.address} closed the connection in the TLS handshake")


def _not_http(error: NotHttp, attempt: Attempt) -> Failure:
    text = f"{attempt.address} does not speak proper HTTP/1.1: {str(error)[:300]}"
    return Failure("protocol", attempt.timeline.phase, text)


def _not_http2(error: NotHttp2, attempt: Attempt) -> Failure:
    text = f"{attempt.address} does not speak proper HTTP/2: {str(error)[:300]}"
    return Failure("protocol", attempt.timeline.phase, text)


def _turned_away(error: TurnedAway, attempt: Attempt) -> Failure:
    return Failure("disconnected", attempt.timeline.phase, f"{attempt.address} {error}")


def _proxy(error: ProxyFailed, _attempt: Attempt) -> Failure:
    return Failure(error.kind, error.phase, str(error))


def _ended_early(_error: EndedEarly, attempt: Attempt) -> Failure:
    received = attempt.exchange.received_bytes if attempt.exchange else 0
    text = f"{attempt.address} closed the connection without an answer"
    if received:
        text = (
            f"{attempt.address} closed the connection in the middle of its response ({received} bytes came)"
        )
    return Failure("disconnected", attempt.timeline.phase, text)


def _os_error(error: OSError, attempt: Attempt) -> Failure:
    if isinstance(error, ssl.SSLError):
        return _tls(error, attempt)
    phase = attempt.timeline.phase
    if error.errno in _OURS or phase in (None, "resolve", "connect"):
        return _internal(_words(error), attempt)
    text = f"{attempt.address} broke the connection: {_words(error)}"
    return Failure("tls_handshake" if phase == "tls" else "disconnected", phase, text)


def _words(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else (str(error) or type(error).__name__)


@dataclass(frozen=True, slots=True)
class _Simple:
    """A row for exceptions whose own text is the line. Without a phase it is the one under way."""

    kind: FailureKind
    phase: Phase | None
    before: str = ""

    def __call__(self, error: Exception, attempt: Attempt) -> Failure:
        return Failure(self.kind, self.phase or attempt.timeline.phase, f"{self.before}{error}")


def _too_large(_error: TooLarge, attempt: Attempt) -> Failure:
    return Failure("too_large", "body", f"the body is larger than {attempt.check.max_body_bytes} bytes")


_TABLE: Final[tuple[tuple[type[Exception], Callable[[Any, Attempt], Failure]], ...]] = (
    (DeadlinePassed, _late),
    (NameNotResolved, _Simple("dns", "resolve")),
    (Blocked, _Simple("blocked", "connect")),
    (NotConnected, _not_connected),
    (HandshakeClosed, _handshake_closed),
    (ssl.SSLCertVerificationError, _refused_certificate),
    (RedirectFailed, _Simple("redirect", "processing")),
    (TooLarge, _too_large),
    (BadCoding, _Simple("protocol", "body", "the body ")),
    (CutOff, _Simple("disconnected", "transfer", "the body ")),
    (ExtractFailed, _Simple("extract", "body")),
    (TlsOptionsUnusable, _Simple("internal", "tls", "our own fault: ")),
    (Busy, _Simple("internal", None, "our own fault: ")),
    (HeldUp, _Simple("internal", None, "our own fault: ")),
    (ClosedByUs, _Simple("internal", None, "our own fault: ")),
    (NoCredentials, _no_credentials),
    (RequestImpossible, _Simple("internal", None, "our own fault: the request cannot be sent: ")),
    (NotHttp, _not_http),
    (NotHttp2, _not_http2),
    (TurnedAway, _turned_away),
    (ProxyFailed, _proxy),
    (EndedEarly, _ended_early),
    (OSError, _os_error),
)
"""The first row that fits counts: subclasses stand above their base."""
