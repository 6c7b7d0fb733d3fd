"""The topic as a group member reads it: callbacks note and pause, the loop starts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from apistatus.errors import ApistatusError, ConfigurationError, OffsetOutOfRange, Problem
from apistatus.kafka.client_config import consumer_config, open_client
from apistatus.kafka.diagnosis import Diagnosis
from apistatus.kafka.membership import Membership
from apistatus.kafka.stalled import Stalled
from apistatus.kafka.topic_watch import PERIOD_S, TopicWatch
from apistatus.kafka.topics import identify
from apistatus.kafka.watermarks import Watermarks
from apistatus.ports import Message, TopicIdentity
from apistatus.runtime.logs import Events, OncePerMinute
from apistatus.runtime.metrics import Metrics
from apistatus.settings.schema import KafkaSettings

log = Events("kafka")

_PLACEHOLDER: Final = 0
"""Where a paused partition stands until it is started. A plain offset, because a logical one (the end) asks
the brokers where that is. It need not exist: `start` assigns anew."""


class KafkaSubscriber:
    """`ports.ResultSource` on a librdkafka consumer.

    `on_assign` cannot fail and asks nobody: it assigns at a placeholder offset and pauses. Kafka's
    committed offsets are never read.
    """

    def __init__(
        self, settings: KafkaSettings, metrics: Metrics, *, watch_period_s: float = PERIOD_S
    ) -> None:
        self._settings, self._metrics = settings, metrics
        self._watch = TopicWatch(settings, watch_period_s)
        self._diagnosis = Diagnosis(settings)
        self._once = OncePerMinute()
        config = consumer_config(settings, self._diagnosis)
        self._assigned: set[int] = set()
        self._started: dict[int, int] = {}
        """Started partitions, and the offset each was last started at."""
        self._released: set[int] = set()
        self._out_of_range: set[int] = set()
        """Started partitions that have no message at the offset we want."""
        self._is_subscribed = self._is_held = self._rebalanced = False
        self._membership = Membership(settings, self._diagnosis)
        self._closed = False
        self._consumer: Consumer = open_client(Consumer, config, settings)
        self._marks = Watermarks(self._consumer, settings.topic)
        self._stalled = Stalled(self._marks)

    def identity(self) -> TopicIdentity:
        """Cluster, topic and topic id. Raises KafkaUnavailable, AccessRefused."""
        found = identify(self._settings)
        self._watch.know(found)
        return found

    def recreated(self) -> bool:
        """Whether the topic is known to be another one by now than `identity` last told."""
        return self._watch.changed

    def poll(self, max_messages: int, timeout_s: float) -> Sequence[Message]:
        """Messages of started partitions, in order within each; empty when none came in time.

        Raises OffsetOutOfRange for a partition that stands still since, ConfigurationError (the group
        protocol), and ApistatusError when the client has come to an end.
        """
        self._rebalanced = False
        self._join()
        self._tell_out_of_range()
        try:
            first = self._consumer.poll(timeout_s)
            # `consume` alone would wait the whole time for as many as it was asked for.
            polled = [] if first is None else [first]
            if first is not None and max_messages > 1:
                polled += self._consumer.consume(max_messages - 1, 0)
        except KafkaException as error:
            self._on_error(error.args[0])
            return ()
        self._membership.watch()
        if len(polled) < max_messages and self._stalled.is_due and not self._is_held:
            self._fetch_stalled_anew()
        if not any(map(KafkaMessage.error, polled)):
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

    def start(self, positions: Mapping[int, int | None]) -> dict[int, int]:
        """Read these partitions from these offsets, None is the beginning; gives back where each begins."""
        begun = {}
        self._is_held = False
        for partition, position in positions.items():
            if partition not in self._assigned:
                continue
            try:
                begins = self._marks.both(partition)[0] if position is None else position
                self._read_from(self._at(partition, begins))
            except KafkaException as error:
                # It stays unstarted, so that the loop claims and starts it again.
                self._say("start.failed", error.args[0])
                self._started.pop(partition, None)
                continue
            self._started[partition] = begun[partition] = begins
            self._stalled.forget(partition)
            self._released.discard(partition)
            self._out_of_range.discard(partition)
        return begun

    def release(self, partitions: Collection[int]) -> None:
        """Pause partitions that another member owns by now; they wait for a new assignment."""
        ours = self._assigned.intersection(partitions)
        self._out_of_range -= ours
        self._pause(ours)
        self._released |= ours
        for partition in ours:
            self._started.pop(partition, None)

    def hold(self) -> None:
        """Pause everything that was started but stay a member; `poll` returns nothing until `start`."""
        self._is_held = True
        self._pause(self._started)

    def commit(self, positions: Mapping[int, int]) -> None:
        """Tell lag tools how far we are; best effort, never read by us."""
        offsets = [self._at(p, offset) for p, offset in positions.items() if p in self._assigned]
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as error:
                log.debug("commit.failed", cause=error.args[0].str())

    def membership(self) -> str | None:
        """None while the group has given us our share, even an empty one; else what we wait for."""
        return self._membership.waits_for

    def lag(self) -> int | None:
        """Messages of started partitions that we have not polled; None when unknown. Asks no broker."""
        if not self._started:
            return None
        unread = 0
        for partition, position in self._positions().items():
            high = self._marks.known_end(partition)
            if high < 0:
                return None
            unread += max(0, high - position)
        return unread

    def close(self) -> None:
        """Leave the group."""
        if not self._closed:
            self._closed = True
            self._watch.close()
            self._consumer.close()

    def _join(self) -> None:
        """At the first poll: before, the topic may not be there yet, which the client calls an error."""
        if not self._is_subscribed:
            self._is_subscribed = True
            self._membership.wait()
            self._consumer.subscribe(
                [self._settings.topic],
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )

    def _at(self, partition: int, offset: int = 0) -> TopicPartition:
        return TopicPartition(self._settings.topic, partition, offset)

    def _positions(self) -> dict[int, int]:
        """The offset that the loop gets next of each started partition."""
        positions = self._consumer.position([self._at(partition) for partition in self._started])
        return {
            at.partition: at.offset if at.offset >= 0 else self._started[at.partition] for at in positions
        }

    def _fetch_stalled_anew(self) -> None:
        try:
            positions = self._positions()
            for partition in self._stalled.find(positions):
                log.warning("fetch.stalled", partition=partition, position=positions[partition])
                self._started[partition] = positions[partition]
                self._read_from(self._at(partition, positions[partition]))
        except KafkaException as error:
            # The brokers do not answer: whoever fetches is told so elsewhere.
            log.debug("ends.unknown", cause=error.args[0].str())

    def _read_from(self, at: TopicPartition) -> None:
        """Assign anew, because a `seek` does not end a pending query for a logical offset: its answer, half
        a second later, would move us on over messages that nobody read (seen with real Kafka). It also
        starts a partition that an offset out of range has stopped, which no seek does.

        Resumed first: behind the others it may be overtaken by the fetch that they start, and librdkafka drops
        what is overtaken, so that the partition would stay paused for good (its issue 5591). What is fetched
        until it is assigned anew is never delivered.
        """
        self._consumer.resume([at])
        self._consumer.incremental_unassign([at])
        self._consumer.incremental_assign([at])

    def _pause(self, partitions: Iterable[int]) -> None:
        paused = [self._at(partition) for partition in partitions]
        if paused:
            self._consumer.pause(paused)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        placeholders = [self._at(partition.partition, _PLACEHOLDER) for partition in partitions]
        consumer.incremental_assign(placeholders)
        if placeholders:
            consumer.pause(placeholders)
        new = {partition.partition for partition in partitions}
        self._assigned |= new
        self._released -= new
        self._out_of_range -= new
        for partition in new:
            self._started.pop(partition, None)
        self._rebalanced = True
        self._membership.assigned()
        log.info("partitions.assigned", partitions=sorted(new))

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._give_back(consumer, partitions)
        log.info("partitions.revoked", partitions=sorted(p.partition for p in partitions))

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._give_back(consumer, partitions)
        self._membership.wait()
        log.warning("partitions.lost", partitions=sorted(p.partition for p in partitions))

    def _give_back(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_unassign(partitions)
        for partition in partitions:
            self._assigned.discard(partition.partition)
            self._released.discard(partition.partition)
            self._started.pop(partition.partition, None)
            self._out_of_range.discard(partition.partition)
        self._rebalanced = True

    def _of_started(self, messages: list[KafkaMessage]) -> list[Message]:
        """Without what was fetched before the group took its partition away."""
        kept = [message for message in messages if message.partition() in self._started]
        return cast("list[Message]", kept)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            if error.code() in (KafkaError.UNSUPPORTED_VERSION, KafkaError._UNSUPPORTED_FEATURE):  # noqa: SLF001  (its public name)
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
            self._out_of_range.add(partition)

    def _tell_out_of_range(self) -> None:
        """Raise OffsetOutOfRange for one of the partitions that stand still; the others wait their turn."""
        for partition in sorted(self._out_of_range & self._started.keys()):
            at = self._at(partition)
            try:
                position = max(self._started[partition], self._consumer.position([at])[0].offset)
                low, high = self._marks.both(partition)
                if low <= position <= high:
                    # The topic has grown to it meanwhile.
                    self._read_from(self._at(partition, position))
                    self._out_of_range.discard(partition)
                    continue
            except KafkaException as error:
                self._say("watermarks.failed", error.args[0])
                continue
            raise OffsetOutOfRange(partition, position, low=low, high=high)

    def _say(self, event: str, error: KafkaError) -> None:
        held_back = self._once.admits(f"{event} {error.name()}")
        if held_back is not None:
            log.error(event, cause=error.str(), held_back=held_back)
