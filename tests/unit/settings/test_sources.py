"""Where a value comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.settings.sources import Reading, unknown_names
from tests.unit.settings.environment import loaded, mistakes

SASL = {"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "me"}


def test_a_secret_is_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "pw"
    file.write_text("hunter2\n")
    found = loaded(**SASL, KAFKA_SASL_PASSWORD_FILE=str(file))
    assert found.settings.kafka.sasl_password == "hunter2"
    assert found.origins["KAFKA_SASL_PASSWORD"] == f"file {file}"


def test_a_secret_given_twice_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("x")
    found = mistakes(**SASL, KAFKA_SASL_PASSWORD="y", KAFKA_SASL_PASSWORD_FILE=str(tmp_path / "pw"))
    message = "KAFKA_SASL_PASSWORD and KAFKA_SASL_PASSWORD_FILE are both set; keep one"
    assert found == {"KAFKA_SASL_PASSWORD": message}


def test_a_secrets_file_that_cannot_be_read_or_is_empty_is_a_mistake(tmp_path: Path) -> None:
    missing, empty = tmp_path / "none", tmp_path / "empty"
    empty.touch()
    assert mistakes(**SASL, KAFKA_SASL_PASSWORD_FILE=str(missing)) == {
        "KAFKA_SASL_PASSWORD_FILE": f"cannot read {missing}: no such file or directory"
    }
    assert mistakes(**SASL, KAFKA_SASL_PASSWORD_FILE=str(empty)) == {
        "KAFKA_SASL_PASSWORD_FILE": f"{empty} is empty"
    }


def test_what_is_no_secret_is_not_read_from_a_file() -> None:
    assert loaded(KAFKA_STATUS_TOPIC_FILE="/none").settings.kafka.topic == "statuses"


def test_a_reading_shows_no_value_that_may_be_a_secret() -> None:
    reading = Reading()
    reading.put("PGPW", "hunter2", "hunter2", "environment")
    assert "hunter2" not in repr(reading)
    assert reading.given("PGPW")
    assert not reading.given("PGPORT")


def test_an_unknown_variable_of_ours_is_doubtful_and_the_nearest_is_named() -> None:
    [warning] = loaded(APISTATUS_LOCATON="eu", OTHER="x").warnings
    assert str(warning) == "APISTATUS_LOCATON: unknown variable; did you mean APISTATUS_LOCATION?"


@pytest.mark.parametrize(
    "name",
    [
        "APISTATUS_SERVICE_HOST", "APISTATUS_SERVICE_PORT", "APISTATUS_SERVICE_PORT_HTTP", "APISTATUS_PORT",
        "APISTATUS_PORT_8080_TCP", "APISTATUS_PORT_8080_TCP_PROTO", "APISTATUS_PORT_8080_TCP_ADDR",
        "APISTATUS_WEB_SERVICE_HOST", "APISTATUS_WEB_1_PORT_53_UDP",
        "APISTATUS_CONNECT_TIMEOUT", "APISTATUS_CHECK_ONCE_OUTPUT", "APISTATUS_DEMO_SECONDS",
        "APISTATUS_TEST_KAFKA",
    ],
)  # fmt: skip
def test_what_kubernetes_and_the_commands_have_in_the_environment_is_left_alone(name: str) -> None:
    assert unknown_names({name: "10.0.0.1"}) == []


def test_a_port_variable_of_kubernetes_is_told_by_its_value() -> None:
    assert unknown_names({"APISTATUS_WEB_PORT": "tcp://10.0.0.1:80"}) == []
    assert len(unknown_names({"APISTATUS_WEB_PORT": "80"})) == 1
