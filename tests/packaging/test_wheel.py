"""The wheel: what it carries, and that it works on its own in an empty environment outside the checkout."""

from __future__ import annotations

import subprocess
import sys
import threading
import venv
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from apistatus import __version__
from tests.packaging.checkout import TOP, bare_environment, copy_to, run, succeed

pytestmark = pytest.mark.timeout(600)  # the index may be slow

READERS = "readers:\n  - {name: One, site: 'http://127.0.0.1:1', endpoint: /, regex: '(up)'}\n"
IN_THE_WHEEL = {
    "apistatus/py.typed",
    f"apistatus-{__version__}.dist-info/licenses/LICENSE",
    *(f"apistatus/_conf/{file.relative_to(TOP / 'conf')}" for file in (TOP / "conf").rglob("*.yml")),
    *(f"apistatus/_migrations/{file.name}" for file in (TOP / "migrations").glob("*.sql")),
    *(str(file.relative_to(TOP)) for file in (TOP / "apistatus").rglob("*.py")),
    *(str(file.relative_to(TOP)) for file in (TOP / "apistatus").rglob("*.sql")),
    *(str(file.relative_to(TOP)) for file in (TOP / "apistatus").rglob("*.yml")),
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    checkout = copy_to(folder / "checkout")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist"]
    succeed(build, checkout)
    assert list((folder / "dist").glob("*.tar.gz"))
    [built] = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bin` of an environment that holds the wheel with its demo extra, in the locked versions."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=True)
    pins = folder / "constraints.txt"
    entries = (TOP / "requirements.lock").read_text().splitlines()
    pins.write_text("".join(line.removesuffix("\\").rstrip() + "\n" for line in entries if "==" in line))
    bin_folder = folder / "venv" / "bin"
    succeed(
        [bin_folder / "python", "-m", "pip", "install", "--quiet", "--constraint", pins, f"{wheel}[demo]"],
        folder,
    )
    return bin_folder


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(f"apistatus-{__version__}.dist-info/METADATA").decode())


def test_it_carries_all_modules_migrations_sample_readers_the_license_and_the_typing_marker(
    wheel: Path,
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert set(archive.namelist()) >= IN_THE_WHEEL


def test_it_carries_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
        assert tops == {"apistatus", f"apistatus-{__version__}.dist-info"}
        assert not [name for name in archive.namelist() if "__pycache__" in name or "/." in name]


def test_its_metadata_say_version_license_and_the_extras(wheel: Path) -> None:
    said = metadata(wheel)
    assert said["Version"] == __version__
    assert said["License-Expression"] == "Apache-2.0"
    assert said["Requires-Python"] == ">=3.11"
    assert said.get_all("Provides-Extra") == ["aws", "demo"]
    assert said.get_payload(), "the README is the long description"


def test_the_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    [source] = wheel.parent.glob("*.tar.gz")
    succeed(["tar", "-xzf", source, "--strip-components=1"], tmp_path)
    succeed(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "again"], tmp_path
    )
    [again] = (tmp_path / "again").glob("*.whl")
    assert again.read_bytes() == wheel.read_bytes()


def test_the_installed_command_says_its_version(installed: Path, tmp_path: Path) -> None:
    assert succeed([installed / "apistatus", "--version"], tmp_path).split()[-1] == __version__
    assert (
        succeed([installed / "python", "-m", "apistatus", "--version"], tmp_path).split()[-1] == __version__
    )


def test_config_check_reads_a_reader_file_of_the_user(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(READERS)
    said = succeed([installed / "apistatus", "config", "check", "--readers", "mine.yml"], tmp_path)
    assert "1 check" in said


def test_migrate_without_a_database_finds_its_files_and_says_what_is_away(
    installed: Path, tmp_path: Path
) -> None:
    env = bare_environment(PGHOST="127.0.0.1", PGPORT="1")
    done = run([installed / "apistatus", "migrate", "--connect-timeout", "0.1"], tmp_path, env)
    assert done.returncode == 75, done.stderr
    assert "PGHOST" in done.stderr


class _Ready(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/ready" else 404)
        self.end_headers()
        self.wfile.write(b'{"ready": true}\n')

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), _Ready) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def health(installed: Path, folder: Path, listen: str) -> subprocess.CompletedProcess[str]:
    """The health check of the container image, word for word, with its way of naming the address."""
    env = bare_environment(APISTATUS_LISTEN=listen, APISTATUS_HEALTH_TIMEOUT="60")
    return run([installed / "apistatus", "health"], folder, env)


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_of_the_image_tells_ready_from_not(
    installed: Path,
    tmp_path: Path,
    service: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: int,
) -> None:
    monkeypatch.setattr(_Ready, "status", status)
    done = health(installed, tmp_path, f"0.0.0.0:{service.server_port}")
    assert done.returncode == code, done.stderr


def test_the_health_check_fails_when_nobody_listens(installed: Path, tmp_path: Path) -> None:
    assert health(installed, tmp_path, "0.0.0.0:1").returncode == 1


def test_the_demo_runs_from_the_wheel_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    said = succeed([installed / "apistatus", "demo", "--seconds", "15"], tmp_path, timeout_s=300)
    assert "stored" in said
    assert list(tmp_path.iterdir()) == []
