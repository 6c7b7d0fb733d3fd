"""TLS contexts of OpenSSL, through `ssl`."""

from __future__ import annotations

import ssl
from typing import Final

from apistatus.model.check import TlsOptions

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class TlsOptionsUnusable(Exception):
    """A check's certificate files cannot be used: a line for people."""


def openssl_context(options: TlsOptions) -> ssl.SSLContext:
    """A new context for these options. Raises TlsOptionsUnusable."""
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
