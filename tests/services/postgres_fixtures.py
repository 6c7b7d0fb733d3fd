"""PostgreSQL for tests: `postgres` (the server), `database` (a name, nothing made yet), `migrated` (the
schema in a database of the test's own), `tls_postgres` (a server with TLS, from the system's package)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import psycopg
import pytest
from psycopg import sql

from apistatus.demo.postgres_server import PostgresServer
from apistatus.postgres.connect import Connection
from apistatus.postgres.migrations import Migrator
from apistatus.settings.schema import MigrateSettings, PostgresSettings, RoleSettings, Secret
from tests.services.certificates import Authority
from tests.services.missing import lacks

Who = Literal["admin", "app", "reader"]

APP_PASSWORD = "app's own\\ password"
READER_PASSWORD = "reader's"
FAST = {"fsync": "off", "full_page_writes": "off", "max_connections": "100"}
"""What is thrown away need not survive a crash of the machine; what is committed does survive a SIGKILL."""
_TEMPLATE = "template_of_tests"
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """A database of one test, and the settings of each role in it."""

    __test__ = False

    server: PostgresServer
    name: str
    app_user: str
    read_user: str
    sslmode: str | None = None

    @property
    def admin(self) -> PostgresSettings:
        """The administrative role, in the database that every server has."""
        return self._settings(self.server.superuser, self.server.password, "postgres")

    @property
    def app(self) -> PostgresSettings:
        """The application role, in the database of the results."""
        return self._settings(self.app_user, APP_PASSWORD, self.name)

    @property
    def reader(self) -> PostgresSettings:
        """The read-only role, in the database of the results."""
        return self._settings(self.read_user, READER_PASSWORD, self.name)

    @property
    def migrate(self) -> MigrateSettings:
        """What `migrate` is to make, with roles of their own."""
        return MigrateSettings(
            self.admin, self.name, RoleSettings(self.app_user, Secret(APP_PASSWORD)),
            RoleSettings(self.read_user, Secret(READER_PASSWORD)),
        )  # fmt: skip

    def environ(self) -> dict[str, str]:
        """The same as environment variables, for commands run as processes."""
        return {
            "PGHOST": self.server.host, "PGPORT": str(self.server.port), "PGUSER": self.server.superuser,
            "PGPW": self.server.password, "PGDB": "postgres", "PGAPPUSER": self.app_user,
            "PGAPPPW": APP_PASSWORD, "APPDB": self.name, "PGREADUSER": self.read_user,
            "PGREADPW": READER_PASSWORD,
        }  # fmt: skip

    def connect(self, who: Who = "app") -> Connection:
        """An autocommit connection to the database of the results; close it."""
        settings = {"admin": replace(self.admin, database=self.name), "app": self.app, "reader": self.reader}[
            who
        ]
        return psycopg.connect(
            host=settings.host, port=settings.port, user=settings.user, dbname=settings.database,
            password=str.__str__(settings.password or ""), autocommit=True,
        )  # fmt: skip

    def query(self, text: str, *parameters: object) -> list[tuple[object, ...]]:
        """Rows of one query as the administrative role."""
        with closing(self.connect("admin")) as connection:
            return connection.execute(text.encode(), parameters).fetchall()

    def _settings(self, user: str, password: str, database: str) -> PostgresSettings:
        return PostgresSettings(
            self.server.host, self.server.port, self.sslmode, user, Secret(password), database
        )


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL 18 from the wheel, for the whole run. Do not stop it: `own_postgres` is for that."""
    with PostgresServer(settings=FAST) as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that the test may kill and restart."""
    with PostgresServer(settings=FAST) as server:
        yield server


@pytest.fixture
def database_on() -> Iterator[Callable[[PostgresServer], TestDatabase]]:
    """Names a database and roles on a server; what was made of them is dropped after the test."""
    named: list[TestDatabase] = []

    def name(server: PostgresServer) -> TestDatabase:
        number = next(_numbers)
        named.append(TestDatabase(server, f"results_{number}", f"app_{number}", f"reader_{number}"))
        return named[-1]

    yield name
    for database in named:
        if database.server.pid is not None:
            _drop(database)


@pytest.fixture
def database(postgres: PostgresServer, database_on: Callable[[PostgresServer], TestDatabase]) -> TestDatabase:
    """A database that does not exist yet, nor do its roles."""
    return database_on(postgres)


@pytest.fixture(scope="session")
def _template(postgres: PostgresServer) -> TestDatabase:
    template = TestDatabase(postgres, _TEMPLATE, "app_of_template", "reader_of_template")
    Migrator(template.migrate).apply()
    return template


@pytest.fixture
def migrated(database: TestDatabase, _template: TestDatabase) -> TestDatabase:
    """The schema, as `migrate` makes it, in a database of the test's own (a copy: 50 ms)."""
    copied = replace(database, app_user=_template.app_user, read_user=_template.read_user)
    with closing(_superuser(database)) as connection:
        connection.execute(
            sql.SQL("create database {} template {}").format(
                sql.Identifier(database.name), sql.Identifier(_TEMPLATE)
            )
        )
        for role in (copied.app_user, copied.read_user):
            # Settings of a role in a database are not copied with the database.
            connection.execute(
                sql.SQL("alter role {} in database {} set search_path = apistatus, public").format(
                    sql.Identifier(role), sql.Identifier(database.name)
                )
            )
    return copied


@dataclass(frozen=True, slots=True)
class TlsPostgres:
    """A server that demands TLS, its authority's file, and another authority's."""

    server: PostgresServer
    ca: Path
    other_ca: Path
    plain: PostgresServer


@pytest.fixture(scope="session")
def tls_postgres(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer
) -> Iterator[TlsPostgres]:
    """PostgreSQL from the system's package; the wheel's is built without TLS."""
    installation = system_installation()
    if installation is None:
        lacks(request, "PostgreSQL with TLS", why="no /usr/lib/postgresql/*/bin/postgres",
              command="apt-get install -y postgresql")  # fmt: skip
    folder = tmp_path_factory.mktemp("postgres-tls")
    authority = Authority(folder)
    pair = authority.server("postgres", ("localhost",))
    hba = (
        "hostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n"
        "host all all all reject\n"
    )
    with PostgresServer(
        installation=installation, settings=FAST, hba=hba, tls=(pair.cert.read_bytes(), pair.key.read_bytes())
    ) as server:
        yield TlsPostgres(server, authority.ca, Authority(folder, "other").ca, postgres)


def system_installation() -> Path | None:
    """The newest PostgreSQL of Debian's packages; None when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parents[1] if found else None


def _superuser(database: TestDatabase) -> Connection:
    server = database.server
    return psycopg.connect(
        host=server.host, port=server.port, user=server.superuser, password=server.password,
        dbname="postgres", autocommit=True,
    )  # fmt: skip


def _drop(database: TestDatabase) -> None:
    with closing(_superuser(database)) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database.name))
        )
        for role in (database.app_user, database.read_user):
            connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(role)))
