"""What each partition of the topic holds, and since when something of it waits to be stored."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, KafkaException, TopicPartition

from apistatus.errors import AccessRefused, ApistatusError, KafkaUnavailable
from apistatus.kafka.client_config import admin_config, open_client
from apistatus.kafka.diagnosis import Diagnosis
from apistatus.kafka.topics import TIMEOUT_S, identify
from apistatus.model.evidence import Ends, TopicEnds
from apistatus.settings.schema import KafkaSettings

_FIRST_MESSAGES_S: Final = 10.0
_POLL_S: Final = 0.2


def topic_ends(settings: KafkaSettings, stored: Mapping[int, int], timeout_s: float = TIMEOUT_S) -> TopicEnds:
    """The ends of every partition, and Kafka's time of the first message from `stored` on (by partition;
    the beginning where it names none). Joins no group and changes nothing.

    Raises KafkaUnavailable (also when there is no such topic), AccessRefused, ConfigurationError.
    """
    until_mono_s = time.monotonic() + timeout_s
    identity = identify(settings, timeout_s)
    diagnosis = Diagnosis(settings)
    config = {
        **admin_config(settings, diagnosis),
        "group.id": settings.consumer_group,  # demanded by the client; neither joined nor committed to
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "queued.min.messages": 1,
        "fetch.wait.max.ms": 50,
    }
    consumer = open_client(Consumer, config, settings)
    try:
        low, high = _watermarks(consumer, settings.topic, until_mono_s)
        waiting = _waiting(low, high, stored)
        first_at_us = _first_messages(consumer, settings.topic, waiting) if waiting else {}
    except KafkaException as error:
        raise _explained(error.args[0], settings, diagnosis) from error
    finally:
        consumer.close()
    ends = {
        partition: Ends(low[partition], high[partition], first_at_us.get(partition)) for partition in high
    }
    return TopicEnds(identity.cluster_id, identity.topic, identity.topic_id, ends)


def _watermarks(consumer: Consumer, topic: str, until_mono_s: float) -> tuple[dict[int, int], dict[int, int]]:
    """First offset, and the one after the last, by partition."""
    found = consumer.list_topics(topic, timeout=_left_s(until_mono_s)).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    low, high = {}, {}
    for partition in found.partitions:
        at = TopicPartition(topic, partition)
        low[partition], high[partition] = consumer.get_watermark_offsets(at, timeout=_left_s(until_mono_s))
    return low, high


def _waiting(low: Mapping[int, int], high: Mapping[int, int], stored: Mapping[int, int]) -> dict[int, int]:
    """The first offset that is not stored, of the partitions that have one."""
    first = {partition: max(low[partition], stored.get(partition, 0)) for partition in high}
    return {partition: at for partition, at in first.items() if at < high[partition]}


def _first_messages(consumer: Consumer, topic: str, offsets: Mapping[int, int]) -> dict[int, int]:
    """UTC microseconds of the message at each of these offsets, as far as they can be read in time."""
    found: dict[int, int] = {}
    until_mono_s = time.monotonic() + _FIRST_MESSAGES_S
    unread = set(offsets)
    consumer.assign([TopicPartition(topic, *at) for at in offsets.items()])
    while unread and time.monotonic() < until_mono_s:
        message = consumer.poll(_POLL_S)
        partition = None if message is None else message.partition()
        if message is None or partition not in unread:
            continue
        unread.discard(partition)
        kind, at_ms = message.timestamp()
        # Who may not read still learns the offsets.
        if message.error() is None and kind != TIMESTAMP_NOT_AVAILABLE:
            found[partition] = at_ms * 1000
        consumer.pause([TopicPartition(topic, partition)])
    return found


def _left_s(until_mono_s: float) -> float:
    return max(0.1, until_mono_s - time.monotonic())


def _explained(fault: KafkaError, settings: KafkaSettings, diagnosis: Diagnosis) -> ApistatusError:
    if "AUTHORIZATION" in fault.name():
        return AccessRefused(
            f"this Kafka client may not look at the offsets of topic '{settings.topic}' "
            "(KAFKA_STATUS_TOPIC); grant it DESCRIBE on it, or leave Kafka out with --no-kafka"
        )
    if diagnosis.reason():
        return diagnosis.explanation("Kafka does not tell its offsets")
    return KafkaUnavailable(f"Kafka does not tell the offsets of topic '{settings.topic}': {fault.str()}")
