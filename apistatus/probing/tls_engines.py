"""The two TLS engines behind one contract: rustls, which costs half as much, and OpenSSL, whose verdict is
what most clients would see. Contexts, handshakes and errors of both have the shape of the `ssl` module's.

    auto     rustls first; when its handshake fails, OpenSSL makes another connection and has the last word
    rustls   rustls alone: TLS 1.2 and 1.3, names by subjectAltName only
    openssl  OpenSSL alone
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

import rtls

from apistatus.model.check import TlsOptions
from apistatus.probing.tls import TlsContexts, TlsOptionsUnusable

EngineName: TypeAlias = Literal["rustls", "openssl"]
EngineChoice: TypeAlias = Literal["auto", "rustls", "openssl"]

_VERSIONS: Final = {"1.2": rtls.TLSVersion.TLSv1_2, "1.3": rtls.TLSVersion.TLSv1_3}
_PEM: Final = re.compile(b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class TlsEngine(Protocol):
    """Makes contexts; equal options give the same context."""

    name: EngineName

    def of(self, options: TlsOptions) -> ssl.SSLContext:
        """The shared context for these options. Raises TlsOptionsUnusable."""


class OpensslEngine:
    """The standard library's `ssl`."""

    name: EngineName = "openssl"

    def __init__(self) -> None:
        self._contexts = TlsContexts()

    def of(self, options: TlsOptions) -> ssl.SSLContext:
        return self._contexts.of(options)


class RustlsEngine:
    """rustls, through `rtls`."""

    name: EngineName = "rustls"

    def __init__(self) -> None:
        self._contexts: dict[TlsOptions, ssl.SSLContext] = {}
        self._system_roots: tuple[bytes, ...] | None = None

    def of(self, options: TlsOptions) -> ssl.SSLContext:
        key = replace(options, server_name=None)
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = self._context(key)
        return context

    def _context(self, options: TlsOptions) -> ssl.SSLContext:
        context = rtls.SSLContext(rtls.PROTOCOL_TLS_CLIENT)
        try:
            self._trust(context, options)
            context.set_alpn_protocols(["http/1.1"])
            if options.min_version is not None:
                context.minimum_version = _VERSIONS[options.min_version]
            if options.cert_file is not None:
                context.load_cert_chain(options.cert_file, options.key_file, password="")
        except (OSError, ValueError) as error:
            file = options.ca_file or options.cert_file or "the system's trust store"
            raise TlsOptionsUnusable(f"{file}: {error}") from error
        return context

    def _trust(self, context: rtls.SSLContext, options: TlsOptions) -> None:
        if not options.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif options.ca_file is not None:
            context.load_verify_locations(cafile=options.ca_file)
        else:
            if self._system_roots is None:
                self._system_roots = tuple(_system_roots())
            if not self._system_roots:
                context.load_default_certs()
            for pem in self._system_roots:
                _add_root(context, pem)


def _add_root(context: rtls.SSLContext, pem: bytes) -> None:
    """Trust one more certificate; those that rustls cannot read are left to OpenSSL."""
    try:
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        return


def _system_roots() -> Iterator[bytes]:
    """What OpenSSL trusts on this system, SSL_CERT_FILE and SSL_CERT_DIR included, each certificate once."""
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else []
    if paths.capath:
        # OpenSSL looks certificates up by the hash of their subject: other names in there do not count.
        files += sorted(Path(paths.capath).glob("*.[0-9]"))
    seen = set()
    for file in files:
        try:
            content = file.read_bytes()
        except OSError:
            continue
        for pem in _PEM.findall(content):
            if pem not in seen:
                seen.add(pem)
                yield pem


class Engines:
    """Which engines see to a connection, in order."""

    def __init__(self, choice: EngineChoice) -> None:
        self._openssl = OpensslEngine()
        self._rustls = RustlsEngine()
        self._order: tuple[TlsEngine, ...] = {
            "auto": (self._rustls, self._openssl),
            "rustls": (self._rustls,),
            "openssl": (self._openssl,),
        }[choice]

    def of(self, options: TlsOptions) -> tuple[tuple[EngineName, ssl.SSLContext], ...]:
        """Engines that can do with these options, the one to be asked first at the beginning.

        Raises TlsOptionsUnusable when the last one cannot: before it, another has the word.
        """
        usable: list[tuple[EngineName, ssl.SSLContext]] = []
        last = self._order[-1]
        for engine in self._order:
            try:
                usable.append((engine.name, engine.of(options)))
            except TlsOptionsUnusable:
                if engine is last:
                    raise
        return tuple(usable)


# What rustls says of a certificate, and the code that OpenSSL has for it (X509_verify_cert_error_string(3)).
_REFUSALS: Final = (
    ("certificate expired", 10),
    ("certificate not valid yet", 9),
    ("not valid for name", 62),
    ("UnknownIssuer", 20),
)
_ALERT: Final = re.compile("received fatal alert: ([A-Za-z0-9]+)")


def translated(error: Exception) -> Exception:
    """An error of rustls with what an error of OpenSSL would say in `verify_code`, `verify_message` and
    `reason`; any other error as it is."""
    if not isinstance(error, rtls.SSLError):
        return error
    found: Any = error
    text = str(error.reason or error)
    alert = _ALERT.search(text)
    if isinstance(error, rtls.SSLCertVerificationError):
        text = text.removeprefix("invalid peer certificate: ")
        found.verify_code = next((code for words, code in _REFUSALS if words in text), 1)
        found.verify_message = text
    elif alert is not None:
        # CertificateRequired -> ALERT_CERTIFICATE_REQUIRED
        found.reason = "ALERT" + re.sub("([A-Z])", r"_\1", alert[1]).upper()
    elif "InvalidContentType" in text or "UnknownProtocolVersion" in text:
        found.reason = "WRONG_VERSION_NUMBER"
    return error


def is_alert(error: Exception | None) -> bool:
    """True when the peer refused us in the language of TLS."""
    return isinstance(error, ssl.SSLError) and "ALERT" in (getattr(error, "reason", None) or "")
