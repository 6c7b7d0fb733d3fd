"""Both engines keep one contract; together, OpenSSL has the last word on what rustls refuses."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from pathlib import Path

import pytest

from apistatus.model.check import TlsOptions
from apistatus.model.result import Outcome
from apistatus.probing.tls_engines import EngineChoice
from tests.targets import behaviours
from tests.targets.certificates import DAY, Issued, issue, server_context
from tests.targets.checks import PATIENT_US, check_of, outcome_of, probing
from tests.targets.server import Behaviour, Connection, Target, answer, read_request, reset

ENGINES: tuple[EngineChoice, ...] = ("rustls", "openssl")
each_engine = pytest.mark.parametrize("engine", ENGINES)


async def _outcome(
    engine: EngineChoice, context: ssl.SSLContext, options: TlsOptions, behaviour: Behaviour = behaviours.ok
) -> Outcome:
    with Target(behaviour, context) as target:
        return await outcome_of(check_of(target.url, tls=options), engine)


@each_engine
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_good_connection_is_up_and_its_expiry_known(
    engine: EngineChoice, version: ssl.TLSVersion, authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    between = issue("intermediate", authority, authority=True, valid=(-DAY, 50 * DAY))
    context = server_context(tmp_path, issue("good", between), between)
    context.minimum_version = context.maximum_version = version
    outcome = await _outcome(engine, context, trust)
    assert (outcome.status, outcome.tls_engine, outcome.error) == ("up", engine, None)
    assert outcome.certificate_expires_at_us == between.expires_at_us()
    assert outcome.tls_us is not None
    assert outcome.tls_us > 0


@each_engine
async def test_large_requests_and_responses_come_through_whole(
    engine: EngineChoice, authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    def echoes(connection: Connection, target: Target) -> None:
        _, _, body = read_request(connection, target).partition(b"\r\n\r\n")
        connection.sendall(answer(body[::-1]))

    with Target(echoes, server_context(tmp_path, issue("good", authority))) as target:
        check = check_of(target.url, tls=trust, method="POST", body=b"x" * 800_000)
        outcome = await outcome_of(check, engine)
    assert (outcome.status, outcome.size_bytes, outcome.error) == ("up", 800_000, None)


@each_engine
@pytest.mark.parametrize(
    ("valid", "names", "kind", "says"),
    [
        ((-10 * DAY, -2 * DAY), ("127.0.0.1",), "tls_expired", "the certificate expired"),
        ((2 * DAY, 9 * DAY), ("127.0.0.1",), "tls_expired", "is not valid"),
        ((-DAY, 90 * DAY), ("www.example.org",), "tls_hostname", "the certificate is not for 127.0.0.1"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_certificate_is_told_apart(
    engine: EngineChoice, valid: tuple[object, object], names: tuple[str, ...], kind: str, says: str,
    authority: Issued, trust: TlsOptions, tmp_path: Path,
) -> None:  # fmt: skip
    leaf = issue("bad", authority, valid=valid, names=names)
    outcome = await _outcome(engine, server_context(tmp_path, leaf), trust)
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", kind, "tls")
    assert outcome.error is not None
    assert says in outcome.error
    assert outcome.tls_engine == engine


@each_engine
async def test_an_unknown_issuer_is_untrusted(engine: EngineChoice, tmp_path: Path) -> None:
    other = issue("Unknown authority", authority=True)
    outcome = await _outcome(engine, server_context(tmp_path, issue("leaf", other)), TlsOptions())
    assert (outcome.status, outcome.failure, outcome.tls_engine) == ("down", "tls_untrusted", engine)


@each_engine
async def test_a_client_certificate_that_is_missing_is_asked_for(
    engine: EngineChoice, authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    context = server_context(tmp_path, issue("good", authority))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(trust.ca_file)
    outcome = await _outcome(engine, context, trust)
    assert (outcome.status, outcome.failure) == ("down", "tls_handshake")
    assert outcome.error is not None
    assert "it wants a client certificate (" in outcome.error


def _speaks_plainly(connection: Connection, target: Target) -> None:
    connection.recv(65_536)
    connection.sendall(answer(status="400 This is HTTP"))


def _leaves(connection: Connection, target: Target) -> None:
    connection.recv(65_536)


def _leaves_in_the_middle(connection: Connection, target: Target) -> None:
    connection.recv(65_536)
    connection.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")


def _resets(connection: Connection, target: Target) -> None:
    connection.recv(65_536)
    reset(connection)


def _refuses(connection: Connection, target: Target) -> None:
    connection.recv(65_536)
    connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # a fatal alert: handshake_failure


@each_engine
@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (_speaks_plainly, "what it answers is not TLS"),
        (_leaves, "closed the connection in the TLS handshake"),
        (_leaves_in_the_middle, "closed the connection in the TLS handshake"),
        (_resets, "connection reset by peer"),
        (_refuses, "handshake failure"),
    ],
)
async def test_a_handshake_that_fails_says_how(engine: EngineChoice, behaviour: Behaviour, says: str) -> None:
    with Target(behaviour) as target:
        check = check_of(target.url.replace("http:", "https:"), tls=TlsOptions(verify=False))
        outcome = await outcome_of(check, engine)
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "tls_handshake", "tls"), outcome.error
    assert outcome.error is not None
    assert says in outcome.error


async def test_openssl_overrules_rustls_where_it_is_the_more_lenient(tmp_path: Path) -> None:
    # A certificate of an authority as a server's own, its name in the subject only.
    odd = issue("localhost", authority=True)
    file = tmp_path / "odd.pem"
    file.write_bytes(odd.pem)
    with Target(behaviours.ok, server_context(tmp_path, odd)) as target:
        check = check_of(f"https://localhost:{target.port}/", tls=TlsOptions(ca_file=str(file)))
        strict = await outcome_of(check, "rustls")
        lenient = await outcome_of(check, "openssl")
        both = await outcome_of(check, "auto")
    assert (strict.status, strict.failure, strict.tls_engine) == ("down", "tls_untrusted", "rustls")
    assert (lenient.status, lenient.tls_engine) == ("up", "openssl"), lenient.error
    assert (both.status, both.tls_engine) == ("up", "openssl"), both.error
    assert both.certificate_expires_at_us == odd.expires_at_us()


async def test_the_second_opinion_is_asked_for_once_and_only_after_a_failure(
    authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    with Target(behaviours.ok, server_context(tmp_path, issue("good", authority))) as target:
        assert (await outcome_of(check_of(target.url, tls=trust))).tls_engine == "rustls"
        assert target.accepted == 1
    leaf = issue("old", authority, valid=(-10 * DAY, -2 * DAY))
    with Target(behaviours.ok, server_context(tmp_path, leaf)) as target:
        outcome = await outcome_of(check_of(target.url, tls=trust))
        assert (outcome.failure, outcome.tls_engine) == ("tls_expired", "openssl")
        assert target.accepted == 2


async def test_the_second_opinion_has_no_deadline_of_its_own() -> None:
    def hangs_at_the_second(connection: Connection, target: Target) -> None:
        if target.accepted > 1:
            target.over.wait()
        connection.recv(65_536)

    with Target(hangs_at_the_second) as target:
        url, deadlines_s = target.url.replace("http:", "https:"), set()
        async with probing() as prober:
            probe = asyncio.create_task(
                prober.probe(check_of(url, timeout_us=3_000_000, tls=TlsOptions(verify=False)))
            )
            while not probe.done():
                for exchange in prober.exchanges_under_way():
                    deadlines_s.add(exchange._deadline_s)
                    if exchange._opening is not None:
                        deadlines_s.add(exchange._opening._deadline_s)
                await asyncio.sleep(0.001)
            outcome = await probe
    assert len(deadlines_s) == 1
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "timeout", "tls")
    assert outcome.tls_engine == "openssl"


def _drips_from(port: int) -> Behaviour:
    """Passes bytes on to the port, and what comes back one at a time."""

    def behaviour(connection: Connection, target: Target) -> None:
        with socket.create_connection(("127.0.0.1", port)) as other:
            while True:
                ready, _, _ = select.select([connection, other], [], [], 30)
                if connection in ready:
                    other.sendall(connection.recv(65_536))
                if other in ready:
                    data = other.recv(65_536)
                    if not data:
                        return
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    for byte in data:
                        connection.sendall(bytes((byte,)))

    return behaviour


@each_engine
async def test_records_that_come_byte_by_byte_are_understood(
    engine: EngineChoice, authority: Issued, trust: TlsOptions, tmp_path: Path
) -> None:
    with (
        Target(behaviours.ok, server_context(tmp_path, issue("good", authority))) as target,
        Target(_drips_from(target.port)) as dripping,
    ):
        outcome = await outcome_of(check_of(f"https://127.0.0.1:{dripping.port}/", tls=trust), engine)
    assert (outcome.status, outcome.size_bytes, outcome.error) == ("up", 15, None)


def _serves_tls_once(context: ssl.SSLContext, then: Behaviour) -> Behaviour:
    """TLS for the first connection, something else for those after it."""

    def behaviour(connection: Connection, target: Target) -> None:
        if target.accepted > 1:
            then(connection, target)
            return
        with context.wrap_socket(connection, server_side=True) as tls:
            behaviours.ok(tls, target)

    return behaviour


def _waits(connection: Connection, target: Target) -> None:
    target.over.wait()


@pytest.mark.parametrize(
    ("then", "timeout_us"),
    [(then, PATIENT_US) for then in (_leaves, _resets, _speaks_plainly, _refuses)] + [(_waits, 5_000_000)],
)
async def test_what_rustls_refused_stays_refused_whatever_becomes_of_a_look_at_it(
    then: Behaviour, timeout_us: int, tmp_path: Path
) -> None:
    context = server_context(tmp_path, issue("self"))
    with Target(_serves_tls_once(context, then)) as target:
        url = target.url.replace("http:", "https:")
        outcome = await outcome_of(check_of(url, timeout_us=timeout_us), "rustls")
        assert target.accepted == 2
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "tls_untrusted", "tls")
    assert outcome.error is not None
    assert "issuer is not known here" in outcome.error
    assert outcome.certificate_expires_at_us is None
    assert outcome.connect_us is not None


async def test_a_look_at_what_rustls_refused_shows_nobody_our_client_certificate(tmp_path: Path) -> None:
    client, leaf = issue("client"), issue("self")
    cert, key, anybody = tmp_path / "client.pem", tmp_path / "client.key", tmp_path / "ca.pem"
    cert.write_bytes(client.pem)
    key.write_bytes(client.key_pem)
    anybody.write_bytes(client.pem)
    context = server_context(tmp_path, leaf)
    # In which the client shows its certificate before the handshake is over for it.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(anybody)
    shown: list[object] = []

    def looks(connection: Connection, _: Target) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        shown.append(connection.getpeercert(binary_form=True))

    with Target(looks, context) as target:
        options = TlsOptions(cert_file=str(cert), key_file=str(key))
        outcome = await outcome_of(check_of(target.url, tls=options), "rustls")
        assert target.gone.acquire(timeout=30)
        assert target.gone.acquire(timeout=30)
    assert outcome.failure == "tls_untrusted"
    assert outcome.certificate_expires_at_us == leaf.expires_at_us()
    assert shown == [None]


@each_engine
async def test_a_key_of_another_certificate_is_our_own_fault(engine: EngineChoice, tmp_path: Path) -> None:
    cert, key = tmp_path / "client.pem", tmp_path / "client.key"
    cert.write_bytes(issue("client").pem)
    key.write_bytes(issue("another").key_pem)
    options = TlsOptions(verify=False, cert_file=str(cert), key_file=str(key))
    outcome = await _outcome(engine, server_context(tmp_path, issue("any")), options)
    assert (outcome.status, outcome.failure, outcome.phase) == ("inconclusive", "internal", "tls")
    assert outcome.error is not None
    assert str(cert) in outcome.error
