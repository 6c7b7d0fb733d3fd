"""What `consume` says when it ends because a person has to decide: what, where, and the ways on."""

from __future__ import annotations


def recreated(topic: str, partition: int, stored: int, high: int) -> str:
    """The topic ends before the offset up to which it is stored."""
    return (
        f"partition {partition} of topic '{topic}' ends at offset {high}, but PostgreSQL has stored it up to "
        f"{stored}: the topic was made again or truncated. Check that KAFKA_STATUS_TOPIC and "
        "KAFKA_BOOTSTRAP_SERVERS are right; to read it from its beginning (what is stored stays, and nothing "
        "is stored twice) run: apistatus consume --on-recreated-topic restart"
    )


def lost(topic: str, partition: int, offsets: range) -> str:
    """The topic begins behind the offset up to which it is stored."""
    return (
        f"partition {partition} of topic '{topic}' begins at offset {offsets.stop}, but is stored only up to "
        f"{offsets.start}: Kafka deleted {len(offsets)} messages (retention) before they were stored. Raise "
        "the topic's retention.ms; to go on without them, which records them as lost, run: "
        "apistatus consume --on-lost-offsets earliest"
    )


def too_many(topic: str, bad: int, messages: int, limit: float) -> str:
    """The share of dead letters is over the limit."""
    return (
        f"{bad} of the last {messages} messages of topic '{topic}' could not be stored, more than "
        f"APISTATUS_DEAD_LETTER_LIMIT={limit:g} allows. See why with: apistatus dead-letters list; when the "
        "cause is mended, `apistatus dead-letters replay --all` or `discard --all` begins the count anew; "
        "APISTATUS_DEAD_LETTER_LIMIT=1 goes on whatever comes"
    )
