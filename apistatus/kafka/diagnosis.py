"""What librdkafka complains of, put into a sentence for people.

Its calls fail with "timed out" or "broker transport failure"; the reason reaches only the error
callback and the log (librdkafka 2.16), where it is kept here, per broker.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from confluent_kafka import KafkaError

from apistatus.errors import AccessRefused, ApistatusError, KafkaUnavailable
from apistatus.kafka.handshake import certificate_fault, speaks_tls
from apistatus.runtime.logs import Events, OncePerMinute
from apistatus.settings.schema import KafkaSettings

log = Events("kafka")

_COMPLAINT: Final = re.compile(
    r"(?:\[thrd:[^\]]*\]: )?(?:\w+://)?"
    r"(?P<host>\[[^\]]+\]|[^\s/]+?):(?P<port>\d+)/(?:bootstrap|\d+): (?P<text>.*)",
    re.DOTALL,
)
_TIMING: Final = re.compile(r" ?\(after \d+ms in state (\w+)[^)]*\)")
_VARYING: Final = re.compile(r"\d+")
_IGNORED_KEY: Final = re.compile(r"is an? (consumer|producer) property and will be ignored by this")
_FRESH_S: Final = 30.0
"""A complaint older than this explains nothing any more."""
_HTTP_AS_SIZE: Final = str(int.from_bytes(b"HTTP"))
"""The beginning of an HTTP answer, read as the length that a Kafka answer begins with."""
_ERROR_LEVEL: Final = 40
_WARNING_LEVEL: Final = 30
_DEBUG_LEVEL: Final = 10


class Complaint(NamedTuple):
    """What the client said of one broker, and when (monotonic)."""

    host: str
    port: int
    text: str
    state: str
    at_mono_s: float

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def evidence(self) -> str:
        """What the rules look at: the text and the state of the connection."""
        return f"{self.text} [{self.state}]"


Sentence = Callable[[Complaint, "re.Match[str]", KafkaSettings], "str | None"]


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    refused: bool
    sentence: Sentence


def _bad_certificate(complaint: Complaint, _found: re.Match[str], settings: KafkaSettings) -> str:
    fault = certificate_fault(complaint.host, complaint.port, settings)
    return fault or "its certificate could not be verified; check KAFKA_SSL_CA_FILE"


def _client_certificate(_complaint: Complaint, found: re.Match[str], settings: KafkaSettings) -> str:
    if settings.ssl_cert_file is None:
        return "it demands a client certificate; set KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE"
    said = found[1] or "rejected"
    return (
        f"it does not accept the client certificate of KAFKA_SSL_CERT_FILE ({settings.ssl_cert_file}): "
        f"{said}; it may have expired or come from an authority that the broker does not trust"
    )


def _no_tls_there(complaint: Complaint, _found: re.Match[str], settings: KafkaSettings) -> str:
    return (
        f"port {complaint.port} is one without TLS, but KAFKA_SECURITY_PROTOCOL is "
        f"{settings.security_protocol} (KAFKA_SSL_*_FILE implies TLS); correct the port in "
        "KAFKA_BOOTSTRAP_SERVERS or the protocol"
    )


def _hung_up_on_tls(complaint: Complaint, found: re.Match[str], settings: KafkaSettings) -> str | None:
    """A port without TLS hangs up on the greeting of TLS, and so may a broker that ends just then."""
    if speaks_tls(complaint.host, complaint.port) is not False:
        return None
    return _no_tls_there(complaint, found, settings)


def _closed(complaint: Complaint, _found: re.Match[str], _settings: KafkaSettings) -> str | None:
    if not speaks_tls(complaint.host, complaint.port):
        return None
    return (
        f"port {complaint.port} demands TLS; set KAFKA_SSL_CA_FILE (and KAFKA_SSL_CERT_FILE, "
        "KAFKA_SSL_KEY_FILE for a client certificate), or KAFKA_SECURITY_PROTOCOL=SSL for the system's "
        "trust store"
    )


def _mechanism(_complaint: Complaint, found: re.Match[str], settings: KafkaSettings) -> str:
    offered = found[1].partition("[")[0].strip() or "none"
    return f"it does not know KAFKA_SASL_MECHANISM {settings.sasl_mechanism}; it offers {offered}"


def _password(_complaint: Complaint, _found: re.Match[str], settings: KafkaSettings) -> str:
    return (
        f"wrong password, or no such user: '{settings.sasl_username}'; "
        "check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
    )


def _no_password_wanted(complaint: Complaint, _found: re.Match[str], _settings: KafkaSettings) -> str:
    return (
        f"port {complaint.port} takes no password; unset KAFKA_SASL_MECHANISM or correct the port in "
        "KAFKA_BOOTSTRAP_SERVERS"
    )


def _password_wanted(_complaint: Complaint, _found: re.Match[str], settings: KafkaSettings) -> str | None:
    if settings.sasl_mechanism is not None:
        return None
    return (
        "it closes the connection after the TLS handshake; if it demands a password, set KAFKA_SASL_MECHANISM"
    )


def _unresolved(complaint: Complaint, _found: re.Match[str], _settings: KafkaSettings) -> str:
    return f"the name '{complaint.host}' cannot be resolved; check KAFKA_BOOTSTRAP_SERVERS"


def _no_kafka(_complaint: Complaint, found: re.Match[str], _settings: KafkaSettings) -> str:
    kind = "an HTTP server" if found[1] == _HTTP_AS_SIZE else "something that is no Kafka broker"
    return f"{kind} answers there; correct the port in KAFKA_BOOTSTRAP_SERVERS"


def _nobody(_complaint: Complaint, _found: re.Match[str], _settings: KafkaSettings) -> str:
    return "nothing listens there (connection refused); check KAFKA_BOOTSTRAP_SERVERS, or start the broker"


_RULES: Final = tuple(
    _Rule(re.compile(pattern, re.DOTALL), refused, sentence)
    for pattern, refused, sentence in (
        (r"certificate verify failed", True, _bad_certificate),
        (r"alert (?!handshake failure)([a-z ]*(?:certificate|unknown ca)[a-z ]*)", True, _client_certificate),
        (r"PLAINTEXT broker listener|wrong version number", True, _no_tls_there),
        (r"(?:closed|reset) by peer.*\[SSL_HANDSHAKE", True, _hung_up_on_tls),
        (r"Unsupported SASL mechanism: broker's supported mechanisms:(.*)", True, _mechanism),
        (r"Request not valid in current SASL state", True, _no_password_wanted),
        (r"SASL authentication error|Authentication failed", True, _password),
        (r"Disconnected: SSL connection closed by peer", False, _password_wanted),
        (r"connection closed by peer.*\[APIVERSION_QUERY", True, _closed),
        (r"Failed to resolve", False, _unresolved),
        (r"Connection refused", False, _nobody),
        (r"Invalid response size (\d+)", False, _no_kafka),
    )
)


class Diagnosis:
    """A client's error callback and its logger in one. Safe from any thread."""

    def __init__(self, settings: KafkaSettings, *, is_told: bool = False) -> None:
        """`is_told`: every failure is told by its `explanation`, so what the client says of a broker is for
        debugging only."""
        self._settings, self._is_told = settings, is_told
        self._last: dict[str, Complaint] = {}
        self._once = OncePerMinute()

    def on_error(self, error: KafkaError) -> None:
        """`error_cb`."""
        self._note(error.str())

    def log(self, level: int, _form: str, *args: str) -> None:
        """`logger`: librdkafka hands over facility, client and line."""
        facility, line = args[0], args[-1]
        if facility == "CONFWARN" and _IGNORED_KEY.search(line):
            return
        if self._note(line) and self._is_told:
            level = _DEBUG_LEVEL
        held_back = self._once.admits(_VARYING.sub("", f"{facility} {line}"))
        if held_back is not None:
            speak = (
                log.warning if level >= _ERROR_LEVEL else log.info if level >= _WARNING_LEVEL else log.debug
            )
            speak("client.says", facility=facility, line=line, held_back=held_back)

    def _note(self, line: str) -> bool:
        """Keep the line, if it is of a broker; whether it is."""
        found = _COMPLAINT.fullmatch(line)
        if found is None:
            return False
        timing = _TIMING.search(found["text"])
        host = found["host"].strip("[]")
        complaint = Complaint(
            host,
            int(found["port"]),
            _TIMING.sub("", found["text"]),
            timing[1] if timing else "",
            time.monotonic(),
        )
        self._last[complaint.address] = complaint
        return True

    def refused(self) -> bool:
        """Whether some broker has answered and said no; it says so again on every try."""
        return any(rule.refused for complaint in self._fresh() for rule in _rules_of(complaint))

    def explanation(self, what: str) -> ApistatusError:
        """AccessRefused or KafkaUnavailable: that `what` failed, why, and what to change.

        May open a connection to a broker, to learn more, and so block for some seconds.
        """
        unavailable: list[str] = []
        for complaint in self._fresh():
            refused, reason = self._read(complaint)
            said = f"{what}: broker {complaint.address}: {reason}"
            if refused:
                return AccessRefused(said)
            unavailable.append(said)
        if unavailable:
            return KafkaUnavailable(unavailable[0])
        servers = self._settings.bootstrap_servers
        return KafkaUnavailable(f"{what}: no answer from {servers} (KAFKA_BOOTSTRAP_SERVERS) in time")

    def reason(self) -> str:
        """The last complaint as the client put it, for a log line; empty when there is none."""
        return next((f"{complaint.address}: {complaint.text}" for complaint in self._fresh()), "")

    def clear(self) -> None:
        """Forget: the brokers answer again."""
        self._last.clear()

    def _fresh(self) -> list[Complaint]:
        since_mono_s = time.monotonic() - _FRESH_S
        known = [complaint for complaint in list(self._last.values()) if complaint.at_mono_s >= since_mono_s]
        return sorted(known, key=lambda complaint: -complaint.at_mono_s)

    def _read(self, complaint: Complaint) -> tuple[bool, str]:
        for rule in _rules_of(complaint):
            found = rule.pattern.search(complaint.evidence)
            sentence = rule.sentence(complaint, found, self._settings) if found else None
            if sentence is not None:
                return rule.refused, sentence
        return False, complaint.text


def _rules_of(complaint: Complaint) -> list[_Rule]:
    return [rule for rule in _RULES if rule.pattern.search(complaint.evidence)]
