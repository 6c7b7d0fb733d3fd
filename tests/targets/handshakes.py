"""TLS: certificates that are right or wrong (RFC 5280, RFC 9525), and handshakes that fail at each step (RFC 8446)."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Final

from tests.targets import behaviours
from tests.targets.case import (
    BROKEN_OFF,
    DEGRADED,
    EXPIRED,
    FALSE,
    FLOODED_S,
    HANDSHAKE,
    HANGING_S,
    HELLO,
    OTHER_NAME,
    UNANSWERED,
    UNTRUSTED,
    UP,
    Case,
    Truth,
    late,
)  # fmt: skip
from tests.targets.server import Behaviour, Connection, Target, answer, read_request, replies, reset

_HERE: Final = "https://127.0.0.1:{port}/"
_CA: Final = "ca_file: '{folder}/ca.pem'"
_TRUST: Final = f"tls: {{{_CA}}}"
_hello: Final = replies(answer(b"hello"))


def _named(name: str) -> str:
    return f"tls: {{{_CA}, server_name: {name}}}"


def record(kind: int, payload: bytes, length: int | None = None) -> bytes:
    """A TLS record (RFC 8446, 5.1): 21 is an alert, 22 a handshake, 23 data."""
    return bytes((kind, 3, 3)) + (len(payload) if length is None else length).to_bytes(2, "big") + payload


def alert(description: int, level: int = 2) -> bytes:
    """An alert (RFC 8446, 6): level 2 is fatal, 1 a warning."""
    return record(21, bytes((level, description)))


def says(data: bytes) -> Behaviour:
    """Reads the client's greeting, answers with these bytes and closes."""

    def behaviour(connection: Connection, target: Target) -> None:
        connection.recv(65_536)
        connection.sendall(data)

    return behaviour


def _resets_on_greeting(connection: Connection, target: Target) -> None:
    connection.recv(1)
    reset(connection)


def _stays_silent(connection: Connection, target: Target) -> None:
    while connection.recv(65_536):
        pass


def _drips_a_handshake(connection: Connection, target: Target) -> None:
    connection.recv(65_536)
    connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
    while not target.over.wait(behaviours.DRIP_PAUSE_S):
        connection.sendall(b"\x03")


def _floods_a_handshake(piece: bytes) -> Behaviour:
    def behaviour(connection: Connection, target: Target) -> None:
        connection.recv(65_536)
        connection.sendall(record(22, b"\x02\xff\xff\xff\x03\x03") if piece.strip(b"\0") else b"")
        while not target.over.is_set():
            connection.sendall(record(22, piece))

    return behaviour


def _leaves(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    connection.shutdown(socket.SHUT_RDWR)


def _resets(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    reset(socket.socket(fileno=connection.detach()))


def _says_goodbye(connection: Connection, target: Target) -> None:
    read_request(connection, target)
    connection.unwrap()  # it is an ssl.SSLSocket


def _goes_well(sent: bytes, *, stays: bool = False) -> Behaviour:
    """Answers and says goodbye; the connection below TLS is left open when it `stays`."""

    def behaviour(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(sent)
        connection.settimeout(0)
        with contextlib.suppress(OSError):  # the client does not answer the farewell at once
            connection.unwrap()  # it is an ssl.SSLSocket
        if stays:
            target.over.wait()

    return behaviour


def _ends_without_goodbye(sent: bytes) -> Behaviour:
    def behaviour(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_RDWR)

    return behaviour


def _writes_raw(data: bytes) -> Behaviour:
    """Shakes hands, and then writes past TLS."""

    def behaviour(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        os.write(connection.fileno(), data)

    return behaviour


CERTIFICATES: Final = (
    Case("a trusted certificate", _hello, UP, "RFC 5280, 6", f"{_TRUST}, {HELLO}", "good"),
    Case("a trusted certificate over TLS 1.2", _hello, UP, "RFC 5246", f"{_TRUST}, {HELLO}", "tls12"),
    Case("a chain with an intermediate", _hello, UP, "RFC 5280, 6.1", _TRUST, "intermediate"),
    Case("a chain in the wrong order", _hello, UP, "RFC 8446, 4.4.2: a reader should cope", _TRUST, "shuffled"),
    Case("an expired certificate", _hello, EXPIRED, "RFC 5280, 6.1.3", _TRUST, "expired"),
    Case("a certificate from tomorrow", _hello, EXPIRED, "RFC 5280, 6.1.3", _TRUST, "early"),
    Case("an expired intermediate", _hello, EXPIRED, "RFC 5280, 6.1.3", _TRUST, "old-intermediate"),
    Case("a certificate for another name", _hello, OTHER_NAME, "RFC 9525, 6", _TRUST, "other"),
    Case("a certificate with the name as its subject only", _hello, OTHER_NAME, "RFC 9525, 2: no CN", _TRUST,
         "subject"),
    Case("a name that fits a wildcard", _hello, UP, "RFC 9525, 6.3", _named("a.example.test"), "wildcard"),
    Case("a name two levels below a wildcard", _hello, OTHER_NAME, "RFC 9525, 6.3", _named("a.b.example.test"),
         "wildcard"),
    Case("the name above a wildcard", _hello, OTHER_NAME, "RFC 9525, 6.3", _named("example.test"), "wildcard"),
    Case("a self-signed certificate", _hello, UNTRUSTED, "RFC 5280, 6.1", _TRUST, "self"),
    Case("an unknown authority", _hello, UNTRUSTED, "RFC 5280, 6.1", "", "good"),
    Case("an unknown authority that comes along", _hello, UNTRUSTED, "RFC 5280, 6.1", _TRUST, "stranger"),
    Case("a missing intermediate", _hello, UNTRUSTED, "RFC 8446, 4.4.2", _TRUST, "missing"),
    Case("an issuer that is no authority", _hello, UNTRUSTED, "RFC 5280, 4.2.1.9", _TRUST, "no-authority"),
    Case("a chain longer than its authority allows", _hello, UNTRUSTED, "RFC 5280, 4.2.1.9: pathLen", _TRUST,
         "too-long"),
    Case("a certificate for clients only", _hello, UNTRUSTED, "RFC 5280, 4.2.1.12", _TRUST, "client-only"),
    Case("a certificate with an unknown critical extension", _hello, UNTRUSTED, "RFC 5280, 4.2", _TRUST, "critical"),
    Case("a certificate that ends soon", _hello, DEGRADED, "INTERFACE: certificate_days", _TRUST, "soon"),
    Case("a certificate that ends sooner than expected", _hello, FALSE, "INTERFACE: expect.certificate_days",
         f"{_TRUST}, expect: {{certificate_days: {{at_least: 7}}}}", "soon"),
    Case("an expired certificate, unverified", _hello, DEGRADED, "INTERFACE: tls.verify", "tls: {verify: false}",
         "expired"),
    Case("a self-signed certificate, unverified", _hello, UP, "INTERFACE: tls.verify", "tls: {verify: false}", "self"),
    Case("a client certificate is wanted", _hello, Truth("down", "tls_handshake"), "RFC 8446, 4.4.2.4", _TRUST,
         "mutual"),
    Case("a client certificate is wanted over TLS 1.2", _hello, Truth("down", "tls_handshake"), "RFC 5246, 7.4.6",
         _TRUST,
         "mutual12"),
    Case("an older TLS than is allowed", _hello, HANDSHAKE, "INTERFACE: tls.min_version",
         f"tls: {{{_CA}, min_version: '1.3'}}", "tls12"),
    Case("TLS 1.1", _hello, HANDSHAKE, "RFC 8996", _TRUST, "tls11"),
)  # fmt: skip

_ALERTS: Final = {
    "handshake_failure": 40, "internal_error": 80, "protocol_version": 70, "unrecognized_name": 112,
    "bad_certificate": 42, "access_denied": 49, "unknown (200)": 200,
}  # fmt: skip

HANDSHAKES: Final = (
    *(Case(f"the alert {name}", says(alert(number)), HANDSHAKE, "RFC 8446, 6.2", url=_HERE)
      for name, number in _ALERTS.items()),
    Case("goodbye in the handshake", says(alert(0, level=1)), HANDSHAKE, "RFC 8446, 6.1", url=_HERE),
    Case("a warning and then nothing", says(alert(112, level=1)), HANDSHAKE, "RFC 8446, 6", url=_HERE),
    Case("plain HTTP on a TLS port", says(answer(status="400 This is HTTP")), HANDSHAKE, "RFC 8446, 5.1", url=_HERE),
    Case("SSH on a TLS port", says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), HANDSHAKE, "RFC 8446, 5.1", url=_HERE),
    Case("a record of 64 kB", says(record(22, bytes(64), 65_535)), HANDSHAKE, "RFC 8446, 5.1: at most 2**14",
         url=_HERE),
    Case("a record of no kind", says(record(99, b"hello")), HANDSHAKE, "RFC 8446, 5.1", url=_HERE),
    Case("data before the handshake", says(record(23, b"hello")), HANDSHAKE, "RFC 8446, 5", url=_HERE),
    Case("a greeting that is none", says(record(22, b"\x02\0\0\x04abcd")), HANDSHAKE, "RFC 8446, 4.1.3", url=_HERE),
    Case("half a greeting", says(b"\x16\x03\x03\x00\x7a\x02\x00"), HANDSHAKE, "RFC 8446, 6.1", url=_HERE),
    Case("closes in the handshake", says(b""), HANDSHAKE, "RFC 8446, 6.1", url=_HERE),
    Case("resets in the handshake", _resets_on_greeting, HANDSHAKE, "RFC 9293, 3.5.2", url=_HERE),
    Case("a greeting without end", _floods_a_handshake(b"x" * 16_384), HANDSHAKE, "RFC 8446, 4: a limit", url=_HERE),
    Case("requests to begin without end", _floods_a_handshake(bytes(16_384)), late("tls"),
         "RFC 5246, 7.4.1.1: ignored in a handshake", url=_HERE, timeout_s=FLOODED_S),
    Case("silence in the handshake", _stays_silent, late("tls"), "INTERFACE: timeout", url=_HERE, timeout_s=HANGING_S),
    Case("drips a handshake", _drips_a_handshake, late("tls"), "INTERFACE: timeout", url=_HERE, timeout_s=HANGING_S),
    Case("TLS on a plain port", behaviours.ok, UNANSWERED, "RFC 9110, 4.2.1", chain="good",
         url="http://127.0.0.1:{port}/"),
)  # fmt: skip

_COUNTED: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

UNDER_TLS: Final = (
    Case("TLS, and silence", behaviours.silent, late("processing"), "INTERFACE: timeout", _TRUST, "good",
         timeout_s=HANGING_S),
    Case("TLS, and a dripping body", behaviours.drips_its_body, late("transfer"), "INTERFACE: timeout", _TRUST, "good",
         timeout_s=HANGING_S),
    Case("TLS, and closes after the request", _leaves, UNANSWERED, "RFC 8446, 6.1", _TRUST, "good"),
    Case("TLS, and goodbye after the request", _says_goodbye, UNANSWERED, "RFC 8446, 6.1", _TRUST, "good"),
    Case("TLS, and resets after the request", _resets, UNANSWERED, "RFC 9293, 3.5.2", _TRUST, "good"),
    Case("TLS, and half a body", behaviours.promises_more_than_it_sends, BROKEN_OFF, "RFC 8446, 6.1", _TRUST, "good"),
    Case("TLS without goodbye, body counted", _ends_without_goodbye(_COUNTED), UP, "RFC 9112, 9.8",
         f"{_TRUST}, {HELLO}",
         "good"),
    Case("TLS without goodbye, body open", _ends_without_goodbye(b"HTTP/1.1 200 OK\r\n\r\nhello"), BROKEN_OFF,
         "RFC 9112, 9.8: incomplete", _TRUST, "good"),
    Case("TLS with goodbye, body open", _goes_well(b"HTTP/1.1 200 OK\r\n\r\nhello"), UP, "RFC 9112, 9.8",
         f"{_TRUST}, {HELLO}", "good"),
    Case("TLS with goodbye, body open, and stays", _goes_well(b"HTTP/1.1 200 OK\r\n\r\nhello", stays=True), UP,
         "RFC 8446, 6.1", f"{_TRUST}, {HELLO}", "good"),
    Case("TLS, and a forged record", _writes_raw(record(23, bytes(32))), Truth("down", "protocol", "processing"),
         "RFC 8446, 5.2: bad_record_mac", _TRUST, "good"),
    Case("TLS, and plain HTTP in it", _writes_raw(answer(b"hello")), Truth("down", "protocol", "processing"),
         "RFC 8446, 5.1", _TRUST, "good"),
    Case("TLS, and HTTP/2 in it", replies(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"), Truth("down", "protocol",
         "transfer"),
         "RFC 9113, 3.2: not without ALPN", _TRUST, "good"),
    Case("TLS, and a body of 700 kB", replies(answer(b"x" * 700_000)), UP, "RFC 8446, 5.1", _TRUST, "good"),
    Case("TLS, and a body without end", behaviours.endless_body, Truth("down", "too_large", "body"),
         "INTERFACE: max_body_bytes", f"{_TRUST}, max_body_bytes: 200000", "good"),
    Case("TLS, and headers without end", behaviours.endless_headers, Truth("down", "protocol", "transfer"),
         "RFC 9110, 5.4: a limit", _TRUST, "good"),
)  # fmt: skip

CASES: Final = (*CERTIFICATES, *HANDSHAKES, *UNDER_TLS)
