"""`demo cloud`: the Kafka and the PostgreSQL that the environment names, certificates in `certs/`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from apistatus.demo.snapshot import Watched
from apistatus.demo.surroundings import Surroundings
from apistatus.errors import ConfigurationError, Problem
from apistatus.settings.load import load
from apistatus.settings.schema import PostgresSettings
from apistatus.wiring.loading import checks_of

CERTIFICATES: Final[Mapping[str, str]] = {
    "KAFKA_SSL_CA_FILE": "ca.pem",
    "KAFKA_SSL_CERT_FILE": "service.cert",
    "KAFKA_SSL_KEY_FILE": "service.key",
}
"""Setting -> file in `certs/`, by the names that managed Kafka services give them."""

_DEMO_ONLY: Final = ("APISTATUS_DEMO_", "APISTATUS_CONNECT_TIMEOUT", "APISTATUS_LISTEN")
_NOTE: Final = "Your services, your data: what was stored stays there when the demo ends."


def surroundings(environ: Mapping[str, str], folder: Path) -> Surroundings:
    """Settings of the three commands from `environ`; `folder` is where `certs/` and `conf/` are looked for.

    Raises ConfigurationError with every mistake, those of the reader file too.
    """
    given = settings_of(environ, folder)
    loaded = load(given)
    settings = loaded.settings
    checks = [check for check in checks_of(settings.reader, given) if check.enabled]
    if not given.get("APISTATUS_STATE_DIR"):
        # Beside the one of a `produce` that runs for good here, which the demo must not disturb.
        given["APISTATUS_STATE_DIR"] = str(settings.probe.state_dir.with_name("apistatus-demo"))
        # The time between two demos is no outage.
        given.setdefault("APISTATUS_MISSED_BACKFILL", "0s")
    return Surroundings(
        mode="cloud",
        migrate=given,
        produce=given,
        consume=given,
        app=settings.app,
        watched=[Watched(check.id, check.name) for check in checks],
        location=settings.probe.location,
        look_inside=_psql(settings.app),
        note=_NOTE,
    )


def settings_of(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment of the three commands. Raises ConfigurationError when it names no services."""
    given = {name: value for name, value in environ.items() if not name.startswith(_DEMO_ONLY)}
    _name_bootstrap_servers(given)
    problems = []
    if not given.get("KAFKA_BOOTSTRAP_SERVERS"):
        problems.append(Problem("KAFKAHOST", "not set; name your Kafka, here or in KAFKA_BOOTSTRAP_SERVERS"))
    if not given.get("PGHOST"):
        problems.append(Problem("PGHOST", "not set; name your PostgreSQL"))
    if problems:
        raise ConfigurationError(
            [*problems, Problem("", "without services of your own: apistatus demo local")]
        )
    _find_certificates(given, folder / "certs")
    _find_readers(given, folder)
    return {**given, "APISTATUS_LISTEN": "127.0.0.1:0", "APISTATUS_LOG_FORMAT": "json"}


def _name_bootstrap_servers(given: dict[str, str]) -> None:
    host, port = given.pop("KAFKAHOST", ""), given.pop("KAFKAPORT", "")
    if host and not given.get("KAFKA_BOOTSTRAP_SERVERS"):
        given["KAFKA_BOOTSTRAP_SERVERS"] = ",".join(_with_port(server, port) for server in host.split(","))


def _with_port(server: str, port: str) -> str:
    has_port = ":" in server.rpartition("]")[2]
    return server if has_port or not port else f"{server}:{port}"


def _find_certificates(given: dict[str, str], folder: Path) -> None:
    """Files that are there are used unless the environment names others or wants no TLS."""
    if given.get("KAFKA_SECURITY_PROTOCOL", "SSL").upper().endswith("PLAINTEXT"):
        return
    if any(given.get(name) for name in CERTIFICATES):
        return
    for name, file in CERTIFICATES.items():
        if (folder / file).exists():
            given[name] = str(folder / file)


def _find_readers(given: dict[str, str], folder: Path) -> None:
    """`conf/apireader` of the folder; else, in an installation without one, the sample of the package."""
    if given.get("READER_CONF_FILE") or any((folder / "conf").glob("apireader*")):
        return
    sample = files("apistatus") / "_conf" / "apireader.yml"
    if sample.is_file():
        given["READER_CONF_FILE"] = str(sample)


def _psql(app: PostgresSettings) -> str:
    words = {
        "host": app.host,
        "port": app.port,
        "user": app.user,
        "dbname": app.database,
        "sslmode": app.sslmode,
    }
    return f"psql {shlex.quote(' '.join(f'{name}={value}' for name, value in words.items() if value))}"
