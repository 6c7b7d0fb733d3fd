"""From single variables to the Kafka and PostgreSQL groups: what follows from what, and what contradicts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

from apistatus.settings.schema import KafkaSettings, MigrateSettings, PostgresSettings, RoleSettings, Secret
from apistatus.settings.sources import Reading

_WITH_PASSWORD = frozenset({"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"})


def kafka_settings(reading: Reading, needs: Collection[str], now: datetime) -> KafkaSettings:
    """The Kafka group; every file it names was opened and holds what it should, or there is a problem."""
    values = reading.values
    _derive_protocol(reading)
    if "kafka" in needs:
        _check_tls(reading, now)
        _check_sasl(reading)
    config, lines = _client_config(reading)
    return KafkaSettings(
        bootstrap_servers=values["KAFKA_BOOTSTRAP_SERVERS"],
        topic=values["KAFKA_STATUS_TOPIC"],
        ssl_ca_file=values["KAFKA_SSL_CA_FILE"],
        ssl_cert_file=values["KAFKA_SSL_CERT_FILE"],
        ssl_key_file=values["KAFKA_SSL_KEY_FILE"],
        ssl_key_password=_secret(values["KAFKA_SSL_KEY_PASSWORD"]),
        sasl_mechanism=values["KAFKA_SASL_MECHANISM"],
        sasl_username=values["KAFKA_SASL_USERNAME"],
        sasl_password=_secret(values["KAFKA_SASL_PASSWORD"]),
        security_protocol=values["KAFKA_SECURITY_PROTOCOL"],
        client_config_file=values["KAFKA_CLIENT_CONFIG_FILE"],
        client_config=config,
        client_config_lines=lines,
        consumer_group=values["KAFKA_CONSUMER_GROUP"],
        group_protocol=values["KAFKA_GROUP_PROTOCOL"],
        session_timeout_ms=values["KAFKA_SESSION_TIMEOUT_MS"],
        topic_partitions=values["KAFKA_TOPIC_PARTITIONS"],
        topic_replication=values["KAFKA_TOPIC_REPLICATION"],
    )


def _secret(text: str | None) -> Secret | None:
    return None if text is None else Secret(text)


def _derive_protocol(reading: Reading) -> None:
    """A password never goes over a plain connection unless KAFKA_SECURITY_PROTOCOL says so."""
    if reading.values["KAFKA_SECURITY_PROTOCOL"] is not None:
        return
    if reading.values["KAFKA_SASL_MECHANISM"] is not None:
        protocol = "SASL_SSL"
    elif any(reading.values[f"KAFKA_SSL_{name}_FILE"] for name in ("CA", "CERT", "KEY")):
        protocol = "SSL"
    else:
        protocol = "PLAINTEXT"
    origin = "default" if protocol == "PLAINTEXT" else "derived"
    reading.put("KAFKA_SECURITY_PROTOCOL", protocol, protocol, origin)


def _check_tls(reading: Reading, now: datetime) -> None:
    values = reading.values
    ca, cert, key = (values[f"KAFKA_SSL_{name}_FILE"] for name in ("CA", "CERT", "KEY"))
    if (ca or cert or key) and not values["KAFKA_SECURITY_PROTOCOL"].endswith("SSL"):
        reading.fail(
            "KAFKA_SECURITY_PROTOCOL",
            f"{values['KAFKA_SECURITY_PROTOCOL']} is without TLS, but KAFKA_SSL_*_FILE names certificates",
        )
    if ca or (cert and key):
        # Here, because cryptography costs 40 ms that a connection without TLS need not pay.
        from apistatus.settings import certificates

        if ca:
            reading.problems += certificates.authority_problems("KAFKA_SSL_CA_FILE", ca, now)
        if cert and key:
            password = ("KAFKA_SSL_KEY_PASSWORD", values["KAFKA_SSL_KEY_PASSWORD"])
            reading.problems += certificates.client_problems(
                ("KAFKA_SSL_CERT_FILE", cert), ("KAFKA_SSL_KEY_FILE", key), password, now
            )
    if cert and not key:
        reading.fail(
            "KAFKA_SSL_KEY_FILE", "not set, but KAFKA_SSL_CERT_FILE is; a client certificate needs both"
        )
    if key and not cert:
        reading.fail(
            "KAFKA_SSL_CERT_FILE", "not set, but KAFKA_SSL_KEY_FILE is; a client certificate needs both"
        )


def _check_sasl(reading: Reading) -> None:
    mechanism, protocol = (
        reading.values[f"KAFKA_{name}"] for name in ("SASL_MECHANISM", "SECURITY_PROTOCOL")
    )
    if mechanism is None:
        if reading.given("KAFKA_SASL_MECHANISM"):
            return  # a mistake that is reported already
        if protocol.startswith("SASL"):
            reading.fail("KAFKA_SASL_MECHANISM", f"not set, but KAFKA_SECURITY_PROTOCOL is {protocol}")
        for name in ("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"):
            if reading.given(name):
                reading.fail("KAFKA_SASL_MECHANISM", f"not set, but {name} is")
        return
    if not protocol.startswith("SASL"):
        reading.fail(
            "KAFKA_SECURITY_PROTOCOL", f"{protocol} is without SASL, but KAFKA_SASL_MECHANISM is set"
        )
    if mechanism in _WITH_PASSWORD:
        for name in ("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"):
            if not reading.given(name):
                reading.fail(name, f"not set, but KAFKA_SASL_MECHANISM is {mechanism}")


def _client_config(reading: Reading) -> tuple[tuple[tuple[str, str], ...], tuple[int, ...]]:
    path: Path | None = reading.values["KAFKA_CLIENT_CONFIG_FILE"]
    if path is None:
        return (), ()
    from apistatus.settings.client_file import read_client_file

    lines, problems = read_client_file(path)
    reading.problems += problems
    return tuple((line.key, line.value) for line in lines), tuple(line.number for line in lines)


def postgres_settings(
    reading: Reading, environ: Mapping[str, str], needs: Collection[str]
) -> tuple[PostgresSettings, MigrateSettings]:
    """The application role's connection, and what `migrate` works with."""
    if not {"postgres", "migrate"}.isdisjoint(needs):
        if environ.get("PGDATABASE"):
            reading.fail(
                "PGDATABASE",
                "not read here, because two databases are meant: PGDB is the one `migrate` first connects to, "
                "APPDB the one that holds the results; set these and unset PGDATABASE",
            )
        _check_password_file(reading)
    own_role = reading.values["PGAPPUSER"] != reading.values["PGUSER"]
    own_password = reading.given("PGAPPPW")
    _derive_password(reading, "PGPW")
    if not own_role and not own_password and reading.given("PGPW"):
        reading.put("PGAPPPW", reading.values["PGPW"], reading.texts["PGPW"], reading.origins["PGPW"])
    _derive_password(reading, "PGAPPPW")
    if "migrate" in needs:
        if own_role and not own_password:
            reading.fail(
                "PGAPPPW", "not set: the role PGAPPUSER is not made with a default password; set its password"
            )
        _check_read_role(reading)
    return _groups(reading)


def _groups(reading: Reading) -> tuple[PostgresSettings, MigrateSettings]:
    values = reading.values
    app = PostgresSettings(
        host=values["PGHOST"], port=values["PGPORT"], sslmode=values["PGSSLMODE"], user=values["PGAPPUSER"],
        password=_secret(values["PGAPPPW"]), database=values["APPDB"],
    )  # fmt: skip
    admin = PostgresSettings(
        host=values["PGHOST"], port=values["PGPORT"], sslmode=values["PGSSLMODE"], user=values["PGUSER"],
        password=_secret(values["PGPW"]), database=values["PGDB"],
    )  # fmt: skip
    reader: str | None = values["PGREADUSER"]
    return app, MigrateSettings(
        admin=admin,
        database=values["APPDB"],
        app_role=RoleSettings(app.user, app.password),
        read_role=None if reader is None else RoleSettings(reader, _secret(values["PGREADPW"])),
    )


def _derive_password(reading: Reading, name: str) -> None:
    if reading.given(name):
        return
    if reading.given("PGPASSWORD"):
        reading.put(name, reading.values["PGPASSWORD"], reading.texts["PGPASSWORD"], "PGPASSWORD")
    elif reading.given("PGPASSFILE"):
        reading.put(name, None, None, "PGPASSFILE")


def _check_password_file(reading: Reading) -> None:
    from apistatus.settings.files import SECRET_MAX_BYTES, read_regular, reason

    path: Path | None = reading.values["PGPASSFILE"]
    if path is not None:
        try:
            read_regular(path, SECRET_MAX_BYTES)
        except OSError as error:
            reading.fail("PGPASSFILE", f"cannot read {path}: {reason(error)}")


def _check_read_role(reading: Reading) -> None:
    reader = reading.values["PGREADUSER"]
    if reader is None and reading.given("PGREADPW"):
        reading.fail("PGREADUSER", "not set, but PGREADPW is")
    if reader is not None and reader in {reading.values["PGUSER"], reading.values["PGAPPUSER"]}:
        reading.fail("PGREADUSER", f"{reader} is the name of another role already; name one of its own")
