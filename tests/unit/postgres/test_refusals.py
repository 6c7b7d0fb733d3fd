"""Why a connection failed: each of libpq's texts becomes a sentence that names what to change."""

from __future__ import annotations

import psycopg
import pytest

from apistatus.errors import AccessRefused, PostgresUnavailable
from apistatus.postgres import refusals
from apistatus.settings.schema import PostgresSettings, Secret

SETTINGS = PostgresSettings("db.example", 5433, "verify-full", "alice", Secret("s3cret"), "results")
NO_ENTRY = 'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "alice", database "results"'
AT = 'connection to server at "db.example" (192.0.2.1), port 5433 failed: '

REFUSED = [
    (f'{AT}FATAL:  password authentication failed for user "alice"', "PGAPPUSER and PGAPPPW"),
    (f"{AT}fe_sendauth: no password supplied", "set PGAPPPW"),
    (f'{AT}FATAL:  role "alice" does not exist', "there is no role alice"),
    (f'{AT}FATAL:  role "alice" is not permitted to log in', "grant it LOGIN"),
    (f"{AT}{NO_ENTRY}, no encryption", "PGSSLMODE=require"),
    (f"{AT}{NO_ENTRY}, SSL off", "PGSSLMODE"),
    (f"{AT}{NO_ENTRY}, SSL encryption", "from this machine"),
    (f'{AT}FATAL:  pg_hba.conf rejects connection for host "10.0.0.1", user "alice"', "from this machine"),
    (f'{AT}FATAL:  pg_hba.conf rejects connection for host "10.0.0.1", no encryption', "PGSSLMODE=require"),
    (f'{AT}FATAL:  permission denied for database "results"', "grant it CONNECT"),
    (f"{AT}server does not support SSL, but SSL was required", "PGSSLMODE=verify-full demands it"),
    (f'{AT}server certificate for "other" does not match host name "db.example"', "PGHOST=db.example"),
    (f'{AT}root certificate file "/root/.postgresql/root.crt" does not exist', "PGSSLROOTCERT"),
    ('weak sslmode "prefer" may not be used with sslrootcert=system', "PGSSLMODE=verify-full"),
    (f"{AT}SSL error: certificate verify failed", "PGSSLROOTCERT"),
    (f"{AT}FATAL:  connection requires a valid client certificate", "PGSSLCERT and PGSSLKEY"),
    (f"{AT}SSL error: tlsv13 alert certificate required", "PGSSLCERT and PGSSLKEY"),
    (f'{AT}could not read certificate file "/x": No such file or directory', "PGSSLCERT and PGSSLKEY"),
    (f"{AT}received invalid response to SSL negotiation: H", "is not PostgreSQL"),
    (f"{AT}expected authentication request from server, but received H", "is not PostgreSQL"),
    ('invalid sslmode value: "on"', "setting of libpq"),
    (f'{AT}FATAL:  invalid value for parameter "TimeZone": "Nope"', "PGOPTIONS, PGTZ"),
    (f'{AT}FATAL:  unrecognized configuration parameter "nonsense"', "PGOPTIONS, PGTZ"),
    ('connection is bad: definition of service "nope" not found', "PGSERVICE"),
    ('WARNING: password file "/dev" is not a plain file', "PGPASSFILE"),
]
AWAY = [
    (f"{AT}FATAL:  the database system is starting up", "not ready yet"),
    (f"{AT}FATAL:  the database system is shutting down", "not ready yet"),
    (f"{AT}FATAL:  the database system is not yet accepting connections", "not ready yet"),
    ('could not translate host name "db.example" to address: Name or service not known', "check PGHOST"),
    ("[Errno -2] Name or service not known", "check PGHOST"),
    (f"{AT}FATAL:  sorry, too many clients already", "no connection left"),
    (
        f"{AT}FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        "no connection",
    ),
    (f"{AT}session is read-only", "takes no writes"),
    (f"{AT}Connection refused\n\tIs the server running on that host?", "nothing listens there"),
    (f"{AT}timeout expired", "does not answer"),
    ("connection timeout expired", "does not answer"),
    (f"{AT}No route to host", "does not answer"),
    (f"{AT}FATAL:  etwas ganz anderes", "no connection to PostgreSQL"),
    ("", "no connection to PostgreSQL"),
]


@pytest.mark.parametrize(("said", "told"), REFUSED)
def test_a_refusal_names_what_to_change(said: str, told: str) -> None:
    error = refusals.explain(psycopg.OperationalError(said), SETTINGS, refusals.APP)
    assert isinstance(error, AccessRefused)
    assert told in str(error)
    assert "db.example:5433" in str(error)
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(("said", "told"), AWAY)
def test_a_server_that_is_away_may_come_back(said: str, told: str) -> None:
    error = refusals.explain(psycopg.OperationalError(said), SETTINGS, refusals.APP)
    assert isinstance(error, PostgresUnavailable)
    assert told in str(error)
    assert "db.example:5433" in str(error)


def test_a_missing_database_is_told_apart() -> None:
    said = psycopg.OperationalError(f'{AT}FATAL:  database "results" does not exist')
    error = refusals.explain(said, SETTINGS, refusals.APP)
    assert isinstance(error, refusals.DatabaseMissing)
    assert "APPDB" in str(error)
    assert "apistatus migrate" in str(error)


def test_the_administrative_role_has_variables_of_its_own() -> None:
    said = psycopg.OperationalError(f'{AT}FATAL:  password authentication failed for user "alice"')
    assert "PGUSER and PGPW" in str(refusals.explain(said, SETTINGS, refusals.ADMIN))


def test_of_several_addresses_the_one_that_answered_counts() -> None:
    said = psycopg.OperationalError(
        'connection to server at "localhost" (::1), port 5433 failed: Connection refused\n'
        "\tIs the server running on that host and accepting TCP/IP connections?\n"
        'connection to server at "localhost" (127.0.0.1), port 5433 failed: '
        'FATAL:  password authentication failed for user "alice"'
    )
    error = refusals.explain(said, SETTINGS, refusals.APP)
    assert isinstance(error, AccessRefused)
    assert '(it says: FATAL:  password authentication failed for user "alice")' in str(error)
