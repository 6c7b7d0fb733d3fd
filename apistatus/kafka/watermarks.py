"""Where partitions of the topic begin and end, by the consumer's own client."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from confluent_kafka import OFFSET_END, Consumer, TopicPartition

_LOW_TIMEOUT_S: Final = 10.0
_ENDS_TIMEOUT_S: Final = 1.0


class Watermarks:
    """Asks on behalf of one consumer; what asks a broker raises KafkaException."""

    def __init__(self, consumer: Consumer, topic: str) -> None:
        self._consumer, self._topic = consumer, topic

    def both(self, partition: int) -> tuple[int, int]:
        """The first offset that there is, and the one behind the last, by the broker's word."""
        low, high = self._consumer.get_watermark_offsets(self._at(partition), timeout=_LOW_TIMEOUT_S)
        return low, high

    def ends(self, partitions: Collection[int]) -> dict[int, int]:
        """The offsets behind the last, by the brokers' word: one question a broker, a second at the most.
        Without those that no broker has an answer for."""
        # As a time, the end stands for the end (Kafka's protocol, ListOffsets).
        wanted = [TopicPartition(self._topic, partition, OFFSET_END) for partition in partitions]
        found = self._consumer.offsets_for_times(wanted, timeout=_ENDS_TIMEOUT_S)
        return {at.partition: at.offset for at in found if at.error is None}

    def known_end(self, partition: int) -> int:
        """The offset behind the last, as the last answer to a fetch has told it; negative when there was none."""
        _low, high = self._consumer.get_watermark_offsets(self._at(partition), cached=True)
        return high

    def _at(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)
