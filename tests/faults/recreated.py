"""Case 16: messages go before they are read: the topic is made again, or retention was too short."""

from __future__ import annotations

import time

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.cimpl import NewTopic

from tests.faults import topic
from tests.faults.case import case
from tests.faults.run import Run
from tests.services.command import wait_until

_NOTICED_S = 60.0


@case(
    16,
    "topic made again, or retention shorter than the lag",
    "consume stops and says so, and goes on only when told to",
)
def topic_made_again(run: Run) -> None:
    run.begin(checks=40)
    if run.seed % 2:
        run.measured.variant = "retention"
        _retention(run)
    else:
        run.measured.variant = "made again"
        _made_again(run)


def _made_again(run: Run) -> None:
    run.pause(1.0, 3.0)
    run.stop_producers()
    run.wait_until_drained()
    # What was on the topic is stored; only what the new topic holds can be compared with it.
    run.allowed.whole_topic = False
    consumer = run.running("consume")[0]
    is_down = run.random.random() < 0.5
    if is_down:
        run.stop(consumer)
    _delete_and_make(run)
    run.produce().wait_until_ready()
    if is_down:
        consumer = run.consume()
    _wait_for_refusal(run, consumer, "made anew", "made again", "truncated")
    again = run.start("consume", None, "--on-recreated-topic", "restart")
    again.wait_until_ready()
    run.recovered(10.0)
    run.pause(1.0)


def _delete_and_make(run: Run) -> None:
    client = topic.admin(run.servers)
    client.delete_topics([run.topic])[run.topic].result(30)

    def made() -> bool:
        try:
            # More partitions would move checks to others, and is not what this case is about.
            wanted = NewTopic(run.topic, 6, 3, config={"min.insync.replicas": "2"})
            client.create_topics([wanted])[run.topic].result(30)
        except KafkaException:
            return False
        return True

    wait_until(made, "the topic made again")


def _retention(run: Run) -> None:
    run.stop(run.running("consume")[0])
    run.pause(6.0, 9.0)
    held = run.offsets()
    _, highs = topic.ends(run.servers, run.topic)
    upto = {
        p: held[p] + run.random.randint(1, max(1, highs[p] - held[p])) for p in held if highs[p] > held[p]
    }
    whole = topic.read(run.servers, run.topic)
    gone = [
        m for m in whole.messages if m.partition in upto and held[m.partition] <= m.offset < upto[m.partition]
    ]
    for message in gone:
        result = message.result()
        if result is not None:
            run.lost_on_purpose.add((result["check"], result["location"], result["scheduled_at_us"]))
    client = topic.admin(run.servers)
    deleted = client.delete_records([TopicPartition(run.topic, p, offset) for p, offset in upto.items()])
    for future in deleted.values():
        future.result(30)
    run.allowed.whole_topic = False
    run.allowed.probes_without_row = len(run.lost_on_purpose)
    consumer = run.consume()
    _wait_for_refusal(run, consumer, "deleted")
    again = run.start("consume", None, "--on-lost-offsets", "earliest")
    again.wait_until_ready()
    run.wait_until_drained_up_to_now()
    run.pause(1.0)
    counted = run.query(
        "select coalesce(sum(until_offset - from_offset), 0)::int from apistatus.lost_messages"
    )[0][0]
    run.note(deleted=len(gone), counted=counted)
    if counted != len(gone):
        run.find(f"{len(gone)} messages were deleted unread, {counted} are recorded")


def _wait_for_refusal(run: Run, consumer, *words: str) -> None:
    """It has to end by itself, not well, and say why without a traceback."""
    since = time.monotonic()
    try:
        wait_until(lambda: consumer.process.poll() is not None, "consume stops by itself", _NOTICED_S)
    except AssertionError:
        run.find(f"consume went on for {_NOTICED_S:g} s: {consumer.said[-600:]}")
        consumer.stop()
    run.note(noticed_after_s=round(time.monotonic() - since, 1), said=consumer.said[-400:])
    if consumer.process.returncode == 0:
        run.find("consume ended with 0")
    if not any(word in consumer.said for word in words):
        run.find(f"consume does not say what happened: {consumer.said[-600:]}")
