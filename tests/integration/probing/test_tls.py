"""HTTPS: what is wrong with a certificate is told apart, and what is right is measured."""

from __future__ import annotations

import os
import socket
import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from apistatus.model.check import TlsOptions
from apistatus.model.result import Outcome
from apistatus.probing.extract import compile_json_path
from tests.targets import behaviours
from tests.targets.certificates import DAY, Issued, issue, server_context
from tests.targets.checks import check_of, outcome_of
from tests.targets.server import Behaviour, Connection, Target, read_request


async def _outcome(
    context: ssl.SSLContext, options: TlsOptions, behaviour: Behaviour = behaviours.ok, **changes: object
) -> Outcome:
    with Target(behaviour, context) as target:
        return await outcome_of(check_of(target.url, tls=options, **changes))


async def test_a_trusted_certificate_is_up_with_a_tls_phase_and_its_expiry(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    leaf = issue("good", authority)
    outcome = await _outcome(server_context(tmp_path, leaf), trust, extractor=compile_json_path("$.value"))
    assert (outcome.status, outcome.error, outcome.value) == ("up", None, "1.50")
    assert (outcome.tls_engine, outcome.http_version) == ("rustls", "1.1")
    assert outcome.tls_us is not None
    assert outcome.tls_us > 0
    assert outcome.certificate_expires_at_us == leaf.expires_at_us()


async def test_the_expiry_is_the_earliest_of_the_chain_that_was_served(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    between = issue("intermediate", authority, authority=True, valid=(-DAY, 5 * DAY))
    leaf = issue("good", between)
    outcome = await _outcome(server_context(tmp_path, leaf, between), trust)
    assert outcome.certificate_expires_at_us == between.expires_at_us()
    assert (outcome.status, outcome.failure) == ("degraded", None)
    assert outcome.error is not None
    assert outcome.error.startswith("a certificate ends on ")
    assert outcome.error.endswith(" UTC, in 5.0 days: fewer than 14")


async def test_an_expired_certificate_says_when_it_expired(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    leaf = issue("old", authority, valid=(-10 * DAY, -2 * DAY))
    outcome = await _outcome(server_context(tmp_path, leaf), trust)
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "tls_expired", "tls")
    when = leaf.certificate.not_valid_after_utc
    assert outcome.error is not None
    assert outcome.error.startswith(f"the certificate expired on {when:%Y-%m-%d %H:%M} UTC (127.0.0.1:")
    assert outcome.tls_us is None


async def test_an_expired_intermediate_is_named(authority: Issued, trust: TlsOptions, tmp_path: Path) -> None:
    between = issue("intermediate", authority, authority=True, valid=(-10 * DAY, -2 * DAY))
    outcome = await _outcome(server_context(tmp_path, issue("good", between), between), trust)
    assert outcome.failure == "tls_expired"
    assert outcome.error is not None
    assert outcome.error.startswith("the certificate of its issuer CN=intermediate expired on ")


async def test_a_certificate_that_is_not_valid_yet_says_from_when(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    leaf = issue("early", authority, valid=(2 * DAY, 10 * DAY))
    outcome = await _outcome(server_context(tmp_path, leaf), trust)
    assert (outcome.status, outcome.failure) == ("down", "tls_expired")
    assert outcome.error is not None
    assert f"is not valid before {leaf.certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC" in outcome.error


async def test_a_certificate_for_another_name_says_for_which(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    leaf = issue("other", authority, names=("www.example.org", "*.example.net"))
    outcome = await _outcome(server_context(tmp_path, leaf), trust)
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "tls_hostname", "tls")
    assert outcome.error is not None
    assert "is not for 127.0.0.1 but for www.example.org, *.example.net" in outcome.error


async def test_server_name_is_what_the_certificate_is_held_against(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    leaf = issue("other", authority, names=("www.example.org",))
    options = TlsOptions(ca_file=trust.ca_file, server_name="www.example.org")
    outcome = await _outcome(server_context(tmp_path, leaf), options)
    assert outcome.status == "up", outcome.error
    wrong = TlsOptions(ca_file=trust.ca_file, server_name="www.example.com")
    outcome = await _outcome(server_context(tmp_path, leaf), wrong)
    assert outcome.failure == "tls_hostname"
    assert outcome.error is not None
    assert "is not for www.example.com but for www.example.org" in outcome.error


async def test_a_self_signed_certificate_is_untrusted(trust: TlsOptions, tmp_path: Path) -> None:
    outcome = await _outcome(server_context(tmp_path, issue("self")), trust)
    assert (outcome.status, outcome.failure) == ("down", "tls_untrusted")
    assert outcome.error is not None
    assert outcome.error.startswith("the certificate is self-signed and not trusted here")


async def test_an_unknown_authority_is_untrusted_and_named(tmp_path: Path) -> None:
    other = issue("Unknown authority", authority=True)
    outcome = await _outcome(server_context(tmp_path, issue("leaf", other)), TlsOptions())
    assert (outcome.status, outcome.failure) == ("down", "tls_untrusted")
    assert outcome.error is not None
    assert outcome.error.startswith(
        "the certificate's issuer CN=Unknown authority is an authority not known here"
    )


async def test_an_authority_that_comes_along_is_still_untrusted(tmp_path: Path) -> None:
    other = issue("Unknown authority", authority=True)
    outcome = await _outcome(server_context(tmp_path, issue("leaf", other), other), TlsOptions())
    assert outcome.failure == "tls_untrusted"
    assert outcome.error is not None
    assert "ends in a self-signed certificate" in outcome.error


async def test_a_missing_intermediate_is_named(authority: Issued, trust: TlsOptions, tmp_path: Path) -> None:
    between = issue("intermediate", authority, authority=True)
    outcome = await _outcome(server_context(tmp_path, issue("good", between)), trust)
    assert outcome.failure == "tls_untrusted"
    assert outcome.error is not None
    assert outcome.error.startswith("the server leaves out the intermediate certificate CN=intermediate")


async def test_without_verification_anything_goes_and_the_expiry_is_still_reported(tmp_path: Path) -> None:
    leaf = issue("old", names=("elsewhere",), valid=(-10 * DAY, -2 * DAY))
    outcome = await _outcome(server_context(tmp_path, leaf), TlsOptions(verify=False))
    assert outcome.certificate_expires_at_us == leaf.expires_at_us()
    assert outcome.status == "degraded"
    assert outcome.error is not None
    assert outcome.error.endswith(" UTC, 2.0 days ago")


async def test_a_client_certificate_is_presented(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    context = server_context(tmp_path, issue("good", authority))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(trust.ca_file)
    client = issue("client", authority)
    cert, key = tmp_path / "client.pem", tmp_path / "client.key"
    cert.write_bytes(client.pem)
    key.write_bytes(client.key_pem)
    options = TlsOptions(ca_file=trust.ca_file, cert_file=str(cert), key_file=str(key))
    assert (await _outcome(context, options)).status == "up"
    refused = await _outcome(context, trust)
    assert (refused.status, refused.failure) == ("down", "tls_handshake")
    assert refused.error is not None
    assert "it wants a client certificate (" in refused.error


async def test_a_minimum_version_that_the_target_does_not_speak_is_a_failed_handshake(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    context = server_context(tmp_path, issue("good", authority))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert (await _outcome(context, trust)).status == "up"
    outcome = await _outcome(context, TlsOptions(ca_file=trust.ca_file, min_version="1.3"))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "tls_handshake", "tls")
    assert outcome.error is not None
    assert "it does not speak TLS 1.3 or newer" in outcome.error


def _ends_without_goodbye(head: bytes) -> Behaviour:
    def behaviour(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        connection.sendall(head + b"hello")
        connection.shutdown(socket.SHUT_RDWR)

    return behaviour


async def test_a_body_that_only_a_broken_tls_connection_ends_may_be_cut_off(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    context = server_context(tmp_path, issue("good", authority))
    outcome = await _outcome(context, trust, _ends_without_goodbye(b"HTTP/1.1 200 OK\r\n\r\n"))
    assert (outcome.status, outcome.failure) == ("down", "disconnected")
    assert outcome.error is not None
    assert "may be cut off" in outcome.error
    counted = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    outcome = await _outcome(context, trust, _ends_without_goodbye(counted))
    assert (outcome.status, outcome.size_bytes) == ("up", 5)


async def test_a_tls_connection_that_breaks_in_the_body_is_disconnected(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    context = server_context(tmp_path, issue("good", authority))
    outcome = await _outcome(context, trust, behaviours.promises_more_than_it_sends)
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "disconnected", "transfer")


async def test_a_record_that_is_not_one_is_no_proper_protocol(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    def forges(connection: Connection, target: Target) -> None:
        read_request(connection, target)
        os.write(connection.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))

    context = server_context(tmp_path, issue("good", authority))
    outcome = await _outcome(context, trust, forges)
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "protocol", "processing")
    assert outcome.error is not None
    assert "broke the TLS connection" in outcome.error


async def test_a_large_body_comes_through_tls_whole(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    context = server_context(tmp_path, issue("good", authority))
    body = behaviours.replies(behaviours.answer(b"x" * 700_000))
    outcome = await _outcome(context, trust, body)
    assert (outcome.status, outcome.size_bytes) == ("up", 700_000)


@pytest.mark.parametrize("option", ["ca_file", "cert_file"])
@pytest.mark.parametrize("content", [None, b"no certificate"])
async def test_files_that_cannot_be_used_are_our_own_fault(
    option: str, content: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_bytes(content)
    outcome = await _outcome(server_context(tmp_path, issue("any")), TlsOptions(**{option: str(file)}))
    assert (outcome.status, outcome.failure, outcome.phase) == ("inconclusive", "internal", "tls")
    assert outcome.error is not None
    assert f"{option} {file}" in outcome.error


async def test_an_encrypted_key_asks_nobody_for_a_password(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    client = issue("client")
    cert, key = tmp_path / "client.pem", tmp_path / "client.key"
    cert.write_bytes(client.pem)
    key.write_bytes(
        client.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    options = TlsOptions(cert_file=str(cert), key_file=str(key))
    outcome = await _outcome(server_context(tmp_path, issue("any")), options)
    assert (outcome.status, outcome.failure) == ("inconclusive", "internal")


async def test_a_certificate_that_ends_soon_is_reported_to_the_second(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    leaf = issue("soon", authority, valid=(-DAY, timedelta(hours=3)))
    outcome = await _outcome(server_context(tmp_path, leaf), trust, certificate_days=None)
    assert outcome.status == "up"
    assert outcome.certificate_expires_at_us == leaf.expires_at_us()
