"""What our cost is measured against: the floor in Python, and blackbox_exporter, for which a stand-in is here."""

from __future__ import annotations

import socket
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from apistatus.bench import blackbox, programs, python_floor, sample
from apistatus.bench.python_floor import Unexpected, fetch
from apistatus.demo.certificates import CertificateFiles, issue

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"

EXPORTER = """\
#!{python}
import http.server, sys, urllib.parse
config = next(one for one in sys.argv if one.startswith("--config.file=")).partition("=")[2]
if "--version" in sys.argv:
    print("blackbox_exporter, version 0.99.1 (branch: none)")
    sys.exit()
if "--config.check" in sys.argv:
    sys.exit("_cel" in open(config).read() and {refuses_cel})

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        good = asked["module"] == ["checked"] and asked["target"][0].startswith("http://127.0.0.1:")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"# HELP probe_success\\nprobe_success %d\\n" % (good and {success}))
    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
print('ts=now level=info msg="Listening on" address=127.0.0.1:%d' % server.server_port, file=sys.stderr, flush=True)
server.serve_forever()
"""


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return issue(tmp_path, "127.0.0.1")


@pytest.fixture(params=["plain", "tls"])
def served(request: pytest.FixtureRequest, files: CertificateFiles) -> Iterator[tuple[str, list[int]]]:
    """The kind, and the ports of a target."""
    certificate = [files.certificate, files.key] if request.param == "tls" else []
    with programs.target(programs.python("python_target", 0, 2, sample.BODY, *certificate), 2) as ports:
        yield request.param, ports


def test_the_floor_in_python_fetches_what_the_floor_in_c_does(
    served: tuple[str, list[int]], files: CertificateFiles
) -> None:  # fmt: skip
    kind, ports = served
    assert python_floor.main(40, 10, kind, str(files.authority), ports) > 0


def test_every_response_of_the_floor_is_whole() -> None:
    with programs.target(programs.python("python_target", 0, 1, sample.BODY)) as [port]:
        responses = list(fetch([(port, REQUEST)], 25, 10))
    assert len(responses) == 25
    assert all(response.endswith(b"\r\n\r\n" + sample.BODY.encode()) for response in responses)


def test_a_floor_that_gets_something_else_does_not_count_it() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        answer = threading.Thread(target=_refuse_one, args=(server,))
        answer.start()
        with pytest.raises(Unexpected, match="404 Not Found"):
            list(fetch([(server.getsockname()[1], REQUEST)], 1, 1))
        answer.join()


def _refuse_one(server: socket.socket) -> None:
    with server.accept()[0] as peer:
        peer.recv(4096)
        peer.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("refuses_cel", [0, 1])
def test_blackbox_exporter_is_found_and_asked_for_the_best_condition_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses_cel: int
) -> None:
    _install(tmp_path, monkeypatch, refuses_cel=refuses_cel)
    peer = blackbox.installed(tmp_path, "/ca.pem")
    assert peer is not None
    assert peer.version == "0.99.1"
    assert peer.condition == (
        "a regular expression on the body" if refuses_cel else "a condition on the JSON body"
    )
    assert peer.probe_us("http", [1], 20, 5) >= 0


def test_a_probe_that_fails_is_not_counted_as_cheap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, monkeypatch, success=0)
    peer = blackbox.installed(tmp_path, "/ca.pem")
    assert peer is not None
    with pytest.raises(Unexpected, match="probe_success 0"):
        peer.probe_us("http", [1], 20, 5)


def test_without_blackbox_exporter_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert blackbox.installed(tmp_path, "/ca.pem") is None


def _install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, refuses_cel: int = 0, success: int = 1
) -> None:  # fmt: skip
    program = folder / "prometheus-blackbox-exporter"
    program.write_text(EXPORTER.format(python=sys.executable, refuses_cel=refuses_cel, success=success))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))
