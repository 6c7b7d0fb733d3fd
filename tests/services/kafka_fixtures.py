"""Kafka for tests: `kafka` (plain), `kafka_tls`, `kafka_sasl`, `secure_kafka`, `kafka_node`, `kafka_cluster`.

In this order: APISTATUS_TEST_KAFKA (`host:port` of a broker without TLS and password), Java and
Maven, Docker, and librdkafka's in-memory broker, for which tests marked `real_kafka` are missing.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from apistatus.demo.kafka_broker import InMemoryBroker
from apistatus.settings.schema import KafkaSettings, Secret
from tests.services import kafka_docker, kafka_jars
from tests.services.kafka_cluster import KafkaCluster
from tests.services.kafka_jars import NoKafka
from tests.services.kafka_listeners import PASSWORD, USER, SecureServer, delete_topics
from tests.services.kafka_server import KafkaServer, single_node
from tests.services.missing import lacks

BRINGS_KAFKA = "apt-get install -y openjdk-17-jre-headless maven (or name a broker in APISTATUS_TEST_KAFKA)"


@dataclass(slots=True)
class Kafka:
    """A broker as one test sees it: settings with a topic and a group of its own."""

    settings: KafkaSettings
    """Topic and group are not used by any other test; the topic does not exist yet."""
    admin_servers: str
    """Where topics are made and deleted without a password."""
    real: bool = True
    made: list[str] = field(default_factory=list)

    @property
    def bootstrap_servers(self) -> str:
        return self.settings.bootstrap_servers

    def topic(self, partitions: int = 4, **config: str) -> KafkaSettings:
        """Make the topic, with these settings of the broker's; the settings that name it.

        The in-memory broker gives every topic 4 partitions and knows no settings.
        """
        name = f"{self.settings.topic}-{len(self.made)}"
        self.made.append(name)
        admin = AdminClient({"bootstrap.servers": self.admin_servers})
        if self.real:
            admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(timeout=30)
        else:
            admin.list_topics(name, timeout=10)
        return self.with_settings(topic=name)

    def with_settings(self, **changes: Any) -> KafkaSettings:
        """The settings with some of them changed."""
        return replace(self.settings, **changes)

    def environ(self) -> dict[str, str]:
        """The environment of a process that is to use this broker, topic and group."""
        settings = self.settings
        names = {
            "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "KAFKA_STATUS_TOPIC": settings.topic,
            "KAFKA_CONSUMER_GROUP": settings.consumer_group,
            "KAFKA_SSL_CA_FILE": settings.ssl_ca_file,
            "KAFKA_SSL_CERT_FILE": settings.ssl_cert_file,
            "KAFKA_SSL_KEY_FILE": settings.ssl_key_file,
            "KAFKA_SASL_MECHANISM": settings.sasl_mechanism,
            "KAFKA_SASL_USERNAME": settings.sasl_username,
            "KAFKA_SASL_PASSWORD": settings.sasl_password and str.__str__(settings.sasl_password),
        }
        return {name: str(value) for name, value in names.items() if value}


class _Lazy:
    """Starts each service of the session when the first test asks for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._secure: SecureServer | None = None
        self._cluster: KafkaCluster | None = None
        self._in_memory: InMemoryBroker | None = None
        self._why_not: str | None = None

    def secure(self) -> SecureServer:
        """Raises NoKafka, the same each time."""
        if self._secure is None:
            secure = SecureServer(self._command(), self._folder / "secure")
            secure.start()
            self._secure = secure
        return self._secure

    def cluster(self) -> KafkaCluster:
        """Three nodes. Raises NoKafka."""
        if self._cluster is None:
            self._cluster = KafkaCluster(self._command(), self._folder / "cluster")
        self._cluster.start_all()
        return self._cluster

    def lone(self, folder: Path) -> KafkaServer:
        """A node of its own, not started. Raises NoKafka."""
        return KafkaServer(self._command(), *single_node(folder, {}))

    def in_memory(self) -> InMemoryBroker:
        if self._in_memory is None:
            self._in_memory = InMemoryBroker("statuses")
            self._in_memory.start()
        return self._in_memory

    def stop(self) -> None:
        for service in (self._secure, self._cluster, self._in_memory):
            if service is not None:
                service.stop()

    def _command(self) -> list[str]:
        if self._why_not is None:
            try:
                return kafka_jars.java_command()
            except NoKafka as error:
                if kafka_docker.is_here():
                    return kafka_docker.command(self._folder)
                self._why_not = str(error)
        raise NoKafka(self._why_not)


@pytest.fixture(scope="session")
def _services() -> Iterator[_Lazy]:
    with tempfile.TemporaryDirectory(prefix="apistatus-kafka-", ignore_cleanup_errors=True) as folder:
        services = _Lazy(Path(folder))
        try:
            yield services
        finally:
            services.stop()


@pytest.fixture
def secure_kafka(_services: _Lazy, request: pytest.FixtureRequest) -> SecureServer:
    """Apache Kafka with every kind of listener."""
    try:
        return _services.secure()
    except NoKafka as error:
        lacks(request, "Apache Kafka", why=str(error), command=BRINGS_KAFKA)


@pytest.fixture
def kafka_cluster(_services: _Lazy, request: pytest.FixtureRequest) -> KafkaCluster:
    """Three nodes of Apache Kafka, all of them running."""
    try:
        return _services.cluster()
    except NoKafka as error:
        lacks(request, "Apache Kafka", why=str(error), command=BRINGS_KAFKA)


@pytest.fixture
def kafka_node(
    _services: _Lazy, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaServer]:
    """A running node that the test has for itself: to `stop`, `kill` and `start` again."""
    try:
        node = _services.lone(tmp_path_factory.mktemp("kafka-node"))
        node.start()
        node.wait()
    except NoKafka as error:
        lacks(request, "Apache Kafka", why=str(error), command=BRINGS_KAFKA)
    yield node
    node.kill()


@pytest.fixture
def kafka(_services: _Lazy, request: pytest.FixtureRequest) -> Iterator[Kafka]:
    """A broker without TLS and password."""
    given = os.environ.get("APISTATUS_TEST_KAFKA")
    if given:
        yield from _lent(given, given, KafkaSettings())
        return
    try:
        server = _services.secure().server
    except NoKafka as error:
        if request.node.get_closest_marker("real_kafka"):
            lacks(request, "Apache Kafka", why=str(error), command=BRINGS_KAFKA)
        servers = _services.in_memory().bootstrap_servers
        yield Kafka(_own(servers, KafkaSettings()), servers, real=False)
    else:
        yield from _lent(server.bootstrap_servers, server.bootstrap_servers, KafkaSettings())


@pytest.fixture
def kafka_tls(secure_kafka: SecureServer) -> Iterator[Kafka]:
    """The listener that demands a client certificate, and settings that have one."""
    settings = KafkaSettings(
        ssl_ca_file=secure_kafka.authority.ca, ssl_cert_file=secure_kafka.client.cert,
        ssl_key_file=secure_kafka.client.key, security_protocol="SSL",
    )  # fmt: skip
    yield from _lent(secure_kafka.server.address("TLS"), secure_kafka.server.bootstrap_servers, settings)


@pytest.fixture
def kafka_sasl(secure_kafka: SecureServer) -> Iterator[Kafka]:
    """The listener with TLS and SCRAM-SHA-512, and a user who may do everything."""
    settings = KafkaSettings(
        ssl_ca_file=secure_kafka.authority.ca, security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512",
        sasl_username=USER, sasl_password=Secret(PASSWORD),
    )  # fmt: skip
    yield from _lent(secure_kafka.server.address("SASL"), secure_kafka.server.bootstrap_servers, settings)


def _lent(servers: str, admin_servers: str, settings: KafkaSettings) -> Iterator[Kafka]:
    kafka = Kafka(_own(servers, settings), admin_servers)
    yield kafka
    delete_topics(admin_servers, [kafka.settings.topic, *kafka.made])


def _own(servers: str, settings: KafkaSettings) -> KafkaSettings:
    name = f"t{uuid.uuid4().hex[:10]}"
    return replace(
        settings, bootstrap_servers=servers, topic=name, consumer_group=name, session_timeout_ms=6000
    )
