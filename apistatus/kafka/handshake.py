"""One TLS handshake of our own, to learn what librdkafka does not tell apart."""

from __future__ import annotations

import socket
import ssl
from typing import Final

from apistatus.settings.schema import KafkaSettings

_TIMEOUT_S: Final = 3.0
# X509_V_ERR_*, openssl/x509_vfy.h
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_SELF_SIGNED: Final = frozenset({18, 19})
_UNKNOWN_ISSUER: Final = frozenset({2, 20, 21})
_WRONG_NAME: Final = frozenset({62, 64})


def certificate_fault(host: str, port: int, settings: KafkaSettings) -> str | None:
    """Why the certificate of this broker is not accepted, and what to change; None: no fault was found.

    Blocks for 3 seconds at the most, twice.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_file)
    except (OSError, ssl.SSLError):
        return None
    try:
        with (
            socket.create_connection((host, port), _TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return None
    except ssl.SSLCertVerificationError as error:
        return _told_apart(error, host, settings)
    except OSError:
        return None


def _told_apart(error: ssl.SSLCertVerificationError, host: str, settings: KafkaSettings) -> str:
    trusted = f"KAFKA_SSL_CA_FILE ({settings.ssl_ca_file})" if settings.ssl_ca_file else "the system"
    code = error.verify_code
    if code == _EXPIRED:
        return "its certificate, or one above it, has expired: renew it, or our clock is wrong"
    if code == _NOT_YET_VALID:
        return "its certificate is not valid yet; is this machine's clock right?"
    if code in _WRONG_NAME:
        return f"its certificate is not for '{host}'; use a name in KAFKA_BOOTSTRAP_SERVERS that is in it"
    if code in _SELF_SIGNED or code in _UNKNOWN_ISSUER:
        remedy = (
            "" if settings.ssl_ca_file else "; set KAFKA_SSL_CA_FILE to the file of the broker's authority"
        )
        return f"its certificate is signed by an authority that {trusted} does not hold{remedy}"
    return f"its certificate is not accepted: {error.verify_message}"


def speaks_tls(host: str, port: int) -> bool | None:
    """Whether a server at this address answers a TLS greeting with TLS; None: nobody is there, or nobody answers
    in time. Blocks for 3 seconds at the most, twice."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent or believed: only the kind of answer counts
    try:
        plain = socket.create_connection((host, port), _TIMEOUT_S)
    except OSError:
        return None
    try:
        with plain, context.wrap_socket(plain, server_hostname=host):
            return True
    except TimeoutError:
        return None
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False  # it hung up on the greeting
