"""TLS up to verify-full, against a PostgreSQL that demands it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from apistatus.demo.postgres_server import PostgresServer
from apistatus.errors import AccessRefused
from apistatus.postgres.connect import connect
from apistatus.postgres.migrations import Migrator
from apistatus.postgres.sink import PostgresSink
from apistatus.settings.schema import PostgresSettings, Secret
from tests.integration.postgres.feeding import Feed, at
from tests.services.postgres_fixtures import TestDatabase, TlsPostgres

pytestmark = pytest.mark.tls_postgres


def settings(tls: TlsPostgres, sslmode: str | None, host: str = "localhost") -> PostgresSettings:
    return PostgresSettings(
        host, tls.server.port, sslmode, "postgres", Secret(tls.server.password), "postgres"
    )


def refusal(wanted: PostgresSettings) -> str:
    with pytest.raises(AccessRefused) as caught:
        connect(wanted).close()
    return str(caught.value)


@pytest.mark.parametrize("sslmode", ["allow", "prefer", "require", "verify-ca", "verify-full"])
def test_every_mode_with_tls_connects(
    tls_postgres: TlsPostgres, monkeypatch: pytest.MonkeyPatch, sslmode: str
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(tls_postgres.ca))
    with closing(connect(settings(tls_postgres, sslmode))) as connection:
        answer = connection.execute(
            "select ssl, version from pg_stat_ssl where pid = pg_backend_pid()"
        ).fetchone()
    assert answer == (True, "TLSv1.3")


def test_without_tls_the_hint_is_to_turn_it_on(tls_postgres: TlsPostgres) -> None:
    assert "set PGSSLMODE=require" in refusal(settings(tls_postgres, "disable", "127.0.0.1"))


def test_another_authority_is_not_trusted(tls_postgres: TlsPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(tls_postgres.other_ca))
    for sslmode in ("verify-ca", "verify-full"):
        assert "not of the authority in PGSSLROOTCERT" in refusal(settings(tls_postgres, sslmode))


def test_another_name_than_the_certificates_is_refused_by_verify_full_alone(
    tls_postgres: TlsPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(tls_postgres.ca))
    assert "not for PGHOST=127.0.0.1" in refusal(settings(tls_postgres, "verify-full", "127.0.0.1"))
    connect(settings(tls_postgres, "verify-ca", "127.0.0.1")).close()


def test_an_authority_that_is_not_there_is_named(
    tls_postgres: TlsPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(tls_postgres.ca.with_name("none.pem")))
    assert "set PGSSLROOTCERT to its file" in refusal(settings(tls_postgres, "verify-full"))


def test_migrate_and_the_sink_work_with_verify_full(
    tls_postgres: TlsPostgres, monkeypatch: pytest.MonkeyPatch, now_us: int,
    database_on: Callable[[PostgresServer], TestDatabase],
) -> None:  # fmt: skip
    monkeypatch.setenv("PGSSLROOTCERT", str(tls_postgres.ca))
    database = replace(database_on(tls_postgres.server), sslmode="verify-full")
    wanted = replace(database.migrate, admin=replace(database.admin, host="localhost"))
    Migrator(wanted).apply()
    with closing(PostgresSink(replace(database.app, host="localhost"), group="tests")) as sink:
        sink.check_schema()
        feed = Feed(sink, (0,))
        feed.store(at(now_us))
        feed.store(at(now_us), at(now_us + 1))
        assert feed.connection.execute("select count(*) from check_results").fetchone() == (2,)
