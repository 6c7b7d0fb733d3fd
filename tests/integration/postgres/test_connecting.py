"""Why there is no connection, told by real servers: each cause its own sentence, without the password."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from apistatus.errors import AccessRefused, PostgresUnavailable
from apistatus.postgres.connect import connect
from apistatus.postgres.refusals import DatabaseMissing
from apistatus.settings.schema import PostgresSettings, Secret
from tests.services.postgres_fixtures import APP_PASSWORD, TestDatabase

SECRET = Secret("hunter2 is the password")


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def web_server() -> Iterator[int]:
    """A port where something answers that is no PostgreSQL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(100)
                    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=10)


def refusal(settings: PostgresSettings) -> str:
    with pytest.raises(AccessRefused) as caught:
        connect(settings).close()
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


def absence(settings: PostgresSettings) -> str:
    with pytest.raises(PostgresUnavailable) as caught:
        connect(settings).close()
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


def test_a_wrong_password_names_the_variables(migrated: TestDatabase) -> None:
    told = refusal(replace(migrated.app, password=SECRET))
    assert "check PGAPPUSER and PGAPPPW" in told
    assert f"127.0.0.1:{migrated.server.port}" in told


def test_no_password_names_the_variable(migrated: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSFILE", "/nonexistent")
    assert "set PGAPPPW" in refusal(replace(migrated.app, password=None))


def test_a_password_file_serves(
    migrated: TestDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("pass") / "pgpass"
    escaped = APP_PASSWORD.replace("\\", "\\\\")
    path.write_text(f"*:*:*:{migrated.app_user}:{escaped}\n")
    path.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(path))
    with closing(connect(replace(migrated.app, password=None))) as connection:
        assert connection.execute("select current_user").fetchone() == (migrated.app_user,)


def test_a_missing_database_names_the_command(migrated: TestDatabase) -> None:
    with pytest.raises(
        DatabaseMissing, match=r"no database nowhere; check APPDB, or run `apistatus migrate`"
    ):
        connect(replace(migrated.app, database="nowhere")).close()


def test_a_server_without_tls_is_told_when_tls_is_demanded(migrated: TestDatabase) -> None:
    assert "has no TLS, but PGSSLMODE=require demands it" in refusal(replace(migrated.app, sslmode="require"))


def test_what_is_no_postgresql_is_told(migrated: TestDatabase, web_server: int) -> None:
    assert "not PostgreSQL; check PGHOST and PGPORT" in refusal(replace(migrated.app, port=web_server))


def test_nothing_listening_is_told(migrated: TestDatabase, closed_port: int) -> None:
    assert "nothing listens there; check PGHOST and PGPORT" in absence(
        replace(migrated.app, port=closed_port)
    )


def test_a_name_that_does_not_resolve_is_told(migrated: TestDatabase) -> None:
    assert "cannot be resolved; check PGHOST" in absence(replace(migrated.app, host="no-such-host.invalid"))


def test_a_database_that_takes_no_writes_is_away(migrated: TestDatabase) -> None:
    with closing(migrated.connect("admin")) as connection:
        connection.execute(f"alter database {migrated.name} set default_transaction_read_only = on".encode())
    assert "takes no writes now" in absence(migrated.app)


def test_a_database_without_a_free_connection_is_away(migrated: TestDatabase) -> None:
    with closing(migrated.connect("admin")) as connection:
        connection.execute(f"alter database {migrated.name} connection limit 0".encode())
    assert "no connection left" in absence(migrated.app)


def test_a_role_that_may_not_connect_is_told(migrated: TestDatabase) -> None:
    with closing(migrated.connect("admin")) as connection:
        connection.execute(
            f"revoke connect on database {migrated.name} from public, {migrated.app_user}".encode()
        )
    assert "grant it CONNECT" in refusal(migrated.app)


def test_libpq_variables_keep_their_meaning(migrated: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGAPPNAME", "my name for it")
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=7s")
    with closing(connect(migrated.app)) as connection:
        assert connection.execute("show application_name").fetchone() == ("my name for it",)
        assert connection.execute("show statement_timeout").fetchone() == ("7s",)
    monkeypatch.delenv("PGAPPNAME")
    with closing(connect(migrated.app)) as connection:
        assert connection.execute("show application_name").fetchone() == ("apistatus",)


@pytest.mark.parametrize("style", ["German", "SQL, DMY", "Postgres", "ISO, YMD"])
def test_instants_are_read_whatever_date_style_is_set(
    migrated: TestDatabase, monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    monkeypatch.setenv("PGDATESTYLE", style)
    with closing(connect(migrated.app)) as connection:
        answer = connection.execute("select timestamptz '2026-03-02 01:00:00+00'").fetchone()
    assert answer == (datetime(2026, 3, 2, 1, tzinfo=UTC),)
