"""`apistatus demo cloud` against services that the environment names."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from apistatus.demo.kafka_broker import InMemoryBroker
from apistatus.demo.postgres_server import PostgresServer
from tests.integration.demo.running import running

pytestmark = pytest.mark.timeout(300)

READERS = """
defaults: {{interval: 4s}}
readers:
- {{name: Front page, url: "{url}/"}}
- {{name: Lost page, url: "{url}/lost"}}
- {{name: Switched off, url: "{url}/", enabled: false}}
"""


@contextmanager
def target() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def database_variables(server: PostgresServer) -> dict[str, str]:
    return {
        "PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.superuser,
        "PGPW": server.password, "PGAPPUSER": "application", "PGAPPPW": "a-password",
        "APPDB": "cloud_statuses",
    }  # fmt: skip


def test_cloud_stores_in_the_services_that_are_named_and_leaves_them_their_rows(tmp_path: Path) -> None:
    with PostgresServer() as server, InMemoryBroker("cloud") as broker, target() as url:
        readers = tmp_path / "readers.yml"
        readers.write_text(READERS.format(url=url))
        environ = {
            **database_variables(server), "READER_CONF_FILE": str(readers), "KAFKA_STATUS_TOPIC": "cloud",
            "KAFKAHOST": broker.bootstrap_servers, "APISTATUS_LOCATION": "test-lab",
            "APISTATUS_STATE_DIR": str(tmp_path / "state"), "APISTATUS_DEMO_SECONDS": "8",
        }  # fmt: skip
        with running("cloud", environ=environ) as demo:
            assert demo.end() == 0, demo.stdout + demo.stderr
            assert demo.left_behind() == []
        where = {"host": server.host, "port": server.port, "user": "application", "password": "a-password"}
        with psycopg.connect(**where, dbname="cloud_statuses") as connection:
            rows = connection.execute(
                "SELECT name, location, status, count(*) FROM check_results WHERE status <> 'missed' "
                "GROUP BY 1, 2, 3 ORDER BY 1"
            ).fetchall()
    assert [row[:3] for row in rows] == [("Front page", "test-lab", "up"), ("Lost page", "test-lab", "down")]
    assert "look inside:  psql 'host=127.0.0.1 " in demo.stdout
    assert "a-password" not in demo.stdout + demo.stderr
    assert "exactly once" in demo.stdout


def test_kafka_that_stays_away_ends_the_demo_with_75(tmp_path: Path) -> None:
    with PostgresServer() as server, target() as url:
        readers = tmp_path / "readers.yml"
        readers.write_text(READERS.format(url=url))
        environ = {
            **database_variables(server), "READER_CONF_FILE": str(readers), "KAFKAHOST": "127.0.0.1:1",
            "APISTATUS_STATE_DIR": str(tmp_path / "state"), "APISTATUS_GRACE_SECONDS": "1",
        }  # fmt: skip
        with running("cloud", "--connect-timeout", "3", environ=environ) as demo:
            assert demo.end() == 75, demo.stdout + demo.stderr
            assert demo.left_behind() == []
    assert "is not ready after 3 s (--connect-timeout)" in demo.stderr
    assert "Traceback" not in demo.stderr


def test_postgres_that_stays_away_ends_the_demo_with_75_and_its_reason(tmp_path: Path) -> None:
    environ = {"PGHOST": "127.0.0.1", "PGPORT": "1", "KAFKAHOST": "127.0.0.1:1", "HOME": str(tmp_path)}
    with running("cloud", "--connect-timeout", "1", environ=environ) as demo:
        assert demo.end() == 75, demo.stdout + demo.stderr
        assert demo.left_behind() == []
    assert "`migrate` ended with exit code 75" in demo.stderr
    assert "127.0.0.1" in demo.stderr


def test_mistakes_are_told_before_anything_starts() -> None:
    with running("cloud", environ={"PGPORT": "x"}) as demo:
        assert demo.end() == 2
    assert "KAFKAHOST: not set" in demo.stderr
    assert "PGHOST: not set" in demo.stderr
