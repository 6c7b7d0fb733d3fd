"""The stored offsets, held against what the topic has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apistatus.model.evidence import StoredOffset, TopicEnds


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition. `low` to before `high` is what Kafka holds; None: not asked, or not there."""

    topic: str
    partition: int
    next_offset: int | None
    low: int | None
    high: int | None
    fault: str | None = None
    """What cannot be explained about it."""

    @property
    def lag(self) -> int | None:
        """Messages that Kafka holds and that are not stored yet; None when unknown."""
        if self.low is None or self.high is None:
            return None
        return max(0, self.high - max(self.low, self.next_offset or 0))


def held_against(stored: Sequence[StoredOffset], topic: TopicEnds | None) -> list[Partition]:
    """Every partition, in order; without `topic` only what is stored. Offsets of other topics of the
    database are shown and not judged."""
    partitions = [_judged(offset, topic) for offset in stored]
    if topic is not None:
        known = {offset.partition for offset in stored if offset.topic == topic.topic}
        partitions += [
            Partition(topic.topic, number, None, ends.low, ends.high)
            for number, ends in topic.partitions.items()
            if number not in known
        ]
    return sorted(partitions, key=lambda partition: (partition.topic, partition.partition))


def settled_us(now_us: int, topic: TopicEnds | None) -> int:
    """The instant before which every message that Kafka took is stored."""
    waiting = [] if topic is None else [ends.unstored_at_us for ends in topic.partitions.values()]
    return min([now_us, *(at_us for at_us in waiting if at_us is not None)])


def _judged(offset: StoredOffset, topic: TopicEnds | None) -> Partition:
    if topic is None or topic.topic != offset.topic:
        return Partition(offset.topic, offset.partition, offset.next_offset, None, None)
    ends = topic.partitions.get(offset.partition)
    fault = _fault(offset, topic)
    low, high = (None, None) if ends is None or fault else (ends.low, ends.high)
    if ends is not None and fault is None and offset.next_offset is not None:
        if offset.next_offset > ends.high:
            fault = f"stored up to {offset.next_offset}, but the topic ends at {ends.high}"
        elif offset.next_offset < ends.low:
            fault = (
                f"stored up to {offset.next_offset}, but the topic begins at {ends.low}: Kafka deleted "
                f"{ends.low - offset.next_offset} messages before they were stored"
            )
    return Partition(offset.topic, offset.partition, offset.next_offset, low, high, fault)


def _fault(offset: StoredOffset, topic: TopicEnds) -> str | None:
    if offset.cluster_id != topic.cluster_id:
        return f"stored of Kafka cluster {offset.cluster_id}, but this is cluster {topic.cluster_id}"
    if offset.topic_id and topic.topic_id and offset.topic_id != topic.topic_id:
        return f"stored of topic id {offset.topic_id}, but its id is {topic.topic_id} now: it was made anew"
    if offset.partition not in topic.partitions:
        return "the topic has no such partition"
    return None
