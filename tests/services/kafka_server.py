"""One Apache Kafka node (KRaft, broker and controller in one) on loopback."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.services.kafka_jars import HERE, NoKafka
from tests.services.proxied import reserved

CLUSTER_ID = "YXBpc3RhdHVzLXRlc3RzLQ"
_START_TIMEOUT_S = 90.0
_STOP_TIMEOUT_S = 30.0
_PR_SET_PDEATHSIG = 1
_LOGGING = [f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}"]


class Ports:
    """Loopback ports that a node may listen on whenever it runs, and that nobody else gets meanwhile."""

    def __init__(self, count: int) -> None:
        self._sockets = [reserved(0) for _ in range(count)]
        self.numbers: list[int] = [one.getsockname()[1] for one in self._sockets]

    def __del__(self) -> None:
        for one in self._sockets:
            one.close()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Node:
    """What tells one node from the others: its id, its folder, and its address per listener."""

    number: int
    folder: Path
    ports: Mapping[str, int]
    """By listener: CONTROLLER, PLAIN and whatever `protocols` names."""
    held: Ports
    """Where these come from."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the nodes of a cluster share."""

    voters: str
    """`controller.quorum.voters`."""
    brokers: int = 1
    protocols: Mapping[str, str] = field(default_factory=dict)
    """Listeners beside PLAIN and CONTROLLER, and the security protocol of each."""
    properties: Mapping[str, str] = field(default_factory=dict)


class KafkaServer:
    """Runs the node from `start` to `stop`; may be killed and started again on the same folder."""

    def __init__(self, command: Sequence[str], node: Node, shape: Shape) -> None:
        self._command, self.node, self._shape = list(command), node, shape
        self._process: subprocess.Popen[bytes] | None = None
        self.log_file = node.folder / "kafka.log"

    @property
    def bootstrap_servers(self) -> str:
        """The listener without TLS and password."""
        return self.address("PLAIN")

    def address(self, listener: str) -> str:
        return f"127.0.0.1:{self.node.ports[listener]}"

    def start(self) -> None:
        """Start the process; `wait` says when it serves. Raises NoKafka."""
        self.kill()  # One that ended by itself has left its pipe open.
        data, file = self.node.folder / "data", self.node.folder / "server.properties"
        lines = {**_properties(self.node, self._shape), **self._shape.properties, "log.dirs": str(data)}
        file.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        if not data.is_dir():
            self._format(file)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, *_LOGGING, "kafka.Kafka", str(file)], stdin=subprocess.PIPE, stdout=log,
                stderr=log, cwd=self.node.folder, preexec_fn=_die_with_parent, start_new_session=True,
            )  # fmt: skip

    def _format(self, file: Path) -> None:
        """Prepare the folder; without it the cluster has none of the features that came after Kafka 3."""
        command = [
            *self._command,
            *_LOGGING,
            "kafka.tools.StorageTool",
            "format",
            "-t",
            CLUSTER_ID,
            "-c",
            str(file),
        ]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=self.node.folder, preexec_fn=_die_with_parent,
        ) as formatting:  # fmt: skip
            said = formatting.stdout.read() if formatting.stdout else b""
        if formatting.returncode:
            raise NoKafka(f"its folder could not be prepared: {said[-500:].decode(errors='replace')}")

    def wait(self) -> None:
        """Until the node answers. Raises NoKafka with the end of its log."""
        until = time.monotonic() + _START_TIMEOUT_S
        client = AdminClient({"bootstrap.servers": self.bootstrap_servers, "logger": _Silent(),
                              "reconnect.backoff.max.ms": 100})  # fmt: skip
        while time.monotonic() < until:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                if len(client.list_topics(timeout=1).brokers) >= self._shape.brokers:
                    return
            except KafkaException:
                client.poll(0)
        self.kill()
        raise NoKafka(f"Kafka did not start:\n{self.log_file.read_text(errors='replace')[-3000:]}")

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the node does not run")
        return self._process.pid

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not end."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._bury(self._process)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._bury(self._process)

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        process.communicate()
        self._process = None


class _Silent:
    def log(self, *_: object) -> None:
        """A node that is not up yet is no news."""


def _properties(node: Node, shape: Shape) -> dict[str, str]:
    protocols = {"PLAIN": "PLAINTEXT", **shape.protocols}
    listeners = {name: f"{name}://127.0.0.1:{node.ports[name]}" for name in (*protocols, "CONTROLLER")}
    copies = str(min(3, shape.brokers))
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.number),
        "controller.quorum.voters": shape.voters,
        "controller.listener.names": "CONTROLLER",
        "listeners": ",".join(listeners.values()),
        "advertised.listeners": ",".join(listeners[name] for name in protocols),
        "listener.security.protocol.map": ",".join(
            f"{name}:{protocol}" for name, protocol in {**protocols, "CONTROLLER": "PLAINTEXT"}.items()
        ),
        "inter.broker.listener.name": "PLAIN",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.num.partitions": "2",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "2",
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": "1",
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "300",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "group.consumer.min.session.timeout.ms": "1000",
        "group.consumer.session.timeout.ms": "6000",
        "group.consumer.min.heartbeat.interval.ms": "200",
        "group.consumer.heartbeat.interval.ms": "500",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "1",
        "background.threads": "2",
        "log.cleaner.dedupe.buffer.size": "2000000",
    }


def single_node(folder: Path, protocols: Mapping[str, str]) -> tuple[Node, Shape]:
    """A node with the listeners of `protocols` beside PLAIN, alone in its cluster."""
    names = ("CONTROLLER", "PLAIN", *protocols)
    held = Ports(len(names))
    ports = dict(zip(names, held.numbers, strict=True))
    return Node(1, folder, ports, held), Shape(
        voters=f"1@127.0.0.1:{ports['CONTROLLER']}", protocols=protocols
    )


def record_classes(command: Sequence[str]) -> None:
    """Start a node, use it and end it, so that Java writes down which classes it loaded."""
    with tempfile.TemporaryDirectory(prefix="apistatus-kafka-") as folder:
        server = KafkaServer(command, *single_node(Path(folder), {}))
        server.start()
        try:
            server.wait()
        finally:
            server.stop()
