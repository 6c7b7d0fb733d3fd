"""The two TLS engines behind one contract: rustls, which costs half as much, and OpenSSL, whose verdict is
what most clients would see. Contexts, handshakes and errors of both have the shape of the `ssl` module's.

    auto     rustls first; when its handshake fails, OpenSSL makes another connection and has the last word
    rustls   rustls alone: TLS 1.2 and 1.3, names by subjectAltName only
    openssl  OpenSSL alone
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import rtls

from apistatus.model.check import TlsOptions
from apistatus.probing.tls import TlsOptionsUnusable, openssl_context
from apistatus.probing.tls_files import Contexts, LiveContexts, LivingContexts
from apistatus.probing.tls_files import EngineName as EngineName

EngineChoice: TypeAlias = Literal["auto", "rustls", "openssl"]

_Order: TypeAlias = tuple[tuple[EngineName, Callable[[TlsOptions], ssl.SSLContext]], ...]

_VERSIONS: Final = {"1.2": rtls.TLSVersion.TLSv1_2, "1.3": rtls.TLSVersion.TLSv1_3}
_PEM: Final = re.compile(b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class _Rustls:
    """Makes contexts of rustls, through `rtls`."""

    def __init__(self) -> None:
        self._system_roots: tuple[bytes, ...] | None = None

    def context(self, options: TlsOptions) -> ssl.SSLContext:
        """A new context for these options. Raises TlsOptionsUnusable."""
        context = rtls.SSLContext(rtls.PROTOCOL_TLS_CLIENT)
        file = options.ca_file or "the system's trust store"
        try:
            self._trust(context, options)
            context.set_alpn_protocols(["http/1.1"])
            if options.min_version is not None:
                context.minimum_version = _VERSIONS[options.min_version]
            if options.cert_file is not None:
                file = options.cert_file
                context.load_cert_chain(options.cert_file, options.key_file, password="")
                # Only now it is found out whether the key belongs to the certificate.
                context.wrap_bio(rtls.MemoryBIO(), rtls.MemoryBIO(), server_hostname="localhost")
        except (OSError, ValueError) as error:
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
        rustls = _Rustls().context
        self._rustls = rustls
        orders: dict[EngineChoice, _Order] = {
            "auto": (("rustls", rustls), ("openssl", openssl_context)),
            "rustls": (("rustls", rustls),),
            "openssl": (("openssl", openssl_context),),
        }
        self._order = orders[choice]
        self._living = LivingContexts(self._made)

    def of(self, options: TlsOptions) -> LiveContexts:
        """The shared contexts for these options: engines that can do with them, in order.

        Raises TlsOptionsUnusable when the last one cannot: before it, another has the word.
        """
        return self._living.of(replace(options, server_name=None))

    def close(self) -> None:
        """Look for changes of certificate files no more."""
        self._living.close()

    def _made(self, options: TlsOptions) -> Contexts:
        usable: list[tuple[EngineName, ssl.SSLContext]] = []
        last = self._order[-1][0]
        for name, context in self._order:
            try:
                usable.append((name, context(options)))
            except TlsOptionsUnusable:
                if name == last:
                    raise
        if last == "rustls" and options.verify:
            # Whom nobody verifies is not told who we are.
            looks = replace(options, verify=False, cert_file=None, key_file=None)
            return Contexts(tuple(usable), witness=self._rustls(looks))
        return Contexts(tuple(usable))


# What rustls says of a certificate, the code that OpenSSL has for it (X509_verify_cert_error_string(3)), and
# what it means where its own words are for programmers.
_REFUSALS: Final = (
    ("certificate expired", 10, None),
    ("certificate not valid yet", 9, None),
    ("not valid for name", 62, None),
    ("UnknownIssuer", 20, None),
    ("BadSignature", 7, "a signature in the chain is not its issuer's"),
    ("Revoked", 23, "it is revoked"),
    ("InvalidPurpose", 26, "it is not meant for servers"),
    ("CaUsedAsEndEntity", 1, "it is an authority's own, which rustls does not take for a server's"),
    ("BadEncoding", 1, "it is malformed"),
    ("UnsupportedSignatureAlgorithm", 1, "it is signed in a way that rustls does not take"),
    ("UnhandledCriticalExtension", 34, "it has a critical extension that rustls does not know"),
)
_ALERT: Final = re.compile("received fatal alert: ([A-Za-z0-9]+)")
_WORDS: Final = re.compile("(?<=[a-z])(?=[A-Z])")


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
        known = ((code, meaning) for words, code, meaning in _REFUSALS if words in text)
        found.verify_code, meaning = next(known, (1, None))
        found.verify_message = meaning or text
    elif alert is not None:
        # CertificateRequired -> ALERT_CERTIFICATE_REQUIRED
        found.reason = f"ALERT_{_WORDS.sub('_', alert[1]).upper()}"
    elif "InvalidContentType" in text or "UnknownProtocolVersion" in text:
        found.reason = "WRONG_VERSION_NUMBER"
    return error


def said_goodbye(tls: ssl.SSLObject) -> bool:
    """True when rustls has read the peer's close_notify (RFC 8446, section 6.1) and all before it was taken.

    `rtls` reads on as if nothing had been said, where the ssl module raises SSLZeroReturnError; but rustls
    itself, behind a name that is not public, wants nothing more.
    """
    wants_read = getattr(getattr(tls, "_conn", None), "wants_read", None)
    return wants_read is not None and not wants_read()


def is_alert(error: Exception | None) -> bool:
    """True when the peer refused us in the language of TLS."""
    return isinstance(error, ssl.SSLError) and "ALERT" in (getattr(error, "reason", None) or "")
