"""The topic as a group member reads it: callbacks note and pause, the loop starts."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NoReturn, cast

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from apistatus.errors import ApistatusError, ConfigurationError, Problem, RecreatedTopic
from apistatus.kafka.client_config import consumer_config, open_client
from apistatus.kafka.diagnosis import Diagnosis
from apistatus.kafka.topics import identify
from apistatus.ports import Message, TopicIdentity
from apistatus.runtime.logs import Events, OncePerMinute
from apistatus.runtime.metrics import Metrics
from apistatus.settings.schema import KafkaSettings

log = Events("kafka")

_JOIN_S: Final = 60.0
"""Who is assigned nothing in so long has no broker, or one that does not know the group protocol."""
_WATERMARK_TIMEOUT_S: Final = 10.0
_PLACEHOLDER: Final = OFFSET_END
"""Where a paused partition stands until it is started. An offset that exists on every topic: at one that
retention has deleted, librdkafka stops the partition before the pause, and no seek brings it back."""


class KafkaSubscriber:
    """`ports.ResultSource` on a librdkafka consumer.

    `on_assign` cannot fail and asks nobody: it assigns at a placeholder offset and pauses. Kafka's
    committed offsets are never read.
    """

    def __init__(self, settings: KafkaSettings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._diagnosis = Diagnosis(settings)
        self._once = OncePerMinute()
        config = consumer_config(settings, self._diagnosis)
        self._incremental = (
            settings.group_protocol == "consumer"
            or config.get("partition.assignment.strategy") == "cooperative-sticky"
        )
        self._assigned: set[int] = set()
        self._started: dict[int, int] = {}
        """Started partitions, and the offset each was last started at."""
        self._released: set[int] = set()
        self._rebalanced = False
        self._joined_mono_s: float | None = None
        self._waiting_since_mono_s = time.monotonic()
        self._closed = False
        self._consumer: Consumer = open_client(Consumer, config, settings)
        self._consumer.subscribe(
            [settings.topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def identity(self) -> TopicIdentity:
        """Cluster, topic and topic id. Raises KafkaUnavailable, AccessRefused."""
        return identify(self._settings)

    def poll(self, max_messages: int, timeout_s: float) -> Sequence[Message]:
        """Messages of started partitions, in order within each; empty when none came in time.

        Raises RecreatedTopic, ConfigurationError (the group protocol), and ApistatusError when messages
        were deleted before they were read, or the client has come to an end.
        """
        self._rebalanced = False
        try:
            polled = self._consumer.consume(max(1, max_messages), timeout_s)
        except KafkaException as error:
            self._on_error(error.args[0])
            return ()
        self._watch_membership()
        if all(message.error() is None for message in polled):
            return self._of_started(polled) if self._rebalanced else cast("list[Message]", polled)
        good = []
        for message in polled:
            if (fault := message.error()) is None:
                good.append(message)
            else:
                self._on_message_error(message, fault)
        return self._of_started(good)

    def unstarted(self) -> frozenset[int]:
        """Partitions assigned to us that wait, paused, for `start`."""
        return frozenset(self._assigned - self._started.keys() - self._released)

    def assigned(self) -> frozenset[int]:
        """Partitions assigned to us, started or not."""
        return frozenset(self._assigned)

    def start(self, positions: Mapping[int, int | None]) -> None:
        """Read these partitions from these offsets; None is the beginning."""
        for partition, position in positions.items():
            if partition not in self._assigned:
                continue
            at = self._at(partition, OFFSET_BEGINNING if position is None else position)
            try:
                self._go_to(at)
            except KafkaException as error:
                # It stays unstarted, so that the loop claims and starts it again.
                self._say("start.failed", error.args[0])
                self._started.pop(partition, None)
                continue
            self._started[partition] = position or 0
            self._released.discard(partition)

    def release(self, partitions: Collection[int]) -> None:
        """Pause partitions that another member owns by now; they wait for a new assignment."""
        ours = self._assigned.intersection(partitions)
        self._pause(ours)
        self._released |= ours
        for partition in ours:
            self._started.pop(partition, None)

    def hold(self) -> None:
        """Pause everything that was started but stay a member; `poll` returns nothing until `start`."""
        self._pause(self._started)

    def commit(self, positions: Mapping[int, int]) -> None:
        """Tell lag tools how far we are; best effort, never read by us."""
        offsets = [self._at(p, offset) for p, offset in positions.items() if p in self._assigned]
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as error:
                log.debug("commit.failed", cause=error.args[0].str())

    def lag(self) -> int | None:
        """Messages of started partitions that we have not polled; None when unknown. Asks no broker."""
        if not self._started:
            return None
        unread = 0
        for at in self._consumer.position([self._at(partition) for partition in self._started]):
            _low, high = self._consumer.get_watermark_offsets(self._at(at.partition), cached=True)
            if high < 0:
                return None
            position = at.offset if at.offset >= 0 else self._started[at.partition]
            unread += max(0, high - position)
        return unread

    def close(self) -> None:
        """Leave the group."""
        if not self._closed:
            self._closed = True
            self._consumer.close()

    def _at(self, partition: int, offset: int = 0) -> TopicPartition:
        return TopicPartition(self._settings.topic, partition, offset)

    def _go_to(self, at: TopicPartition) -> None:
        try:
            self._consumer.seek(at)
        except KafkaException as error:
            if not self._incremental or error.args[0].code() != KafkaError._STATE:  # noqa: SLF001
                raise
            # Stopped by an offset out of range: only a new assignment starts it again.
            self._consumer.incremental_unassign([at])
            self._consumer.incremental_assign([at])
        self._consumer.resume([at])

    def _pause(self, partitions: Iterable[int]) -> None:
        paused = [self._at(partition) for partition in partitions]
        if paused:
            self._consumer.pause(paused)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        placeholders = [self._at(partition.partition, _PLACEHOLDER) for partition in partitions]
        if self._incremental:
            consumer.incremental_assign(placeholders)
        else:
            consumer.assign(placeholders)
        if placeholders:
            consumer.pause(placeholders)
        new = {partition.partition for partition in partitions}
        self._assigned |= new
        self._released -= new
        for partition in new:
            self._started.pop(partition, None)
        self._rebalanced = True
        self._joined_mono_s = time.monotonic()
        self._diagnosis.clear()
        log.info("partitions.assigned", partitions=sorted(new))

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._give_back(consumer, partitions)
        log.info("partitions.revoked", partitions=sorted(p.partition for p in partitions))

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._give_back(consumer, partitions)
        self._waiting_since_mono_s, self._joined_mono_s = time.monotonic(), None
        log.warning("partitions.lost", partitions=sorted(p.partition for p in partitions))

    def _give_back(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._incremental:
            consumer.incremental_unassign(partitions)
        else:
            consumer.unassign()
        for partition in partitions:
            self._assigned.discard(partition.partition)
            self._released.discard(partition.partition)
            self._started.pop(partition.partition, None)
        self._rebalanced = True

    def _of_started(self, messages: list[KafkaMessage]) -> list[Message]:
        """Without what was fetched before the group took its partition away."""
        kept = [message for message in messages if message.partition() in self._started]
        return cast("list[Message]", kept)

    def _watch_membership(self) -> None:
        if self._joined_mono_s is None and time.monotonic() - self._waiting_since_mono_s > _JOIN_S:
            held_back = self._once.admits("no assignment")
            if held_back is not None:
                log.error(
                    "group.no_assignment",
                    group=self._settings.consumer_group,
                    protocol=self._settings.group_protocol,
                    seconds=round(time.monotonic() - self._waiting_since_mono_s),
                    cause=self._diagnosis.reason()
                    or "does the cluster know this KAFKA_GROUP_PROTOCOL ('consumer' needs Kafka 4.0)?",
                )

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            if error.code() in (KafkaError.UNSUPPORTED_VERSION, KafkaError._UNSUPPORTED_FEATURE):  # noqa: SLF001
                protocol = self._settings.group_protocol
                said = f"the cluster does not know '{protocol}' (it needs Kafka 4.0); set it to 'classic'"
                raise ConfigurationError([Problem("KAFKA_GROUP_PROTOCOL", said)])
            raise ApistatusError(f"the Kafka client cannot go on, start it again: {error.str()}")
        self._say("poll.failed", error)

    def _on_message_error(self, message: KafkaMessage, error: KafkaError) -> None:
        if error.code() != KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001  (its public name)
            self._on_error(error)
            return
        partition = message.partition()
        # Before `start` the offset is a placeholder, and whether it exists is of no interest.
        if partition is not None and partition in self._started:
            self._out_of_range(partition)

    def _out_of_range(self, partition: int) -> NoReturn:
        topic, position = self._settings.topic, self._started[partition]
        found = self._consumer.position([self._at(partition)])[0].offset
        position = max(position, found)
        low, high = self._consumer.get_watermark_offsets(self._at(partition), timeout=_WATERMARK_TIMEOUT_S)
        if position > high:
            raise RecreatedTopic(
                f"partition {partition} of topic '{topic}' ends at offset {high}, but PostgreSQL has stored "
                f"it up to {position}: the topic was made again or truncated"
            )
        raise ApistatusError(
            f"partition {partition} of topic '{topic}' begins at offset {low}, but is stored only up to "
            f"{position}: Kafka deleted {low - position} messages (retention) before they were stored. "
            f"To go on without them set next_offset to {low} in apistatus.kafka_offsets for that "
            "partition, and raise the topic's retention.ms"
        )

    def _say(self, event: str, error: KafkaError) -> None:
        held_back = self._once.admits(f"{event} {error.name()}")
        if held_back is not None:
            log.error(event, cause=error.str(), held_back=held_back)
