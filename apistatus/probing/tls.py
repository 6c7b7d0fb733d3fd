"""TLS contexts, and what a connection's certificates say. The engine is OpenSSL, through `ssl`."""

from __future__ import annotations

import _ssl
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from cryptography import x509

from apistatus.model.check import TlsOptions

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class TlsOptionsUnusable(Exception):
    """A check's certificate files cannot be used: a line for people."""


class TlsContexts:
    """One context per set of options: loading the system's trust store takes 20 ms."""

    def __init__(self) -> None:
        self._contexts: dict[TlsOptions, ssl.SSLContext] = {}

    def of(self, options: TlsOptions) -> ssl.SSLContext:
        """The shared context for these options. Raises TlsOptionsUnusable."""
        key = replace(options, server_name=None)
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = _context(key)
        return context


def _context(options: TlsOptions) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
    except OSError as error:
        raise TlsOptionsUnusable(f"ca_file {options.ca_file}: {_reason(error)}") from error
    # Python 3.13 began to demand more of certificates than OpenSSL, curl and browsers do. A verdict
    # must not depend on the Python that runs us.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.min_version is not None:
        context.minimum_version = _VERSIONS[options.min_version]
    if options.cert_file is not None:
        try:
            # Without a password here, an encrypted key would ask for one on the terminal.
            context.load_cert_chain(options.cert_file, options.key_file, password="")
        except OSError as error:
            files = options.cert_file + (f" with {options.key_file}" if options.key_file else "")
            raise TlsOptionsUnusable(f"cert_file {files}: {_reason(error)}") from error
    return context


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not usable").replace("_", " ").lower()
    return error.strerror or str(error)


def served_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The certificates (DER) that the server sent, its own first; only its own where `ssl` cannot tell."""
    return _chain(tls, "get_unverified_chain") or tuple(filter(None, (tls.getpeercert(binary_form=True),)))


def refused_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The certificates (DER) that a failed verification had before it; empty where `ssl` cannot tell."""
    return _chain(tls, "get_verified_chain")


def _chain(tls: ssl.SSLObject, method: str) -> tuple[bytes, ...]:
    # Public on SSLObject from Python 3.13; before, only on the object inside it.
    getter: Any = getattr(tls, method, None) or getattr(getattr(tls, "_sslobj", None), method, None)
    try:
        certificates = getter() if getter else None
    except ssl.SSLError:
        return ()
    return tuple(
        certificate if isinstance(certificate, bytes) else certificate.public_bytes(_ssl.ENCODING_DER)
        for certificate in certificates or ()
    )


@lru_cache(maxsize=4096)
def certificate(der: bytes) -> x509.Certificate | None:
    """The certificate, None when it is too odd to be read."""
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def expires_at_us(chain: tuple[bytes, ...]) -> int | None:
    """Earliest end of validity in a chain, as UTC microseconds; None when no certificate can be read."""
    ends = [found.not_valid_after_utc for found in map(certificate, chain) if found is not None]
    return max(0, int(min(ends).timestamp())) * 1_000_000 if ends else None


def why_refused(error: ssl.SSLCertVerificationError, chain: tuple[bytes, ...], name: str, now_us: int) -> str:
    """A verification failure in words: which date, name or issuer did not fit."""
    found = [one for one in map(certificate, chain) if one is not None]
    now = datetime.fromtimestamp(now_us / 1_000_000, UTC)
    # Codes of X509_verify_cert_error_string(3).
    match error.verify_code:
        case 10:
            late = next((one for one in found if one.not_valid_after_utc < now), None)
            when = f" on {late.not_valid_after_utc:%Y-%m-%d %H:%M} UTC" if late else ""
            return f"the certificate{_whose(late, found)} expired{when}"
        case 9:
            early = next((one for one in found if one.not_valid_before_utc > now), None)
            when = f" before {early.not_valid_before_utc:%Y-%m-%d %H:%M} UTC" if early else ""
            return f"the certificate{_whose(early, found)} is not valid{when or ' yet'}"
        case 62 | 64:
            names = _names(found[0]) if found else ""
            return f"the certificate is not for {name}" + (f" but for {names}" if names else "")
        case 18:
            return "the certificate is self-signed and not trusted here"
        case 19:
            return f"the chain ends in a self-signed certificate that is not trusted here{_issuer(found)}"
        case 20 | 21:
            return (
                f"the certificate's issuer is not known here, or the server leaves out an intermediate "
                f"certificate{_issuer(found)}"
            )
        case _:
            return f"the certificate is refused: {error.verify_message}"


def _whose(one: x509.Certificate | None, found: list[x509.Certificate]) -> str:
    if one is None or one is found[0]:
        return ""
    return f" of its issuer {one.subject.rfc4514_string()[:120]}"


def _issuer(found: list[x509.Certificate]) -> str:
    return f" (issuer {found[-1].issuer.rfc4514_string()[:120]})" if found else ""


def _names(one: x509.Certificate) -> str:
    try:
        alternative = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ""
    names = [str(name.value) for name in alternative if isinstance(name, x509.DNSName | x509.IPAddress)]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
