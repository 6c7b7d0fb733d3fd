"""Where partitions of the topic begin and end, by the consumer's own client."""

from __future__ import annotations

from typing import Final

from confluent_kafka import Consumer, TopicPartition

_LOW_TIMEOUT_S: Final = 10.0
_END_TIMEOUT_S: Final = 1.0


class Watermarks:
    """Asks on behalf of one consumer; what asks a broker raises KafkaException."""

    def __init__(self, consumer: Consumer, topic: str) -> None:
        self._consumer, self._topic = consumer, topic

    def both(self, partition: int) -> tuple[int, int]:
        """The first offset that there is, and the one behind the last, by the broker's word."""
        low, high = self._consumer.get_watermark_offsets(self._at(partition), timeout=_LOW_TIMEOUT_S)
        return low, high

    def end(self, partition: int) -> int:
        """The offset behind the last, by the broker's word; asks for a second at the most."""
        _low, high = self._consumer.get_watermark_offsets(self._at(partition), timeout=_END_TIMEOUT_S)
        return high

    def known_end(self, partition: int) -> int:
        """The same as the last answer to a fetch has told it; negative when there was none. Asks no broker."""
        _low, high = self._consumer.get_watermark_offsets(self._at(partition), cached=True)
        return high

    def _at(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)
