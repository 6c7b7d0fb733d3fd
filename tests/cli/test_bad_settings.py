"""Settings that cannot work, through the command: exit 2, the variable named, all mistakes at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services import command

READER = "readers:\n  - {name: Home, site: http://127.0.0.1:1}\n"


@pytest.fixture
def well(tmp_path: Path) -> dict[str, str]:
    """An environment with which `config check` finds nothing."""
    (tmp_path / "checks.yml").write_text(READER)
    return {"READER_CONF_FILE": str(tmp_path / "checks.yml"), "APISTATUS_STATE_DIR": str(tmp_path)}


def test_a_sound_configuration_is_exit_0(well: dict[str, str]) -> None:
    answer = command.run("config", "check", env=well)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "1 check" in answer.stdout


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("LOG_LEVEL", "LOUD", "must be one of DEBUG"),
        ("KAFKA_BOOTSTRAP_SERVERS", "broker:port", "HOST:PORT"),
        ("KAFKA_STATUS_TOPIC", "a b", "topic name"),
        ("KAFKA_SSL_CA_FILE", "/nowhere/ca.pem", "no such file"),
        ("KAFKA_SASL_MECHANISM", "MAGIC", "must be one of"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "KAFKA_SASL_MECHANISM"),
        ("KAFKA_CLIENT_CONFIG_FILE", "/nowhere/client.properties", "no such file"),
        ("KAFKA_SESSION_TIMEOUT_MS", "soon", "whole number"),
        ("API_READ_INTERVAL_SECS", "0.1", "500ms"),
        ("PGPORT", "70000", "whole number"),
        ("PGSSLMODE", "maybe", "must be one of"),
        ("PGDATABASE", "x", "APPDB"),
        ("PGAPPUSER", "app", "PGAPPPW"),
        ("APISTATUS_LOCATION", "Über", "a-z"),
        ("APISTATUS_LISTEN", "8080", "HOST:PORT"),
        ("APISTATUS_GRACE_SECONDS", "for ever", "duration"),
        ("APISTATUS_SPOOL", "sometimes", "must be one of overflow"),
        ("APISTATUS_SPOOL_MAX_BYTES", "lots", "is not a size"),
        ("APISTATUS_MISSED_BACKFILL", "-1h", "is not a duration"),
        ("APISTATUS_PROCESSES", "many", "must be a whole number"),
        ("APISTATUS_LOCATOIN", "here", "did you mean APISTATUS_LOCATION?"),
        ("KAFKA_SASL_PASSWORD_FILE", "/nowhere/password", "no such file"),
    ],
)
def test_a_setting_that_cannot_work_is_exit_2_and_named(
    well: dict[str, str], variable: str, value: str, said: str
) -> None:
    answer = command.run("config", "check", env={**well, variable: value})
    assert answer.returncode == 2
    assert said in answer.stderr
    assert variable.removesuffix("_FILE") in answer.stderr
    assert "Traceback" not in answer.stderr


def test_all_mistakes_are_told_in_one_go(well: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "checks.yml").write_text("readers:\n  - {name: Home, sit: http://127.0.0.1:1}\n")
    answer = command.run(
        "config", "check", env={**well, "PGPORT": "x", "LOG_LEVEL": "x", "APISTATUS_SPOL": "off"}
    )
    assert answer.returncode == 2
    assert "PGPORT" in answer.stderr
    assert "LOG_LEVEL" in answer.stderr
    assert "APISTATUS_SPOL: unknown variable; did you mean APISTATUS_SPOOL?" in answer.stderr
    assert f"{tmp_path / 'checks.yml'}:2:" in answer.stderr


def test_a_secret_is_shown_nowhere(well: dict[str, str]) -> None:
    env = {
        **well,
        "PGPW": "hunter2",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SASL_USERNAME": "u",
        "KAFKA_SASL_PASSWORD": "hunter2",
    }
    answer = command.run("config", "show", env=env)
    assert answer.returncode == 0
    assert "hunter2" not in answer.stdout + answer.stderr
    assert "***" in answer.stdout


def test_config_show_says_where_a_value_comes_from(well: dict[str, str]) -> None:
    answer = command.run("config", "show", "--log-level", "ERROR", env={**well, "PGPORT": "5433"})
    lines = dict(line.split("  ", 1) for line in answer.stdout.splitlines() if "  " in line)
    assert lines["PGPORT"].split() == ["5433", "(environment)"]
    assert lines["LOG_LEVEL"].split() == ["ERROR", "(flag)"]
    assert lines["PGHOST"].split() == ["localhost", "(default)"]


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("produce", "--nonsense"), ("check-once", "--output", "x")]
)
def test_a_wrong_command_line_is_exit_2_with_a_hint(arguments: tuple[str, ...]) -> None:
    answer = command.run(*arguments)
    assert answer.returncode == 2
    assert "Try 'apistatus" in answer.stderr


def test_health_without_an_address_says_what_to_set() -> None:
    answer = command.run("health")
    assert answer.returncode == 2
    assert "APISTATUS_LISTEN" in answer.stderr


def test_health_of_nobody_is_exit_1() -> None:
    answer = command.run("health", "http://127.0.0.1:1/ready")
    assert answer.returncode == 1
    assert "127.0.0.1:1" in answer.stderr
