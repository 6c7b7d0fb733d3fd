"""What each partition of the topic holds, and since when something of it waits to be stored."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import TimeoutError as NotYet
from typing import Final

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from apistatus.errors import AccessRefused, ApistatusError, KafkaUnavailable
from apistatus.kafka.client_config import admin_config, open_client
from apistatus.kafka.diagnosis import Diagnosis
from apistatus.kafka.topics import TIMEOUT_S, identify
from apistatus.model.evidence import Ends, TopicEnds
from apistatus.settings.schema import KafkaSettings

_FIRST_MESSAGES_S: Final = 10.0
_POLL_S: Final = 0.2


def topic_ends(
    settings: KafkaSettings, stored: Mapping[int, int], timeout_s: float = TIMEOUT_S
) -> TopicEnds:
    """The ends of every partition, and Kafka's time of the first message from `stored` on (by partition;
    the beginning where it names none). Joins no group and changes nothing.

    Raises KafkaUnavailable (also when there is no such topic), AccessRefused, ConfigurationError.
    """
    until_mono_s = time.monotonic() + timeout_s
    identity = identify(settings, timeout_s)
    diagnosis = Diagnosis(settings)
    try:
        low, high = _watermarks(settings, diagnosis, until_mono_s)
    except (KafkaException, NotYet) as error:
        raise _explained(error, settings, diagnosis) from error
    waiting = {
        partition: max(low[partition], stored.get(partition, 0))
        for partition in high
        if max(low[partition], stored.get(partition, 0)) < high[partition]
    }
    first_at_us = _first_messages(settings, waiting) if waiting else {}
    ends = {
        partition: Ends(low[partition], high[partition], first_at_us.get(partition)) for partition in high
    }
    return TopicEnds(identity.cluster_id, identity.topic, identity.topic_id, ends)


def _watermarks(
    settings: KafkaSettings, diagnosis: Diagnosis, until_mono_s: float
) -> tuple[dict[int, int], dict[int, int]]:
    """First offset, and the one after the last, by partition."""
    admin = open_client(AdminClient, admin_config(settings, diagnosis), settings)
    found = admin.list_topics(settings.topic, timeout=_left_s(until_mono_s)).topics[settings.topic]
    if found.error is not None:
        raise KafkaException(found.error)
    answers = []
    for spec in (OffsetSpec.earliest(), OffsetSpec.latest()):
        asked = {TopicPartition(settings.topic, partition): spec for partition in found.partitions}
        futures = admin.list_offsets(asked, request_timeout=_left_s(until_mono_s))
        answers.append(
            {at.partition: future.result(_left_s(until_mono_s)).offset for at, future in futures.items()}
        )
    return answers[0], answers[1]


def _first_messages(settings: KafkaSettings, offsets: Mapping[int, int]) -> dict[int, int]:
    """UTC microseconds of the message at each of these offsets, as far as they can be read in time."""
    config = {
        **admin_config(settings, Diagnosis(settings)),
        "group.id": settings.consumer_group,  # demanded by the client; it is neither joined nor committed to
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "queued.min.messages": 1,
        "fetch.wait.max.ms": 50,
    }
    consumer = open_client(Consumer, config, settings)
    found: dict[int, int] = {}
    until_mono_s = time.monotonic() + _FIRST_MESSAGES_S
    open_ones = set(offsets)
    try:
        consumer.assign([TopicPartition(settings.topic, *at) for at in offsets.items()])
        while open_ones and time.monotonic() < until_mono_s:
            message = consumer.poll(_POLL_S)
            if message is None or message.partition() not in open_ones:
                continue
            partition = message.partition()
            assert partition is not None
            open_ones.discard(partition)
            consumer.incremental_unassign([TopicPartition(settings.topic, partition)])
            kind, at_ms = message.timestamp()
            if message.error() is None and kind != TIMESTAMP_NOT_AVAILABLE:
                found[partition] = at_ms * 1000
    except KafkaException:
        # Who may not read still learns the offsets.
        return found
    finally:
        consumer.close()
    return found


def _left_s(until_mono_s: float) -> float:
    return max(0.1, until_mono_s - time.monotonic())


def _explained(error: Exception, settings: KafkaSettings, diagnosis: Diagnosis) -> ApistatusError:
    fault = error.args[0] if isinstance(error, KafkaException) else None
    if fault is not None and "AUTHORIZATION" in fault.name():
        return AccessRefused(
            f"this Kafka client may not look at the offsets of topic '{settings.topic}' "
            f"(KAFKA_STATUS_TOPIC); grant it DESCRIBE on it, or leave Kafka out with --no-kafka"
        )
    if diagnosis.reason():
        return diagnosis.explanation("Kafka does not tell its offsets")
    said = "no answer in time" if fault is None else fault.str()
    return KafkaUnavailable(f"Kafka does not tell the offsets of topic '{settings.topic}': {said}")
