"""Settings out of environment and flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from apistatus.errors import ConfigurationError
from apistatus.settings.load import documentation, effective, load
from apistatus.settings.schema import (
    ConsumeSettings,
    KafkaSettings,
    LogSettings,
    MigrateSettings,
    PostgresSettings,
    ProbeSettings,
    ReaderSettings,
    RoleSettings,
    Secret,
    ServiceSettings,
    Settings,
)  # fmt: skip
from tests.unit.settings.environment import loaded, mistakes, settings


def test_the_defaults_that_are_promised() -> None:
    """A change here is a change of INTERFACE: it breaks somebody's deployment."""
    role = PostgresSettings("localhost", 5432, None, "postgres", Secret("postgres"), "api_statuses")
    admin = PostgresSettings("localhost", 5432, None, "postgres", Secret("postgres"), "postgres")
    assert settings() == Settings(
        log=LogSettings("WARNING", "text"),
        kafka=KafkaSettings(
            bootstrap_servers="localhost:9092", topic="statuses", security_protocol="PLAINTEXT",
            consumer_group="apistatus", group_protocol="classic", session_timeout_ms=10_000,
            topic_partitions=12, topic_replication=None,
        ),
        app=role,
        migrate=MigrateSettings(admin, "api_statuses", RoleSettings("postgres", Secret("postgres")), None),
        reader=ReaderSettings(Path("conf/apireader"), 30_000_000),
        probe=ProbeSettings("local", Path("/home/user/.local/state/apistatus"), 2000, cloudevents=False),
        service=ServiceSettings(25.0, None),
    )  # fmt: skip


def test_every_variable_takes_effect() -> None:
    found = settings(
        LOG_LEVEL="debug", APISTATUS_LOG_FORMAT="json", KAFKA_BOOTSTRAP_SERVERS="a:1, b, [::1]:2",
        KAFKA_STATUS_TOPIC="results", KAFKA_CONSUMER_GROUP="g", KAFKA_GROUP_PROTOCOL="Consumer",
        KAFKA_SESSION_TIMEOUT_MS="6000", KAFKA_TOPIC_PARTITIONS="3", KAFKA_TOPIC_REPLICATION="2",
        READER_CONF_FILE="~/readers", API_READ_INTERVAL_SECS="0.5", PGHOST="db", PGPORT="5433",
        PGSSLMODE="verify-full", PGUSER="root", PGPW="1", PGDB="start", PGAPPUSER="app", PGAPPPW="2",
        APPDB="results", PGREADUSER="reader", PGREADPW="3", APISTATUS_LOCATION="eu-1",
        APISTATUS_STATE_DIR="/state", APISTATUS_CLOUDEVENTS="yes", APISTATUS_MAX_IN_FLIGHT="7",
        APISTATUS_DENY_NETWORKS="",
        APISTATUS_GRACE_SECONDS="1.5", APISTATUS_LISTEN="[::]:0",
    )  # fmt: skip
    assert found.log == LogSettings("DEBUG", "json")
    assert found.kafka == KafkaSettings(
        bootstrap_servers="a:1,b,[::1]:2", topic="results", consumer_group="g", group_protocol="consumer",
        session_timeout_ms=6000, topic_partitions=3, topic_replication=2,
    )  # fmt: skip
    assert found.reader == ReaderSettings(Path.home() / "readers", 500_000)
    app = PostgresSettings("db", 5433, "verify-full", "app", Secret("2"), "results")
    admin = PostgresSettings("db", 5433, "verify-full", "root", Secret("1"), "start")
    roles = RoleSettings("app", Secret("2")), RoleSettings("reader", Secret("3"))
    assert found.app == app
    assert found.migrate == MigrateSettings(admin, "results", *roles)
    assert found.probe == ProbeSettings("eu-1", Path("/state"), 7, cloudevents=True, deny_networks=())
    assert found.service == ServiceSettings(1.5, ("::", 0))


def test_a_flag_wins_over_the_environment_and_that_over_the_default() -> None:
    found = loaded(flags={"LOG_LEVEL": "ERROR"}, LOG_LEVEL="DEBUG", KAFKA_STATUS_TOPIC="t")
    assert found.settings.log.level == "ERROR"
    assert found.origins["LOG_LEVEL"] == "flag"
    assert found.origins["KAFKA_STATUS_TOPIC"] == "environment"
    assert found.origins["APPDB"] == "default"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert settings(KAFKA_STATUS_TOPIC="", PGPORT="").kafka.topic == "statuses"


def test_an_empty_flag_is_a_mistake() -> None:
    assert mistakes(flags={"READER_CONF_FILE": ""}) == {"READER_CONF_FILE": "must not be empty"}


def test_all_mistakes_are_told_at_once() -> None:
    found = mistakes(PGPORT="x", KAFKA_STATUS_TOPIC="a b", LOG_LEVEL="loud", APISTATUS_LOCATION="EU")
    assert found == {
        "PGPORT": "must be a whole number from 1 to 65535 (it is 'x')",
        "KAFKA_STATUS_TOPIC": "must be a topic name: 1 to 249 of A-Z a-z 0-9 . _ - (it is 'a b')",
        "LOG_LEVEL": "must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL (it is 'loud')",
        "APISTATUS_LOCATION": "must be 1 to 32 of a-z 0-9 . _ -, a letter or digit first (it is 'EU')",
    }


def test_a_command_does_not_look_at_what_it_does_not_need() -> None:
    found = settings(
        needs=("readers",), PGPORT="x", KAFKA_SSL_CA_FILE="/none", PGDATABASE="x", APISTATUS_LISTEN="?"
    )
    assert found.app.port == 5432
    assert found.kafka.ssl_ca_file is None
    assert mistakes(needs=("readers",), LOG_LEVEL="x").keys() == {"LOG_LEVEL"}


def test_a_group_that_does_not_exist_is_a_defect_of_the_caller() -> None:
    with pytest.raises(ValueError, match="unknown groups of settings: \\['kafk'\\]"):
        load({}, needs=("kafk",))


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"XDG_STATE_HOME": "/xdg"}, "/xdg/apistatus"),
        ({"XDG_STATE_HOME": "relative"}, "/home/user/.local/state/apistatus"),
        ({"XDG_STATE_HOME": "/xdg", "APISTATUS_STATE_DIR": "/own"}, "/own"),
    ],
)
def test_where_state_is_kept(environ: dict[str, str], path: str) -> None:
    assert settings(**environ).probe.state_dir == Path(path)


def test_without_any_home_the_state_directory_must_be_named_by_who_needs_it() -> None:
    with pytest.raises(ConfigurationError, match="APISTATUS_STATE_DIR: not set, and neither XDG_STATE_HOME"):
        load({}, needs=("probe", "service"))
    assert load({}, needs=("probe", "kafka")).settings.probe.state_dir == Path()


def test_the_effective_values_hide_secrets_and_name_their_origin(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hunter2\n")
    found = loaded(PGPW_FILE=str(tmp_path / "pw"), KAFKA_SASL_USERNAME="me", needs=("migrate",))
    rows = {name: (shown, origin) for name, shown, origin in effective(found)}
    assert rows["PGPW"] == ("***", f"file {tmp_path / 'pw'}")
    assert rows["PGAPPPW"] == ("***", f"file {tmp_path / 'pw'}")
    assert rows["PGREADPW"] == ("none", "default")
    assert rows["PGPORT"] == ("5432", "default")
    assert rows["KAFKA_SECURITY_PROTOCOL"] == ("PLAINTEXT", "default")
    assert "hunter2" not in repr(found) + str(effective(found))
    assert str(found.settings.migrate.admin.password) == "hunter2"


def test_what_consume_does_about_a_bad_topic_is_as_promised_unless_it_is_set() -> None:
    assert settings().consume == ConsumeSettings(0.5, "fail", "fail")
    told = settings(
        APISTATUS_DEAD_LETTER_LIMIT="1", APISTATUS_CONSUME_ON_RECREATED_TOPIC="restart",
        APISTATUS_CONSUME_ON_LOST_OFFSETS="earliest",
    )  # fmt: skip
    assert told.consume == ConsumeSettings(1.0, "restart", "earliest")


def test_every_variable_is_documented_once() -> None:
    rows = documentation()
    assert len({row.name for row in rows}) == len(rows)
    assert all(row.meaning for row in rows)


def test_a_secret_shows_itself_only_to_who_asks() -> None:
    assert repr(Secret("hunter2")) == "'***'"
    assert repr(Secret("")) == "''"
    assert str(Secret("hunter2")) == "hunter2"


def test_a_path_below_the_home_of_nobody_is_a_mistake_and_no_crash() -> None:
    environ = {"HOME": "/home/me", "READER_CONF_FILE": "~nobody-of-that-name/checks"}
    with pytest.raises(ConfigurationError, match="READER_CONF_FILE: names the home of a user who does not"):
        load(environ, needs={"readers"})


def test_a_secret_file_below_the_home_of_nobody_is_a_mistake_too() -> None:
    environ = {"HOME": "/home/me", "KAFKA_SASL_PASSWORD_FILE": "~nobody-of-that-name/password"}
    with pytest.raises(ConfigurationError, match="KAFKA_SASL_PASSWORD_FILE: cannot read ~nobody"):
        load(environ, needs={"kafka"})
