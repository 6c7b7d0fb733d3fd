"""Certificate chains: which one a server sent, which one a verification made of it, and when they end."""

from __future__ import annotations

import _ssl
import ssl
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import rtls
from cryptography import x509


def served_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The certificates (DER) that the server sent, its own first; only its own where `ssl` cannot tell.

    Empty after a handshake that rustls has ended: it keeps nothing of what it refuses.
    """
    chain = _chain(tls, "get_unverified_chain")
    if chain:
        return chain
    try:
        own = tls.getpeercert(binary_form=True)
    except ValueError:  # the handshake is not done
        return ()
    return (own,) if own else ()


def refused_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The path (DER) that a failed verification went, certificates of the trust store included; empty where
    it is not told, as by rustls, whose method of that name gives what was served."""
    spoken: Any = tls  # of another class than it seems, and of the same shape
    return () if isinstance(spoken, rtls.SSLObject) else _chain(tls, "get_verified_chain")


def _chain(tls: ssl.SSLObject, method: str) -> tuple[bytes, ...]:
    # Public on SSLObject from Python 3.13, and on rtls; before, only on the object inside it.
    getter: Any = getattr(tls, method, None) or getattr(getattr(tls, "_sslobj", None), method, None)
    try:
        certificates = getter() if getter else None
    except ssl.SSLError:
        return ()
    return tuple(map(_der, certificates or ()))


def _der(certificate: Any) -> bytes:
    if isinstance(certificate, bytes):
        return certificate
    if isinstance(certificate, rtls.Certificate):
        return certificate.public_bytes()
    found: bytes = certificate.public_bytes(_ssl.ENCODING_DER)
    return found


@lru_cache(maxsize=4096)
def certificate(der: bytes) -> x509.Certificate | None:
    """The certificate, None when it is too odd to be read: its names and dates can be asked for without fear."""
    try:
        # It warns of what it will refuse one day: what a target serves is no news about us.
        with warnings.catch_warnings(action="ignore"):
            found = x509.load_der_x509_certificate(der)
            # Looked at late by cryptography, and then not without errors either.
            _ = found.subject, found.issuer, found.not_valid_before_utc, found.not_valid_after_utc
    except (ValueError, OverflowError, x509.InvalidVersion):
        return None
    return found


@lru_cache(maxsize=4096)
def expires_at_us(chain: tuple[bytes, ...]) -> int | None:
    """Earliest end of validity in a chain, as UTC microseconds; None when no certificate can be read."""
    ends = [found.not_valid_after_utc for found in map(certificate, chain) if found is not None]
    return max(0, int(min(ends).timestamp())) * 1_000_000 if ends else None


def readable(chain: Sequence[bytes]) -> list[x509.Certificate]:
    """Those of the chain that can be read, in its order."""
    return [one for one in map(certificate, chain) if one is not None]


def path_of(served: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The server's own certificate, and each that issued the one before it, as far as the server sent them.

    By name alone: who signed what is for a verification to say.
    """
    path, left = list(served[:1]), list(served[1:])
    while path and not is_self_issued(path[-1]):
        above = next((one for one in left if one.subject == path[-1].issuer), None)
        if above is None:
            break
        left.remove(above)
        path.append(above)
    return path


def is_self_issued(one: x509.Certificate) -> bool:
    """True when a certificate names itself as its issuer."""
    return one.issuer == one.subject
