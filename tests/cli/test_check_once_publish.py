"""`check-once --publish` against a broker in memory: what was told is on the topic too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from apistatus.demo.kafka_broker import PARTITIONS, InMemoryBroker
from apistatus.model import wire
from apistatus.model.result import Result
from tests.services import command


@pytest.fixture
def broker() -> Iterator[InMemoryBroker]:
    with InMemoryBroker("statuses") as running:
        yield running


def on_the_topic(broker: InMemoryBroker, number: int) -> list[Result]:
    """So many results, read from the start."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "test"})
    try:
        consumer.assign([TopicPartition("statuses", partition, 0) for partition in range(PARTITIONS)])
        found: list[Result] = []

        def all_there() -> bool:
            for message in consumer.consume(100, timeout=0.2):
                assert message.error() is None
                result = wire.decode(message.value())
                assert isinstance(result, Result)
                assert message.key() == result.check.encode()
                found.append(result)
            return len(found) >= number

        command.wait_until(all_there, f"{number} results on the topic")
        return found
    finally:
        consumer.close()


def test_the_results_of_every_round_are_on_the_topic(broker: InMemoryBroker, env: dict[str, str]) -> None:
    answer = command.run(
        "check-once", "Good", "Bad", "--publish", "--repeat", "2", "--output", "jsonl",
        env={**env, "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers},
    )  # fmt: skip
    assert (answer.returncode, answer.stderr) == (1, "")
    results = on_the_topic(broker, 4)
    assert sorted(result.check for result in results) == ["bad", "bad", "good", "good"]
    assert {result.origin for result in results} == {"once"}
    told = {wire.encode(wire.decode(line.encode())) for line in answer.stdout.splitlines()}
    assert told == {wire.encode(result) for result in results}


def test_without_kafka_standard_error_holds_our_sentence_and_nothing_else(env: dict[str, str]) -> None:
    answer = command.run(
        "check-once", "Good", "--publish", "--connect-timeout", "2",
        env={**env, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
    )  # fmt: skip
    assert answer.returncode == 75
    assert answer.stderr == (
        "apistatus: Kafka does not serve us: broker 127.0.0.1:1: nothing listens there (connection refused); "
        "check KAFKA_BOOTSTRAP_SERVERS, or start the broker\n"
    )


def test_a_reader_that_goes_away_does_not_keep_results_from_the_topic(
    broker: InMemoryBroker, env: dict[str, str], tmp_path: Path
) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    running = subprocess.Popen(
        [sys.executable, "-m", "apistatus", "check-once", "--publish", "--output", "jsonl"],
        env=command.environment({**env, "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers}),
        stdout=writes, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(writes)
    _, said = running.communicate(timeout=command.PATIENCE_S)
    assert (running.returncode, said) == (141, b"")
    assert {result.check for result in on_the_topic(broker, 4)} == {"good", "bad", "gone", "late"}
