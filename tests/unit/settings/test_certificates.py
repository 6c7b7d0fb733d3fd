"""Certificate files, looked at before a handshake fails with less to say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from apistatus.settings import certificates
from tests.services.certificates import Authority, Pair

NOW = datetime.now(UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "certs")


def of_authority(path: Path, now: datetime = NOW) -> list[str]:
    return [str(problem) for problem in certificates.authority_problems("CA", path, now)]


def of_client(pair: Pair, *, password: str | None = None, now: datetime | None = NOW) -> list[str]:
    found = certificates.client_problems(("CERT", pair.cert), ("KEY", pair.key), ("PASSWORD", password), now)
    return [str(problem) for problem in found]


def test_a_good_authority_has_no_problem(authority: Authority) -> None:
    assert of_authority(authority.ca) == []


def test_an_expired_authority_is_one_only_when_all_in_the_file_are(
    authority: Authority, tmp_path: Path
) -> None:
    later = NOW + timedelta(days=5000)
    [problem] = of_authority(authority.ca, later)
    assert problem.startswith(f"CA: {authority.ca} expired on 20")
    old = authority.server("old", days=-1)
    both = tmp_path / "both.pem"
    both.write_bytes(old.cert.read_bytes() + authority.ca.read_bytes())
    assert of_authority(both) == []
    assert len(of_authority(old.cert)) == 1


def test_a_file_without_a_certificate_or_with_a_damaged_one(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    assert of_authority(file) == [f"CA: cannot read {file}: no such file or directory"]
    file.write_text("hello")
    assert of_authority(file) == [f"CA: {file} holds no certificate in PEM form"]
    file.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert of_authority(file) == [f"CA: {file} holds a damaged certificate"]


def test_a_fitting_pair_has_no_problem_with_and_without_a_password(authority: Authority) -> None:
    assert of_client(authority.client("plain")) == []
    assert of_client(authority.client("locked", password="opensesame"), password="opensesame") == []


def test_a_key_of_another_certificate_does_not_fit(authority: Authority) -> None:
    one, other = authority.client("one"), authority.client("other")
    mixed = Pair(one.cert, other.key, one.both)
    assert of_client(mixed) == [f"KEY: {other.key} does not fit the certificate {one.cert} (CERT)"]


def test_an_encrypted_key_wants_its_password(authority: Authority) -> None:
    pair = authority.client("locked", password="opensesame")
    assert of_client(pair) == [f"KEY: {pair.key} is encrypted; set PASSWORD"]
    assert of_client(pair, password="wrong") == [
        f"KEY: {pair.key} cannot be read as a private key, or PASSWORD is not its password"
    ]
    unnamed = certificates.client_problems(("CERT", pair.cert), ("KEY", pair.key), ("", None), NOW)
    assert [problem.message for problem in unnamed] == [f"{pair.key} is encrypted"]


def test_a_key_in_the_older_form_is_read_too(authority: Authority) -> None:
    pair = authority.client("old")
    private = ec.generate_private_key(ec.SECP256R1())
    form = PrivateFormat.TraditionalOpenSSL
    pair.key.write_bytes(private.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"opensesame")))
    [problem] = of_client(pair, password="opensesame")
    assert "does not fit" in problem


def test_each_bad_file_is_told_by_its_own_name(authority: Authority, tmp_path: Path) -> None:
    missing, text = tmp_path / "none", tmp_path / "text"
    text.write_text("hello")
    assert of_client(Pair(missing, text, text)) == [
        f"CERT: cannot read {missing}: no such file or directory",
        f"KEY: {text} holds no private key in PEM form",
    ]
    text.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    assert of_client(Pair(authority.client("one").cert, text, text)) == [
        f"KEY: {text} cannot be read as a private key"
    ]


def test_a_client_certificate_out_of_its_dates(authority: Authority) -> None:
    pair = authority.client("me")
    [problem] = of_client(pair, now=NOW + timedelta(days=366))
    assert problem.startswith(f"CERT: {pair.cert} expired on 20")
    [problem] = of_client(pair, now=NOW - timedelta(days=3660))
    assert problem.startswith(f"CERT: {pair.cert} is valid only from 20")
    assert of_client(pair, now=None) == []


def test_a_kind_of_key_that_is_not_known_here_is_left_to_the_handshake(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Leaf:
        def public_key(self) -> object:
            raise UnsupportedAlgorithm("post-quantum")

    assert certificates._fits(Leaf(), ec.generate_private_key(ec.SECP256R1()))
