"""Certificates that librdkafka refuses with one and the same text, told apart."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from apistatus.kafka import handshake
from apistatus.kafka.handshake import certificate_fault, speaks_tls
from apistatus.settings.schema import KafkaSettings
from tests.services.certificates import Authority, Pair


@contextmanager
def tls_server(pair: Pair) -> Iterator[int]:
    """A server that does nothing but handshakes; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_shake_hands, args=(listener, context), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        # The client may refuse what it is shown.
        with contextlib.suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as secure:
            secure.recv(1)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a server may take is not what is tested; the one test that it is sets it."""
    monkeypatch.setattr(handshake, "_TIMEOUT_S", 60.0)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ours")


def fault(pair: Pair, ca: Path | None) -> str | None:
    with tls_server(pair) as port:
        return certificate_fault("127.0.0.1", port, KafkaSettings(ssl_ca_file=ca))


def test_a_good_certificate_has_no_fault(authority: Authority) -> None:
    assert fault(authority.server("broker"), authority.ca) is None


def test_another_authority_is_told_with_the_file_that_lacks_it(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other").ca
    said = fault(authority.server("broker"), other)
    assert said == f"its certificate is signed by an authority that KAFKA_SSL_CA_FILE ({other}) does not hold"


def test_an_authority_that_the_system_does_not_know_asks_for_a_file(authority: Authority) -> None:
    said = fault(authority.server("broker"), None)
    assert said is not None
    assert said.endswith("set KAFKA_SSL_CA_FILE to the file of the broker's authority")


def test_a_certificate_for_another_name_is_told_with_ours(authority: Authority) -> None:
    said = fault(authority.server("elsewhere", ["kafka.elsewhere.example"]), authority.ca)
    assert said is not None
    assert said.startswith("its certificate is not for '127.0.0.1'")


def test_an_expired_certificate_is_told(authority: Authority) -> None:
    said = fault(authority.server("expired", days=-1), authority.ca)
    assert said is not None
    assert "has expired" in said


def test_a_missing_authority_file_or_server_tells_nothing(authority: Authority, tmp_path: Path) -> None:
    assert fault(authority.server("broker"), tmp_path / "no.pem") is None
    assert certificate_fault("127.0.0.1", 1, KafkaSettings(ssl_ca_file=authority.ca)) is None


def test_tls_is_told_from_plain_and_from_nothing(authority: Authority) -> None:
    with tls_server(authority.server("broker")) as port:
        assert speaks_tls("127.0.0.1", port)
    with socket.create_server(("127.0.0.1", 0)) as plain:
        thread = threading.Thread(target=_answer_plainly, args=(plain,), daemon=True)
        thread.start()
        assert not speaks_tls("127.0.0.1", plain.getsockname()[1])
        thread.join(10)
    assert speaks_tls("127.0.0.1", 1) is None


def test_a_port_that_hangs_up_on_tls_has_none_and_one_that_says_nothing_is_not_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        with monkeypatch.context() as patched:
            patched.setattr(handshake, "_TIMEOUT_S", 0.2)
            assert speaks_tls("127.0.0.1", plain.getsockname()[1]) is None
        threading.Thread(target=_hang_up, args=(plain, 2), daemon=True).start()
        assert speaks_tls("127.0.0.1", plain.getsockname()[1]) is False


def _hang_up(listener: socket.socket, times: int) -> None:
    for _ in range(times):
        connection, _ = listener.accept()
        connection.close()


def _answer_plainly(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
