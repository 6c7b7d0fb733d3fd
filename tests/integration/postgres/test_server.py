"""The throw-away PostgreSQL: starts, is killed, comes back, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from apistatus.demo.postgres_binaries import ServerFailed, wheel_installation
from apistatus.demo.postgres_server import PostgresServer
from apistatus.errors import ConfigurationError

_PATIENCE_S = 60.0
_OWNER = """
import sys
from apistatus.demo.postgres_server import PostgresServer
with PostgresServer() as server:
    print(server.pid, server.folder, flush=True)
    sys.stdin.read()
"""


def _answer(server: PostgresServer, password: str | None = None) -> object:
    with psycopg.connect(
        host=server.host, port=server.port, user=server.superuser, password=password or server.password,
        dbname="postgres",
    ) as connection:  # fmt: skip
        return connection.execute("select 40 + 2").fetchone()


def _until_gone(pid: int) -> None:
    until = time.monotonic() + _PATIENCE_S
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until, f"process {pid} is still there"
        time.sleep(0.02)


def test_it_takes_only_its_own_password_on_loopback(own_postgres: PostgresServer) -> None:
    assert _answer(own_postgres) == (42,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _answer(own_postgres, "another")
    assert own_postgres.host == "127.0.0.1"


def test_what_was_committed_survives_a_kill_on_the_same_port(own_postgres: PostgresServer) -> None:
    port = own_postgres.port
    with psycopg.connect(
        host=own_postgres.host, port=port, user="postgres", password=own_postgres.password, dbname="postgres"
    ) as connection:
        connection.execute("create table kept (n int)")
    own_postgres.kill()
    assert own_postgres.pid is None
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(host="127.0.0.1", port=port, user="postgres", password="x", dbname="postgres")
    own_postgres.start()
    assert own_postgres.port == port
    with psycopg.connect(
        host=own_postgres.host, port=port, user="postgres", password=own_postgres.password, dbname="postgres"
    ) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_restart_ends_sessions_and_answers_again(own_postgres: PostgresServer, mode: str) -> None:
    first = own_postgres.pid
    own_postgres.restart(mode)
    assert own_postgres.pid != first
    assert _answer(own_postgres) == (42,)


def test_one_that_ended_by_itself_starts_again_and_leaves_no_guard_behind(
    own_postgres: PostgresServer,
) -> None:
    pid, guard = own_postgres.pid, own_postgres._guard
    assert pid is not None
    assert guard is not None
    os.kill(pid, signal.SIGINT)
    until = time.monotonic() + _PATIENCE_S
    while own_postgres.pid is not None:
        assert time.monotonic() < until, f"process {pid} is still there"
        time.sleep(0.02)
    own_postgres.start()
    assert own_postgres.pid != pid
    assert guard.returncode is not None
    assert guard.stdin is not None
    assert guard.stdin.closed
    assert _answer(own_postgres) == (42,)


def test_a_folder_that_was_given_stays_and_starts_again() -> None:
    with PostgresServer() as other:
        folder = other.folder.with_name(f"{other.folder.name}-given")
    server = PostgresServer(folder)
    try:
        with server:
            password = server.password
        assert (folder / "data" / "PG_VERSION").read_text().strip() == "18"
        again = PostgresServer(folder)
        with again:
            assert again.password == password
            assert _answer(again) == (42,)
    finally:
        server.remove()
    assert not folder.exists()


def test_nothing_is_left_when_its_owner_is_killed() -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    pid, folder = owner.stdout.readline().split()
    assert Path(folder, "data").exists()
    owner.send_signal(signal.SIGKILL)
    owner.communicate(timeout=_PATIENCE_S)
    _until_gone(int(pid))
    until = time.monotonic() + _PATIENCE_S
    while Path(folder).exists():
        assert time.monotonic() < until, f"{folder} is still there"
        time.sleep(0.02)


def test_the_password_is_for_its_owner_only(own_postgres: PostgresServer) -> None:
    mode = (own_postgres.folder / "password").stat().st_mode
    assert mode & 0o077 == 0


def test_the_shown_command_opens_the_database(own_postgres: PostgresServer) -> None:
    command = own_postgres.psql_command("postgres", "postgres", own_postgres.password)
    asked = subprocess.run(
        f"{command} -Atc 'select 40 + 2'", shell=True, capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert asked.stdout == "42\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_binaries_that_only_root_can_reach_are_made_reachable(tmp_path: Path) -> None:
    installation = wheel_installation()
    package = installation.parent
    for source in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(source, tmp_path / source.name, symlinks=True, copy_function=_linked)
    tmp_path.chmod(0o700)
    with PostgresServer(installation=tmp_path / package.name / installation.name) as server:
        assert _answer(server) == (42,)
        assert server.binary("psql").is_relative_to(server.folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_a_folder_that_only_root_may_enter_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(
        ServerFailed, match=r"user nobody cannot enter .*; use a folder that everybody may enter"
    ):
        PostgresServer(tmp_path / "data").start()


def test_a_server_that_cannot_start_shows_its_last_words() -> None:
    server = PostgresServer(settings={"shared_buffers": "nonsense"})
    with pytest.raises(ServerFailed, match="shared_buffers"):
        server.__enter__()
    assert not server.folder.exists()


def test_without_the_wheel_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'apistatus\[demo\]'"):
        wheel_installation()


def _linked(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
