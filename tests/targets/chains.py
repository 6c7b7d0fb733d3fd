"""The certificate chains that the targets of the table serve, good and bad ones."""

from __future__ import annotations

import ssl
import warnings
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from tests.targets.certificates import DAY, Issued, issue, server_context

_PAST = (-10 * DAY, -2 * DAY)
_SOON = (-DAY, timedelta(days=5))
_CRITICAL = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
_WILDCARD = ("*.example.test",)


def chains(folder: Path) -> dict[str, ssl.SSLContext]:
    """Contexts by name. The authority that checks may trust is written to `ca.pem` in the folder."""
    trusted = issue("Trusted authority", authority=True)
    stranger = issue("Unknown authority", authority=True)
    (folder / "ca.pem").write_bytes(trusted.pem)
    between = issue("intermediate", trusted, authority=True)
    old = issue("old intermediate", trusted, authority=True, valid=_PAST)
    short = issue("short intermediate", trusted, authority=True, path_length=0)
    further = issue("further intermediate", short, authority=True)
    simple = issue("no authority", trusted)
    leaf = issue("leaf", between)
    served: dict[str, tuple[Issued, ...]] = {
        "good": (issue("good", trusted),),
        "intermediate": (leaf, between),
        "shuffled": (leaf, further, between),
        "missing": (leaf,),
        "expired": (issue("expired", trusted, valid=_PAST),),
        "early": (issue("early", trusted, valid=(2 * DAY, 10 * DAY)),),
        "soon": (issue("soon", trusted, valid=_SOON),),
        "old-intermediate": (issue("leaf", old), old),
        "other": (issue("other", trusted, names=("www.example.org",)),),
        "subject": (issue("127.0.0.1", trusted, names=()),),
        "wildcard": (issue("wildcard", trusted, names=_WILDCARD),),
        "self": (issue("self"),),
        "stranger": (issue("leaf", stranger), stranger),
        "no-authority": (issue("leaf", simple), simple),
        "too-long": (issue("leaf", further), further, short),
        "client-only": (issue("client", trusted, extra=(_only_for_clients(),)),),
        "critical": (issue("critical", trusted, extra=((_CRITICAL, True),)),),
    }
    contexts = {name: server_context(folder, *chain) for name, chain in served.items()}
    good = served["good"][0]
    for name in ("tls12", "mutual", "mutual12", "tls11"):
        contexts[name] = server_context(folder, good)
    for name in ("mutual", "mutual12"):
        contexts[name].verify_mode = ssl.CERT_REQUIRED
        contexts[name].load_verify_locations(folder / "ca.pem")
    for name in ("tls12", "mutual12"):
        contexts[name].maximum_version = ssl.TLSVersion.TLSv1_2
    _speak_only_tls_1_1(contexts["tls11"])
    for protocol in ("h2", "http/1.1"):
        contexts[protocol] = server_context(folder, good)
        contexts[protocol].set_alpn_protocols([protocol])
    return contexts


def _only_for_clients() -> tuple[x509.ExtensionType, bool]:
    return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False


def _speak_only_tls_1_1(context: ssl.SSLContext) -> None:
    # Its signatures are made with SHA-1, which OpenSSL 3 allows at its lowest level only.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        # That it is deprecated is what it is wanted for.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
