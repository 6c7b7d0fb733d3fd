"""Three nodes of Apache Kafka, each of which may be killed and started again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.services.kafka_server import KafkaServer, Node, Ports, Shape

NODES = 3


class KafkaCluster:
    """`nodes[i]` is a KafkaServer: `kill()`, `stop()`, `start()`, `pid`."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        held = Ports(2 * NODES)
        ports = held.numbers
        voters = ",".join(f"{number + 1}@127.0.0.1:{ports[2 * number]}" for number in range(NODES))
        shape = Shape(voters, NODES, properties={"default.replication.factor": str(NODES)})
        self.nodes: list[KafkaServer] = []
        for number in range(NODES):
            own = folder / f"node-{number + 1}"
            own.mkdir(parents=True)
            controller, plain = ports[2 * number : 2 * number + 2]
            node = Node(number + 1, own, {"CONTROLLER": controller, "PLAIN": plain}, held)
            self.nodes.append(KafkaServer(command, node, shape))

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(node.bootstrap_servers for node in self.nodes)

    def start_all(self) -> None:
        """Start what does not run, and wait until all nodes know each other. Raises NoKafka."""
        for node in self.nodes:
            if not node.runs:
                node.start()
        for node in self.nodes:
            node.wait()

    def stop(self) -> None:
        """End all of them; they are thrown away, so there is nothing to wait for."""
        for node in self.nodes:
            node.kill()
