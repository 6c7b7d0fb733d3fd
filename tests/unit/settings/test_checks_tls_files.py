"""The files that `tls` names are opened once, before the first handshake fails with less to say."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from apistatus.settings import certificates
from tests.unit.settings.readers import NOW, home, load_text, mistakes_in


def make_pair(folder: Path, name: str, *, days: int = 30) -> None:
    """`name.pem`, self-signed and valid for so many days from yesterday on, and `name.key`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=60))
        .not_valid_after(NOW + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pair(tmp_path, "a")
    monkeypatch.chdir("/")
    tls = home(
        tmp_path, "tls: {ca_file: a.pem, cert_file: ./a.pem, key_file: '${DIR}/a.key'}", {"DIR": "."}
    ).tls
    assert (tls.ca_file, tls.cert_file, tls.key_file) == (
        str(tmp_path / "a.pem"), str(tmp_path / "a.pem"), str(tmp_path / "a.key"),
    )  # fmt: skip


def test_what_is_wrong_with_a_file_is_said_at_its_key(tmp_path: Path) -> None:
    make_pair(tmp_path, "a")
    make_pair(tmp_path, "b")
    make_pair(tmp_path, "old", days=-1)
    (tmp_path / "text.pem").write_text("no certificate")
    text = """
readers:
  - {name: A, url: http://a, tls: {ca_file: text.pem}}
  - {name: B, url: http://b, tls: {ca_file: old.pem}}
  - {name: C, url: http://c, tls: {cert_file: a.pem, key_file: b.key}}
  - {name: D, url: http://d, tls: {cert_file: old.pem, key_file: old.key}}
"""
    folder = f"{tmp_path}/"
    assert [line.replace(folder, "") for line in mistakes_in(tmp_path, text)] == [
        "readers.yml:3:45: readers[0].tls.ca_file: text.pem holds no certificate in PEM form",
        "readers.yml:4:45: readers[1].tls.ca_file: old.pem expired on 2026-11-24 00:00 UTC",
        "readers.yml:5:64: readers[2].tls.key_file: b.key does not fit the certificate a.pem (cert_file)",
        "readers.yml:6:47: readers[3].tls.cert_file: old.pem expired on 2026-11-24 00:00 UTC",
    ]


def test_certificate_and_key_may_come_from_different_places(tmp_path: Path) -> None:
    make_pair(tmp_path, "a")
    make_pair(tmp_path, "b")
    text = """
defaults: {tls: {cert_file: a.pem, key_file: a.key}}
readers:
  - {name: A, url: http://a}
  - {name: B, url: http://b, tls: {cert_file: b.pem}}
"""
    said = mistakes_in(tmp_path, text)
    assert len(said) == 1
    assert said[0].startswith("readers.yml:2:46: defaults.tls.key_file:")


def test_each_set_of_files_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pair(tmp_path, "a")
    opened: list[Path] = []
    look = certificates.authority_problems

    def counted(name: str, path: Path, now: object) -> object:
        opened.append(path)
        return look(name, path, now)

    monkeypatch.setattr(certificates, "authority_problems", counted)
    checks = "".join(f"  - {{name: n{number}, url: http://a}}\n" for number in range(20))
    loaded = load_text(tmp_path, f"defaults: {{tls: {{ca_file: a.pem}}}}\nreaders:\n{checks}")
    assert opened == [tmp_path / "a.pem"]
    assert len({id(check.tls) for check in loaded}) == 1


def test_a_path_may_be_long(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 200) / ("e" * 200)
    folder.mkdir(parents=True)
    make_pair(folder, "a")
    assert home(tmp_path, f"tls: {{ca_file: {folder}/a.pem}}").tls.ca_file == str(folder / "a.pem")


def test_files_of_a_check_that_is_not_enabled_need_not_be_there(tmp_path: Path) -> None:
    assert home(tmp_path, "enabled: false, tls: {ca_file: nowhere.pem}").tls.ca_file is not None
