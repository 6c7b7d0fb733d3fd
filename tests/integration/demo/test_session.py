"""The demo called as a function: its exit codes and what it prints, without a process around it."""

from __future__ import annotations

import os
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from apistatus.demo import line, local
from apistatus.demo.line import Line
from apistatus.demo.run import run
from apistatus.demo.snapshot import Snapshot
from apistatus.errors import ConfigurationError
from tests.integration.demo.running import demo_folder

pytestmark = pytest.mark.timeout(300)

ENVIRON = {"PATH": os.environ["PATH"], "LOG_LEVEL": "WARNING"}


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the demo makes its own folder."""
    with demo_folder() as folder:
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        yield folder


def demo(*, seconds: float | None = 5, keep: bool = False, connect_timeout_s: float = 60) -> int:
    return run("local", seconds=seconds, keep=keep, environ=ENVIRON, connect_timeout_s=connect_timeout_s)


def test_all_that_was_produced_is_stored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo() == 0
    said = capsys.readouterr()
    assert "Every result is in the database, exactly once." in said.out
    assert said.err == ""
    assert list(folder.iterdir()) == []


def test_a_result_that_is_not_in_the_database_is_exit_code_1(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "_DRAINS_WITHIN_S", 0.5)

    def without_rows(database: object, within_s: float) -> list[object]:
        return []

    monkeypatch.setattr(line.Database, "summary", without_rows)
    assert demo() == 1
    assert "LOST: produced, but not in the database" in capsys.readouterr().out
    assert list(folder.iterdir()) == []


def test_a_kept_database_is_told_with_the_commands_to_use_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo(keep=True) == 0
    (kept,) = folder.iterdir()
    assert f"The database is kept in {kept}" in capsys.readouterr().out
    for name in ("psql", "postgres-control"):
        assert stat.S_IMODE((kept / name).stat().st_mode) == 0o700


def test_a_failed_migration_ends_the_demo_with_its_exit_code(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_DATABASE", "bad\x01name")
    assert demo() == 2
    assert (
        "`migrate` ended with exit code 2. The last it said:\n  apistatus: APPDB" in capsys.readouterr().err
    )
    assert list(folder.iterdir()) == []


def test_a_service_that_is_not_ready_in_time_is_75(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody listens there, so that neither command gets ready.
    monkeypatch.setattr(local.InMemoryBroker, "bootstrap_servers", "127.0.0.1:1")
    monkeypatch.setattr(local, "_GRACE", "1s")
    assert demo(seconds=None, connect_timeout_s=2) == 75
    assert "is not ready after 2 s (--connect-timeout): " in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_a_database_that_went_away_is_told_and_ends_with_75(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_GRACE", "1s")
    look = Line.snapshot
    seen: list[Snapshot] = []

    def snapshot(of: Line) -> Snapshot:
        seen.append(look(of))
        if seen[-1].totals.stored:
            for pid_file in folder.glob("*/postgres/data/postmaster.pid"):
                with suppress(OSError, IndexError):  # it may be gone by now
                    os.kill(int(pid_file.read_text().split()[0]), signal.SIGINT)
        if seen[-1].trouble:
            os.kill(os.getpid(), signal.SIGINT)
        return seen[-1]

    monkeypatch.setattr(Line, "snapshot", snapshot)
    assert demo(seconds=None) == 75
    said = capsys.readouterr()
    assert "the summary cannot be read from the database" in said.err
    assert seen[-1].trouble is not None
    assert list(folder.iterdir()) == []


def test_a_stop_during_the_start_is_in_order(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter = local.PostgresServer.__enter__

    def interrupted(server: local.PostgresServer) -> local.PostgresServer:
        os.kill(os.getpid(), signal.SIGTERM)
        return enter(server)

    monkeypatch.setattr(local.PostgresServer, "__enter__", interrupted)
    assert demo(seconds=30) == 0
    assert "stopped before the first result" in capsys.readouterr().out
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another user")
def test_root_is_told_when_postgresql_could_not_enter_the_folder(folder: Path) -> None:
    folder.chmod(0o700)
    with pytest.raises(ConfigurationError, match=r"TMPDIR: .* cannot enter .*everybody may enter"):
        demo()
    assert list(folder.iterdir()) == []
