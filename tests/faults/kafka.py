"""Cases 12 and 17: brokers die in turn, and the producer's client ends for good."""

from __future__ import annotations

import signal
from pathlib import Path

from confluent_kafka import KafkaException, TopicCollection

from tests.faults import topic
from tests.faults.case import LINUX, MANY, case
from tests.faults.line import start_brokers
from tests.faults.run import Run
from tests.services.command import wait_until
from tests.services.kafka_server import KafkaServer

_ISR_S = 40.0
_STALL_S = 20.0
"""acks=all waits until a dead replica has left the set of those in sync: 3 s of silence, here."""
_FATAL_S = 5.0
_NOISE_S = 3.0


@case(
    12,
    "partition leaders killed in a loop",
    "acknowledged is kept by three brokers of which one may die",
    runs=MANY,
)
def leaders_killed(run: Run) -> None:
    run.begin()
    for _ in range(3):
        run.pause(0.0, 2.0)
        victim = _leader(run)
        victim.kill()
        run.recovered(_STALL_S)
        run.pause(0.0, 3.0)
        start_brokers(run.cluster)
        wait_until(lambda: _fully_replicated(run), "every replica in sync", _ISR_S)
    run.pause(1.0)


def _leader(run: Run) -> KafkaServer:
    """The broker that leads most partitions of the topic just now; every one of them is up."""
    leaders = [partition.leader.id for partition in _partitions(run)]
    number = max(set(leaders), key=leaders.count)
    return next(node for node in run.cluster.nodes if node.node.number == number)


def _fully_replicated(run: Run) -> bool:
    try:
        return all(len(partition.isr) == len(partition.replicas) for partition in _partitions(run))
    except KafkaException:
        # The broker that was asked is the one that comes back just now.
        return False


def _partitions(run: Run) -> list:
    client = topic.admin(run.servers)
    answer = client.describe_topics(TopicCollection([run.topic]), request_timeout=20)
    return list(answer[run.topic].result(20).partitions)


@case(
    17,
    "fatal error of the producer's client",
    "a new client within 5 s sends again what had no report",
    needs=(LINUX,),
)
def fatal_error(run: Run) -> None:
    run.produce_env["PYTHONPATH"] = str(Path(__file__).parent / "injected")
    run.begin()
    producer = run.running("produce")[0]
    for number in range(1, 4):
        run.pause(0.5, 2.0)
        producer.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: producer.said.count("client.replaced") >= number, "a new client")  # noqa: B023 - it ends before the next
        run.recovered(_FATAL_S + _NOISE_S)
    run.pause(1.0)
