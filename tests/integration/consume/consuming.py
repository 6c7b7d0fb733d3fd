"""`consume` as a process, with a topic and a database of the test's own."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from apistatus.model import wire
from tests.fakes.messages import result
from tests.services import command
from tests.services.command import PATIENCE_S, Command, wait_until
from tests.services.kafka_fixtures import Kafka
from tests.services.postgres_fixtures import TestDatabase

Raw = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]
"""Key, value and headers."""


class Consuming:
    """The topic, what is put on it, and the commands that read it."""

    def __init__(self, kafka: Kafka, database: TestDatabase, folder: Path, partitions: int = 2) -> None:
        self.kafka, self.database, self.folder = kafka, database, folder
        self.partitions = partitions
        self.topic = kafka.settings.topic
        self.admin = AdminClient({"bootstrap.servers": kafka.admin_servers})
        self.env: dict[str, str] = {}
        self.make_topic()

    def make_topic(self) -> None:
        """Also after a deletion, which takes the brokers a moment."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.admin.create_topics([NewTopic(self.topic, self.partitions, 1)])[self.topic].result(30)
                return
            except Exception:  # whatever it is: a topic that stays away fails the test in time
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def delete_topic(self) -> None:
        self.admin.delete_topics([self.topic])[self.topic].result(30)
        # The broker may hear of it a little later than the controller, and take messages until then.
        wait_until(lambda: self.topic not in self.admin.list_topics(timeout=30).topics, "the topic gone")

    def delete_records(self, partition: int, before: int) -> None:
        """What retention does."""
        deleted = self.admin.delete_records([TopicPartition(self.topic, partition, before)])
        next(iter(deleted.values())).result(30)

    def send(self, values: Sequence[bytes | None], partition: int = 0, key: bytes = b"home") -> None:
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap_servers})
        for value in values:
            producer.produce(self.topic, value, key, partition, headers=[("from", b"a test \xff")])
        assert producer.flush(PATIENCE_S) == 0

    def environ(self) -> dict[str, str]:
        return {
            **self.kafka.environ(), **self.database.environ(), "LOG_LEVEL": "INFO",
            "APISTATUS_STATE_DIR": str(self.folder / "state"), **self.env,
        }  # fmt: skip

    def start(self, *args: str) -> Command:
        log = self.folder / f"consume-{len(list(self.folder.glob('*.log')))}.log"
        return Command(["consume", "--listen", "127.0.0.1:0", *args], self.environ(), log)

    def run(self, *args: str) -> tuple[int, str, str]:
        """One whole run of another command: exit code and what it said."""
        answer = command.run(*args, env=self.environ())
        assert "Traceback" not in answer.stderr, answer.stderr
        return answer.returncode, answer.stdout, answer.stderr

    def number(self, query: str) -> int:
        value = self.database.query(query)[0][0]
        assert isinstance(value, int), query
        return value

    def rows(self) -> int:
        return self.number("select count(*)::int from apistatus.results")

    def letters(self) -> int:
        return self.number("select count(*)::int from apistatus.dead_letter")

    def wait_for_rows(self, count: int) -> None:
        wait_until(lambda: self.rows() == count, f"{count} rows")

    def read(self, topic: str, count: int) -> list[Raw]:
        """So many messages of a topic, from its beginning."""
        consumer = Consumer(
            {"bootstrap.servers": self.kafka.bootstrap_servers, "group.id": os.urandom(8).hex(),
             "auto.offset.reset": "earliest", "enable.auto.commit": False}
        )  # fmt: skip
        consumer.subscribe([topic])
        found: list[Raw] = []
        until = time.monotonic() + PATIENCE_S
        while len(found) < count and time.monotonic() < until:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                found.append((message.key(), message.value(), message.headers() or []))
        consumer.close()
        assert len(found) == count, f"{len(found)} messages of {topic}"
        return found


def good(*numbers: int, check: str = "home") -> list[bytes | None]:
    """Results of this minute or so, one a second."""
    now_us = int(time.time()) * 1_000_000 - 3_600_000_000
    return [wire.encode(result(0, check, scheduled_at_us=now_us + number * 1_000_000)) for number in numbers]
