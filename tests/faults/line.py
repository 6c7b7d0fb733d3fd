"""One whole line of a run's own: database, topic, target, and the real commands as processes."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import psycopg

from apistatus.demo.postgres_server import PostgresServer
from tests.faults.network import Network
from tests.faults.target import TokenTarget
from tests.faults.watch import Watch
from tests.services import command
from tests.services.command import Command
from tests.services.kafka_cluster import KafkaCluster
from tests.services.kafka_jars import NoKafka
from tests.services.postgres_fixtures import FAST, TestDatabase

SESSION_TIMEOUT_S = 3.0
INTERVAL_S = 1.0
LOCATION = "local"
PATIENCE_S = 60.0
_STARTS = 3


def start_brokers(cluster: KafkaCluster) -> None:
    """Start the brokers that do not run; one that ends while it starts is started again.

    A node whose peers start at the same time sometimes does (NullPointerException in Kafka 4.4's
    DynamicBrokerConfig.readDynamicBrokerConfigsFromSnapshot). Raises NoKafka when it never comes up.
    """
    for tries_left in reversed(range(_STARTS)):
        try:
            cluster.start_all()
        except NoKafka:
            if not tries_left:
                raise
        else:
            return


class Line:
    """Builds what a run needs, when it asks for it, and takes it down again."""

    def __init__(self, cluster: KafkaCluster, folder: Path, seed: int) -> None:
        self.cluster, self.folder, self.seed = cluster, folder, seed
        self.random = random.Random(seed)
        self.stack = ExitStack()
        self.topic = f"faults-{uuid.uuid4().hex[:10]}"
        self.readers = folder / "checks.yml"
        self.checks: list[str] = []
        self.interval_s = INTERVAL_S
        self.target = self.stack.enter_context(TokenTarget())
        self.watch = self.stack.enter_context(Watch())
        self.postgres: PostgresServer | None = None
        self.network: Network | None = None
        self.commands: list[Command] = []
        self.consume_env: dict[str, str] = {}
        self.produce_env: dict[str, str] = {}
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    # --- services ---------------------------------------------------------------------------------

    @property
    def servers(self) -> str:
        return self.cluster.bootstrap_servers

    @property
    def server(self) -> PostgresServer:
        """PostgreSQL of this run; started when first asked for."""
        if self.postgres is None:
            self.postgres = self.stack.enter_context(PostgresServer(settings=FAST))
        return self.postgres

    @property
    def database(self) -> TestDatabase:
        return TestDatabase(self.server, "results", "app_of_run", "reader_of_run")

    def put_network_between(self) -> Network:
        """A proxy between `consume` and PostgreSQL; call it before `consume` starts."""
        self.network = self.stack.enter_context(Network("127.0.0.1", self.server.port))
        self.consume_env["PGPORT"] = str(self.network.port)
        return self.network

    def environ(self) -> dict[str, str]:
        """What every command of this run gets."""
        return {
            **self.database.environ(),
            "KAFKA_BOOTSTRAP_SERVERS": self.servers, "KAFKA_STATUS_TOPIC": self.topic,
            "KAFKA_CONSUMER_GROUP": self.topic, "KAFKA_TOPIC_PARTITIONS": "6",
            "KAFKA_SESSION_TIMEOUT_MS": str(int(SESSION_TIMEOUT_S * 1000)),
            "READER_CONF_FILE": str(self.readers), "APISTATUS_STATE_DIR": str(self.folder / "state"),
            "APISTATUS_LOCATION": LOCATION, "APISTATUS_GRACE_SECONDS": "15", "LOG_LEVEL": "INFO",
        }  # fmt: skip

    def write_checks(self, count: int, flapping: int = 4) -> None:
        """So many checks of the target, a few of them going down and up."""
        self.checks = [f"check-{number}" for number in range(count - flapping)]
        self.checks += [f"flap-{number}" for number in range(flapping)]
        lines = [
            f"  - {{name: {check}, site: '{self.target.url}', endpoint: '/{check}/${{WHO:-x}}',"
            " json_path: $.probe}"
            for check in self.checks
        ]
        # Generous, so that a machine that is busy with the fault makes no failure of the target's.
        timeout_ms = int(self.interval_s * 950)
        defaults = f"defaults: {{interval: {int(self.interval_s * 1000)}ms, timeout: {timeout_ms}ms}}"
        self.readers.write_text("\n".join([defaults, "readers:", *lines, ""]))

    def migrate(self) -> None:
        answer = command.run("migrate", env=self.environ(), timeout_s=PATIENCE_S)
        assert answer.returncode == 0, f"migrate: {answer.stderr}"

    # --- processes --------------------------------------------------------------------------------

    def start(self, name: str, env: Mapping[str, str] | None = None, *args: str) -> Command:
        """Start `produce` or `consume` with a page of its own, and watch it."""
        log = self.folder / f"{len(self.commands):02}-{name}.log"
        own = self.consume_env if name == "consume" else self.produce_env
        environ = {**self.environ(), **own, **(env or {})}
        started = self.stack.enter_context(Command([name, "--listen", "127.0.0.1:0", *args], environ, log))
        self.commands.append(started)
        self.watch.add(started.process.pid, f"{name} ({log.name})")
        return started

    def consume(self, **env: str) -> Command:
        return self.start("consume", env)

    def produce(self, **env: str) -> Command:
        return self.start("produce", env)

    def running(self, name: str) -> list[Command]:
        """Commands of this name that have not ended."""
        return [one for one in self.commands if one.args[0] == name and one.process.poll() is None]

    # --- questions to PostgreSQL, past every proxy ------------------------------------------------

    def query(self, text: str, *parameters: object) -> list[tuple[object, ...]]:
        """Rows of one query as the administrative role; the connection is kept and made again."""
        try:
            return self._open().execute(text.encode(), parameters or None).fetchall()
        except psycopg.OperationalError:
            self._forget()
            return self._open().execute(text.encode(), parameters or None).fetchall()

    def execute(self, text: str) -> None:
        """One statement without rows, as the administrative role."""
        self._open().execute(text.encode())

    def number(self, text: str, *parameters: object) -> int:
        value = self.query(text, *parameters)[0][0]
        assert isinstance(value, int), (text, value)
        return value

    def answers(self) -> bool:
        """Whether PostgreSQL answers just now."""
        try:
            return bool(self.query("select 1"))
        except psycopg.Error:
            self._forget()
            return False

    def _open(self) -> psycopg.Connection[tuple[object, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = self.database.connect("admin")
        return self._connection

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def forget_connection(self) -> None:
        """Close our own connection, so that a server can be stopped without it."""
        self._forget()

    # --- time -------------------------------------------------------------------------------------

    def pause(self, least_s: float, most_s: float | None = None) -> None:
        """Let the line run for a while; of a random length when `most_s` is given."""
        time.sleep(least_s if most_s is None else self.random.uniform(least_s, most_s))

    def close(self) -> None:
        """End every process and service of the run."""
        self._forget()
        self.stack.close()
