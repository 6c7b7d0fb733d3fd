"""What the error of a delivery report means for its message."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError

NEVER: Final = frozenset(
    {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE, KafkaError.INVALID_RECORD}
)
"""Errors that trying again cannot mend."""
OF_THE_CLIENT: Final = frozenset(
    {
        KafkaError._PURGE_QUEUE,  # noqa: SLF001  (its public name)
        KafkaError._PURGE_INFLIGHT,  # noqa: SLF001  (its public name)
        KafkaError._FATAL,  # noqa: SLF001  (its public name)
        KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
        KafkaError.UNKNOWN_PRODUCER_ID,
        KafkaError.INVALID_PRODUCER_EPOCH,
    }
)
"""Errors of the client, not of the message: it is kept for the client that follows."""
