"""/live, /ready and /metrics."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from apistatus.errors import ConfigurationError
from apistatus.runtime import web_host
from apistatus.runtime.health import Health
from apistatus.runtime.metrics import Metrics
from apistatus.runtime.web_host import Served, serve

TIMEOUT_S = 60.0


class Service:
    """A page over parts that a test breaks, and requests to it."""

    def __init__(self) -> None:
        self.kafka: str | None = None
        self.stuck: str | None = None
        self.metrics = Metrics()
        self.health = Health({"kafka": lambda: self.kafka, "checks": lambda: None}, lambda: self.stuck)
        self.served = Served("", 0)

    def ask(self, target: str, method: str = "GET") -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection(self.served.host, self.served.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, target)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def send(self, data: bytes) -> bytes:
        """Everything that comes back for these bytes, until the page closes the connection."""
        received = b""
        with self.connect() as connection:
            try:
                connection.sendall(data)
                while part := connection.recv(65_536):
                    received += part
            except ConnectionError:
                pass
        return received

    def connect(self) -> socket.socket:
        return socket.create_connection((self.served.host, self.served.port), timeout=TIMEOUT_S)


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    with serve("127.0.0.1", 0, service.health, service.metrics) as service.served:
        yield service


@pytest.mark.parametrize("target", ["/live", "/livez", "/live?verbose=1"])
def test_live_says_whether_progress_is_made(service: Service, target: str) -> None:
    response, body = service.ask(target)
    assert (response.status, json.loads(body)) == (200, {"live": True})
    service.stuck = "the loop has not turned for 12 s"
    response, body = service.ask(target)
    assert response.status == 503
    assert json.loads(body) == {"live": False, "reason": "the loop has not turned for 12 s"}


@pytest.mark.parametrize("target", ["/ready", "/readyz"])
def test_ready_names_what_is_not(service: Service, target: str) -> None:
    response, body = service.ask(target)
    assert (response.status, json.loads(body)) == (
        200,
        {"ready": True, "parts": {"kafka": "ok", "checks": "ok"}},
    )
    service.kafka = "no broker answers"
    response, body = service.ask(target)
    assert response.status == 503
    assert response.headers["content-type"] == "application/json"
    assert json.loads(body) == {"ready": False, "parts": {"kafka": "no broker answers", "checks": "ok"}}


def test_metrics_are_in_the_text_format(service: Service) -> None:
    service.metrics.rows.inc(3)
    response, body = service.ask("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"apistatus_rows_stored_total 3.0" in body


def test_other_paths_and_methods_are_told_what_there_is(service: Service) -> None:
    response, body = service.ask("/")
    assert response.status == 404
    assert b"/live, /ready and /metrics" in body
    response, _body = service.ask("/live", "DELETE")
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")


def test_head_has_the_headers_and_no_body(service: Service) -> None:
    response, body = service.ask("/live", "HEAD")
    assert (response.status, response.headers["content-length"], body) == (200, "15", b"")


@pytest.mark.parametrize(
    "request_bytes", [b"\r\n\r\n", b"\x00\xff\r\n\r\n", b"GET /live\r\n\r\n", b"a b c\r\n\r\n"]
)
def test_what_is_no_request_is_told_so(service: Service, request_bytes: bytes) -> None:
    assert service.send(request_bytes).startswith(b"HTTP/1.1 400 ")


def test_an_endless_request_is_cut_off(service: Service) -> None:
    assert service.send(b"GET /live HTTP/1.1\r\nX: " + b"a" * 1_000_000) == b""
    assert service.ask("/live")[0].status == 200


def test_a_slow_client_is_cut_off(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(web_host, "_CONNECTION_S", 0.05)
        assert service.send(b"GET /li") == b""
    assert service.ask("/live")[0].status == 200


def test_however_many_hang_on_it_the_next_one_is_answered(service: Service) -> None:
    hanging = [service.connect() for _ in range(3 * web_host._MAX_CONNECTIONS)]
    try:
        assert service.ask("/live")[0].status == 200
        assert hanging[0].recv(1) == b""  # the oldest made room
    finally:
        for connection in hanging:
            connection.close()


def test_a_client_that_goes_away_in_between_harms_nothing(service: Service) -> None:
    for data in (b"", b"GET /metrics HTTP/1.1\r\n\r\n"):
        with service.connect() as connection:
            connection.sendall(data)
    assert service.ask("/live")[0].status == 200


def test_ends_with_its_block_also_while_somebody_hangs_on_it() -> None:
    service = Service()
    before = set(threading.enumerate())
    with serve("127.0.0.1", 0, service.health, service.metrics) as service.served:
        hanging = service.connect()
        service.ask("/live")
    assert [one.name for one in set(threading.enumerate()) - before] == []
    with hanging, pytest.raises(ConnectionError):
        service.connect()


def test_serves_every_address_of_a_name_on_one_port() -> None:
    service = Service()
    with serve("localhost", 0, service.health, service.metrics) as service.served:
        assert service.ask("/live")[0].status == 200
        assert service.served.url == f"http://{service.served.host}:{service.served.port}"


def test_a_url_of_an_ipv6_address_has_brackets() -> None:
    assert Served("::1", 80).url == "http://[::1]:80"


def refusal(host: str, port: int) -> str:
    service = Service()
    with pytest.raises(ConfigurationError) as caught, serve(host, port, service.health, service.metrics):
        pass
    [problem] = caught.value.problems
    assert problem.where == "APISTATUS_LISTEN"
    return problem.message


def test_a_port_in_use_is_an_error_that_names_the_setting(service: Service) -> None:
    port = service.served.port
    assert refusal("127.0.0.1", port) == f"cannot listen on 127.0.0.1:{port}: address already in use"


def test_an_address_that_is_not_ours_is_an_error() -> None:
    assert refusal("192.0.2.1", 8080) == "cannot listen on 192.0.2.1:8080: cannot assign requested address"


def test_a_name_that_is_none_is_an_error() -> None:
    assert refusal("no host", 8080) == "no such host: no host:8080"
    assert refusal("a" * 70 + ".example", 8080).startswith("no such host: ")


Info = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]


def addresses(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Let a name have these addresses."""

    def getaddrinfo(_host: str, port: int, **_: object) -> list[Info]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (host, port, 0, 0))
            if ":" in host
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
            for host in hosts
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_addresses_that_this_machine_lacks_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses(monkeypatch, "2001:db8::1", "127.0.0.1", "127.0.0.2")
    opened = web_host._listen("name", 0)
    try:
        names = [one.getsockname() for one in opened]
        assert [name[0] for name in names] == ["127.0.0.1", "127.0.0.2"]
        assert len({name[1] for name in names}) == 1
    finally:
        for one in opened:
            one.close()


def test_a_port_in_use_on_one_address_is_an_error_and_closes_the_others(
    monkeypatch: pytest.MonkeyPatch, service: Service
) -> None:
    addresses(monkeypatch, "127.0.0.2", "127.0.0.1")
    assert "address already in use" in refusal("name", service.served.port)
    web_host._bound(socket.AF_INET, ("127.0.0.2", service.served.port)).close()


def test_every_address_of_ipv6_means_those_of_ipv4_too() -> None:
    try:
        opened = web_host._bound(socket.AF_INET6, ("::", 0, 0, 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with opened:
        assert opened.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0


def test_trouble_outside_a_connection_is_said_once_and_without_a_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Service()
    page = web_host._Page([], service.health, service.metrics)
    try:
        for _ in range(3):
            page._trouble(page._loop, {"message": "accept failed", "exception": OSError(24, "Too many")})
    finally:
        page._loop.close()
    page.stop()
    ours = [record for record in caplog.records if record.name == "apistatus.web"]
    assert [record.getMessage() for record in ours] == ["page.trouble"]
    assert ours[0].exc_info is None
