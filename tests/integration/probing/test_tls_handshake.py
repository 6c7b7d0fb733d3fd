"""Handshakes that never come to a certificate."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from tests.targets import behaviours
from tests.targets.certificates import issue, server_context
from tests.targets.checks import check_of, outcome_of
from tests.targets.server import Behaviour, Connection, Target, answer, reset


def _speaks_plainly(connection: Connection, target: Target) -> None:
    connection.recv(1)
    connection.sendall(answer(status="400 This is HTTP"))


def _leaves(connection: Connection, target: Target) -> None:
    # All of the greeting is read: what stays unread would make a reset of it.
    connection.recv(65_536)


def _resets(connection: Connection, target: Target) -> None:
    connection.recv(1)
    reset(connection)


@pytest.mark.parametrize(
    ("behaviour", "kind", "says"),
    [
        (_speaks_plainly, "tls_handshake", "what it answers is not TLS"),
        (_leaves, "tls_handshake", "in the TLS handshake"),
        (_resets, "tls_handshake", "connection reset by peer"),
    ],
)
async def test_a_handshake_that_fails_is_told_apart(behaviour: Behaviour, kind: str, says: str) -> None:
    with Target(behaviour) as target:
        outcome = await outcome_of(check_of(target.url.replace("http:", "https:")))
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", kind, "tls")
    assert outcome.error is not None
    assert says in outcome.error


async def test_a_handshake_that_hangs_ends_at_the_deadline() -> None:
    with Target(behaviours.silent) as target:
        # Reads for ever: the end of an HTTP head never comes in a TLS greeting.
        outcome = await outcome_of(check_of(target.url.replace("http:", "https:"), timeout_us=500_000))
    assert (outcome.failure, outcome.phase) == ("timeout", "tls")
    assert outcome.error is not None
    assert outcome.error.endswith("did not end within 0.5 s")


async def test_a_target_that_is_gone_before_its_refused_certificate_is_looked_at_stays_refused(
    tmp_path: Path,
) -> None:
    context, listener = server_context(tmp_path, issue("self")), socket.create_server(("127.0.0.1", 0))

    def serves_once() -> None:
        with listener.accept()[0] as connection:
            listener.close()
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(connection, server_side=True)

    server = threading.Thread(target=serves_once)
    server.start()
    outcome = await outcome_of(check_of(f"https://127.0.0.1:{listener.getsockname()[1]}/"), "rustls")
    server.join()
    assert (outcome.status, outcome.failure, outcome.phase) == ("down", "tls_untrusted", "tls"), outcome.error
