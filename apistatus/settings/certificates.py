"""Certificate files, looked at before a handshake fails with less to say: there, PEM, fitting, in date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from apistatus.errors import Problem
from apistatus.settings.files import read_regular, reason

_PEM_MAX_BYTES: Final = 16 * 2**20
_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.+?-----END [A-Z0-9 ]+-----", re.DOTALL
)


class Unusable(Exception):
    """A certificate or key file that cannot work, and why; never leaves the settings room."""


def authority_problems(name: str, path: Path, now: datetime) -> Iterator[Problem]:
    """What is wrong with a CA file. One that is out of date is wrong only when all in the file are."""
    try:
        found = _certificates(path)
    except Unusable as error:
        yield Problem(name, str(error))
        return
    if all(certificate.not_valid_after_utc < now for certificate in found):
        yield Problem(name, f"{path} expired on {found[0].not_valid_after_utc:%Y-%m-%d %H:%M} UTC")


def client_problems(
    cert: tuple[str, Path], key: tuple[str, Path], password: tuple[str, str | None], now: datetime | None
) -> Iterator[Problem]:
    """What is wrong with a client certificate and its key; each argument is (name to blame, value).

    Dates are looked at only when `now` is given.
    """
    (cert_name, cert_path), (key_name, key_path) = cert, key
    leaf = private = None
    try:
        leaf = _certificates(cert_path)[0]
    except Unusable as error:
        yield Problem(cert_name, str(error))
    try:
        private = _private_key(key_path, *password)
    except Unusable as error:
        yield Problem(key_name, str(error))
    if leaf is not None and now is not None:
        if leaf.not_valid_after_utc < now:
            yield Problem(cert_name, f"{cert_path} expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
        if leaf.not_valid_before_utc > now:
            yield Problem(
                cert_name, f"{cert_path} is valid only from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on"
            )
    if leaf is not None and private is not None and not _fits(leaf, private):
        yield Problem(key_name, f"{key_path} does not fit the certificate {cert_path} ({cert_name})")


def _contents(path: Path) -> bytes:
    try:
        return read_regular(path, _PEM_MAX_BYTES)
    except OSError as error:
        raise Unusable(f"cannot read {path}: {reason(error)}") from error


def _certificates(path: Path) -> list[x509.Certificate]:
    blocks = _CERTIFICATE.findall(_contents(path))
    if not blocks:
        raise Unusable(f"{path} holds no certificate in PEM form")
    try:
        return [x509.load_pem_x509_certificate(block) for block in blocks]
    except (ValueError, x509.InvalidVersion) as error:
        raise Unusable(f"{path} holds a damaged certificate") from error


def _private_key(path: Path, password_name: str, password: str | None) -> PrivateKeyTypes:
    content = _contents(path)
    if b"PRIVATE KEY-----" not in content:
        raise Unusable(f"{path} holds no private key in PEM form")
    encrypted = b"ENCRYPTED" in content
    if encrypted and not password:
        raise Unusable(
            f"{path} is encrypted; set {password_name}" if password_name else f"{path} is encrypted"
        )
    try:
        return load_pem_private_key(content, password.encode() if encrypted and password else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        hint = f", or {password_name} is not its password" if encrypted else ""
        raise Unusable(f"{path} cannot be read as a private key{hint}") from error


def _fits(leaf: x509.Certificate, private: PrivateKeyTypes) -> bool:
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        return leaf.public_key().public_bytes(*form) == private.public_key().public_bytes(*form)
    except (
        ValueError,
        UnsupportedAlgorithm,
    ):  # a kind of key that is not known here: the handshake will tell
        return True
