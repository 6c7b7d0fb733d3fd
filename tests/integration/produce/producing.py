"""A real `produce` on a broker of its own, and the topic read back and folded as a consumer does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from apistatus.model import wire
from apistatus.model.definition import CheckDefined, CheckRemoved, Gap
from apistatus.model.result import VERDICTS, Result
from tests.e2e.counting_target import CountingTarget
from tests.services.command import PATIENCE_S, Command, wait_until

CHECKS = tuple(f"check-{number}" for number in range(10))
INTERVAL_MS = 500
INTERVAL_US = INTERVAL_MS * 1000


@dataclass
class Topic:
    """All messages of a topic, results folded by (check, tick): a verdict in place of what is none."""

    results: dict[tuple[str, int], Result] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    defined: list[CheckDefined] = field(default_factory=list)
    removed: list[CheckRemoved] = field(default_factory=list)
    messages: int = 0

    def add(self, value: bytes) -> None:
        self.messages += 1
        message = wire.decode(value)
        if isinstance(message, Gap):
            self.gaps.append(message)
        elif isinstance(message, CheckDefined):
            self.defined.append(message)
        elif isinstance(message, CheckRemoved):
            self.removed.append(message)
        else:
            key = message.check, message.scheduled_at_us
            former = self.results.get(key)
            if former is None or (former.status not in VERDICTS and message.status in VERDICTS):
                self.results[key] = message

    @property
    def verdicts(self) -> list[Result]:
        return [result for result in self.results.values() if result.status in VERDICTS]

    @property
    def missed(self) -> list[Result]:
        return [result for result in self.results.values() if result.status == "missed"]

    def ticks(self) -> dict[str, list[int]]:
        """Per check the instants of its results, in order."""
        found = defaultdict(list)
        for check, tick_us in sorted(self.results):
            found[check].append(tick_us)
        return dict(found)

    def assert_no_tick_is_missing(self, interval_us: int = INTERVAL_US) -> None:
        """Between the first and the last result of each check, every tick has one."""
        for check, ticks in self.ticks().items():
            holes = [(before, after) for before, after in pairwise(ticks) if after - before != interval_us]
            assert not holes, f"{check}: {holes}"


@dataclass
class Producing:
    """One broker, one target, one state directory."""

    servers: str
    target: CountingTarget
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    topic: str = "statuses"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def write_checks(self, *ids: str, interval_ms: int = INTERVAL_MS) -> None:
        lines = [f"  - {{name: {check}, site: '{self.target.url}', endpoint: /{check}}}" for check in ids]
        head = f"defaults: {{interval: {interval_ms}ms, timeout: {interval_ms - 100}ms}}"
        (self.folder / "checks.yml").write_text("\n".join([head, "readers:", *lines, ""]))

    def start(self, **environ: str) -> Command:
        """Start `produce`; it says what it does into a file of its own."""
        env = {
            "KAFKA_BOOTSTRAP_SERVERS": self.servers, "KAFKA_STATUS_TOPIC": self.topic,
            "READER_CONF_FILE": str(self.folder / "checks.yml"), "APISTATUS_STATE_DIR": str(self.state),
            "LOG_LEVEL": "INFO", **self.environ, **environ,
        }  # fmt: skip
        log = self.folder / f"produce-{len(list(self.folder.glob('*.log')))}.log"
        return Command(["produce", "--listen", "127.0.0.1:0"], env, log)

    def end(self, produce: Command) -> int:
        """Stop it, and let further runs send what a broker that stood still has left in the spool; how many results
        they all made."""
        assert produce.stop() == 0, produce.said
        made = _said_by_all(produce, "made")
        if _said_by_all(produce, "spooled"):
            with self.start(APISTATUS_SPOOL="always") as again:
                again.wait_until_ready()
                until_sent(again)
                made += self.end(again)
        return made

    def wait_for_rounds(self, rounds: int, check: str) -> None:
        """Until so many more probes of a check were made."""
        until = self.target.counts[check] + rounds
        wait_until(lambda: self.target.counts[check] >= until, f"{rounds} more probes of {check}")

    def read(self) -> Topic:
        """The whole topic as it is now."""
        topic = Topic()
        for value in _values(self.servers, self.topic):
            topic.add(value)
        return topic


def until_sent(produce: Command) -> None:
    """Wait until the spool holds nothing but what was made a moment ago."""
    wait_until(
        lambda: (
            produce.probe("/ready")[0] == 200
            and produce.metric("apistatus_messages_queued") < len(CHECKS)
            and produce.metric("apistatus_spool_oldest_age_seconds") < 2
        ),
        f"a drained spool\n{produce.said}",
    )


def said(produce: Command, event: str, name: str) -> int:
    """A number in the last line that says `event`."""
    line = next(line for line in reversed(produce.said.splitlines()) if event in line)
    return int(next(word.split("=")[1] for word in line.split() if word.startswith(f"{name}=")))


def _said_by_all(produce: Command, name: str) -> int:
    """The sum of a number of `produce.stopped`, of which each process says one."""
    lines = [line for line in produce.said.splitlines() if "produce.stopped" in line]
    words = [word for line in lines for word in line.split() if word.startswith(f"{name}=")]
    assert len(words) == len(lines) > 0
    return sum(int(word.split("=")[1]) for word in words)


def _values(servers: str, topic: str) -> Iterator[bytes]:
    consumer = Consumer(
        {"bootstrap.servers": servers, "group.id": "reading", "enable.auto.commit": False,
         "enable.partition.eof": False}
    )  # fmt: skip
    try:
        partitions = consumer.list_topics(topic, timeout=PATIENCE_S).topics[topic].partitions
        left = {}
        for number in partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=PATIENCE_S)
            if high > low:
                left[number] = high
        consumer.assign([TopicPartition(topic, number, 0) for number in left])
        while left:
            message = consumer.poll(PATIENCE_S)
            assert message is not None, f"nothing more came of {left}"
            assert message.error() is None, message.error()
            number, offset, value = message.partition(), message.offset(), message.value()
            assert number is not None
            assert offset is not None
            if value is not None:
                yield value
            if offset + 1 >= left[number]:
                del left[number]
                consumer.incremental_unassign([TopicPartition(topic, number)])
    finally:
        consumer.close()
