"""Certificates for tests: an authority, and what it signs, as PEM files."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate, its key (PKCS 8), and both in one file with the authority's behind it."""

    cert: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates into `folder`; its own is `ca`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name(f"test authority {name}")
        self._cert = (
            _builder(self._subject, self._subject, self._key, days=3650)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.ca = folder / f"{name}.pem"
        self.ca.write_bytes(self._cert.public_bytes(Encoding.PEM))

    def server(self, name: str, hosts: Sequence[str] = LOOPBACK, *, days: int = 365) -> Pair:
        """A server's certificate for these host names or addresses; expired when `days` is negative."""
        return self._sign(name, ExtendedKeyUsageOID.SERVER_AUTH, hosts=hosts, days=days)

    def client(
        self, name: str, *, days: int = 365, password: str | None = None, file: str | None = None
    ) -> Pair:
        """A client's certificate with the common name `name`, its key encrypted when a password is given.

        The files are named after `file`, or else after the common name.
        """
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        return self._sign(name, usage, days=days, password=password, file=file)

    def _sign(
        self, name: str, usage: x509.ObjectIdentifier, *, hosts: Sequence[str] = (), days: int,
        password: str | None = None, file: str | None = None,
    ) -> Pair:  # fmt: skip
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_name(name), self._subject, key, days=days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if hosts:
            alternatives = x509.SubjectAlternativeName([_alternative(host) for host in hosts])
            builder = builder.add_extension(alternatives, critical=False)
        signed = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        encryption: KeySerializationEncryption = (
            BestAvailableEncryption(password.encode()) if password else NoEncryption()
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        pair = Pair(*(self._folder / f"{file or name}.{suffix}" for suffix in ("cert", "key", "pem")))
        pair.cert.write_bytes(signed)
        pair.key.write_bytes(private)
        pair.both.write_bytes(private + signed + self.ca.read_bytes())
        for secret in (pair.key, pair.both):
            secret.chmod(0o600)
        return pair


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1 + abs(days)))
        .not_valid_after(now + timedelta(days=days))
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=authority, crl_sign=authority, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip
