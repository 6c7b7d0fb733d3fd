"""SIGKILL of the producer: with a spool every result that was kept arrives, and what was not is `missed`."""

from __future__ import annotations

import json
import time

import pytest

from tests.integration.produce.producing import CHECKS, Producing, until_sent
from tests.services.command import wait_until
from tests.services.kafka_server import KafkaServer

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(300)]


def test_with_always_no_result_is_lost_while_kafka_is_away(
    producing: Producing, kafka_node: KafkaServer
) -> None:
    with producing.start(APISTATUS_SPOOL="always") as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(4, "check-0")
        kafka_node.stop()
        producing.wait_for_rounds(20, "check-0")
        probes = producing.target.total
        counted_us = time.time_ns() // 1000
        wait_until(lambda: produce.metric("apistatus_spool_messages") > 100, "results in the spool")
        kept = producing.state / "watermark.json"
        wait_until(lambda: json.loads(kept.read_text())["watermark_us"] > counted_us, "all of them in safety")
        producing.wait_for_rounds(1, "check-0")
        produce.kill()
    kafka_node.start()
    kafka_node.wait()
    with producing.start(APISTATUS_SPOOL="always") as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(4, "check-0")
        until_sent(produce)
        assert produce.stop() == 0, produce.said
    topic = producing.read()
    topic.assert_no_tick_is_missing()
    made_up = [result for result in topic.missed if result.error == "no producer was running"]
    killed_us = min(result.scheduled_at_us for result in made_up)
    # Those under way at the kill have no result; every probe before that has.
    assert sum(result.scheduled_at_us < killed_us for result in topic.verdicts) >= probes
    assert "Traceback" not in produce.said


def test_with_overflow_what_was_in_memory_only_is_missed_and_nothing_else(
    producing: Producing, kafka_node: KafkaServer
) -> None:
    with producing.start() as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(4, "check-0")
        kafka_node.stop()
        wait_until(lambda: produce.metric("apistatus_spool_messages") > 60, "results in the spool")
        produce.kill()
    kafka_node.start()
    kafka_node.wait()
    with producing.start() as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(4, "check-0")
        until_sent(produce)
        assert produce.stop() == 0, produce.said
    topic = producing.read()
    topic.assert_no_tick_is_missing()
    # Up to five seconds of results were in memory only, and some ticks passed until the restart.
    assert sum(result.error == "no producer was running" for result in topic.missed) > len(CHECKS)


@pytest.mark.parametrize("mode", ["always", "overflow", "off"])
def test_killed_again_and_again_every_tick_has_its_result(producing: Producing, mode: str) -> None:
    for _ in range(5):
        with producing.start(APISTATUS_SPOOL=mode) as produce:
            produce.wait_until_ready()
            producing.wait_for_rounds(3, "check-0")
            produce.kill()
            assert "Traceback" not in produce.said
    with producing.start(APISTATUS_SPOOL=mode) as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(2, "check-0")
        assert produce.stop() == 0, produce.said
    topic = producing.read()
    assert set(topic.ticks()) == set(CHECKS)
    topic.assert_no_tick_is_missing()
