"""`demo cloud` takes what the environment and `certs/` name, and says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.demo import cloud
from apistatus.errors import ConfigurationError

NAMED = {"KAFKAHOST": "kafka.example:12345", "PGHOST": "postgres.example"}


@pytest.fixture
def certs(tmp_path: Path) -> Path:
    folder = tmp_path / "certs"
    folder.mkdir()
    for name in ("ca.pem", "service.cert", "service.key"):
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("given", "servers"),
    [
        ({"KAFKAHOST": "kafka.example:12345"}, "kafka.example:12345"),
        ({"KAFKAHOST": "kafka.example"}, "kafka.example"),
        ({"KAFKAHOST": "kafka.example", "KAFKAPORT": "9093"}, "kafka.example:9093"),
        ({"KAFKAHOST": "kafka.example:1", "KAFKAPORT": "9093"}, "kafka.example:1"),
        ({"KAFKAHOST": "[::1]", "KAFKAPORT": "9093"}, "[::1]:9093"),
        ({"KAFKAHOST": "[::1]:1", "KAFKAPORT": "9093"}, "[::1]:1"),
        ({"KAFKAHOST": "a:1,b:2", "KAFKAPORT": "9093"}, "a:1,b:2"),
        ({"KAFKAHOST": "kafka.example", "KAFKA_BOOTSTRAP_SERVERS": "named:1"}, "named:1"),
    ],
)
def test_kafkahost_is_the_bootstrap_server(given: dict[str, str], servers: str, tmp_path: Path) -> None:
    settings = cloud.settings_of({**given, "PGHOST": "x"}, tmp_path)
    assert settings["KAFKA_BOOTSTRAP_SERVERS"] == servers
    assert "KAFKAHOST" not in settings


def test_services_that_nobody_named_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        cloud.settings_of({}, tmp_path)
    assert [problem.where for problem in caught.value.problems] == ["KAFKAHOST", "PGHOST", ""]
    assert "apistatus demo local" in str(caught.value)


def test_certificates_that_are_there_are_used(certs: Path, tmp_path: Path) -> None:
    settings = cloud.settings_of(NAMED, tmp_path)
    assert settings["KAFKA_SSL_CA_FILE"] == str(certs / "ca.pem")
    assert settings["KAFKA_SSL_CERT_FILE"] == str(certs / "service.cert")
    assert settings["KAFKA_SSL_KEY_FILE"] == str(certs / "service.key")


def test_only_an_authority_is_used_alone(certs: Path, tmp_path: Path) -> None:
    (certs / "service.cert").unlink()
    (certs / "service.key").unlink()
    settings = cloud.settings_of(NAMED, tmp_path)
    assert {name for name in settings if name.startswith("KAFKA_SSL")} == {"KAFKA_SSL_CA_FILE"}


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT", "plaintext"])
def test_certificates_are_not_for_connections_without_tls(protocol: str, certs: Path, tmp_path: Path) -> None:
    settings = cloud.settings_of({**NAMED, "KAFKA_SECURITY_PROTOCOL": protocol}, tmp_path)
    assert not [name for name in settings if name.startswith("KAFKA_SSL")]


def test_certificates_that_the_environment_names_win(certs: Path, tmp_path: Path) -> None:
    settings = cloud.settings_of({**NAMED, "KAFKA_SSL_CA_FILE": "/own.pem"}, tmp_path)
    assert {name: value for name, value in settings.items() if name.startswith("KAFKA_SSL")} == {
        "KAFKA_SSL_CA_FILE": "/own.pem"
    }


def test_settings_pass_through_and_the_demos_own_do_not(tmp_path: Path) -> None:
    given = {**NAMED, "APISTATUS_LOCATION": "here", "APISTATUS_DEMO_SECONDS": "3",
             "APISTATUS_CONNECT_TIMEOUT": "1", "APISTATUS_LISTEN": "0.0.0.0:80",
             "APISTATUS_LOG_FORMAT": "text"}  # fmt: skip
    settings = cloud.settings_of(given, tmp_path)
    assert {name: value for name, value in settings.items() if name.startswith("APISTATUS")} == {
        "APISTATUS_LOCATION": "here", "APISTATUS_LISTEN": "127.0.0.1:0", "APISTATUS_LOG_FORMAT": "json",
    }  # fmt: skip


def test_surroundings_know_the_checks_and_the_application_role(tmp_path: Path) -> None:
    readers = tmp_path / "readers.yml"
    readers.write_text(
        "readers:\n- {name: A check, url: http://a.example/}\n"
        "- {name: Off, url: http://a.example/, enabled: false}\n"
    )
    given = {**NAMED, "READER_CONF_FILE": str(readers), "PGAPPUSER": "app", "PGAPPPW": "secret-word",
             "PGSSLMODE": "require", "HOME": "/home/x"}  # fmt: skip
    around = cloud.surroundings(given, tmp_path)
    assert [tuple(check) for check in around.watched] == [("a-check", "A check")]
    assert (around.app.user, around.location, around.mode) == ("app", "local", "cloud")
    assert around.look_inside == (
        "psql 'host=postgres.example port=5432 user=app dbname=api_statuses sslmode=require'"
    )
    assert around.produce["READER_CONF_FILE"] == str(readers)


def test_every_mistake_is_told_before_anything_starts(tmp_path: Path) -> None:
    given = {**NAMED, "PGPORT": "x", "LOG_LEVEL": "LOUD", "HOME": "/home/x"}
    with pytest.raises(ConfigurationError) as caught:
        cloud.surroundings(given, tmp_path)
    assert {problem.where for problem in caught.value.problems} == {"PGPORT", "LOG_LEVEL"}


def test_the_demo_keeps_away_from_the_state_of_a_real_producer(tmp_path: Path) -> None:
    (tmp_path / "checks.yml").write_text("readers:\n  - {name: Home, site: http://127.0.0.1:1}\n")
    environ = {
        "KAFKAHOST": "kafka:9092", "PGHOST": "pg", "READER_CONF_FILE": str(tmp_path / "checks.yml"),
        "XDG_STATE_HOME": str(tmp_path),
    }  # fmt: skip
    own = cloud.surroundings(environ, tmp_path).produce
    assert own["APISTATUS_STATE_DIR"] == str(tmp_path / "apistatus-demo")
    assert own["APISTATUS_MISSED_BACKFILL"] == "0s"
    named = cloud.surroundings({**environ, "APISTATUS_STATE_DIR": str(tmp_path / "mine")}, tmp_path).produce
    assert named["APISTATUS_STATE_DIR"] == str(tmp_path / "mine")
    # A real producer may have stopped there, and its time is told as ever.
    assert "APISTATUS_MISSED_BACKFILL" not in named
