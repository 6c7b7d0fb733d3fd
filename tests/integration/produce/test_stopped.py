"""An orderly end while Kafka is away, stops long and short, and what happens beside them."""

from __future__ import annotations

import json
import signal
import time

import pytest

from tests.integration.produce.producing import CHECKS, INTERVAL_US, Producing, said, until_sent
from tests.services.kafka_server import KafkaServer

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(300)]


@pytest.mark.parametrize("mode", ["overflow", "always"])
def test_what_kafka_did_not_take_before_a_stop_arrives_after_the_next_start(
    producing: Producing, kafka_node: KafkaServer, mode: str
) -> None:
    with producing.start(APISTATUS_SPOOL=mode) as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(2, "check-0")
        kafka_node.stop()
        before = producing.target.total
        producing.wait_for_rounds(6, "check-0")
        waiting = producing.target.total - before
        begun = time.monotonic()
        assert produce.stop() == 0, produce.said
        assert time.monotonic() - begun < 25, "the grace was exceeded"
        assert said(produce, "produce.stopped", "unsent") == 0
        assert said(produce, "produce.stopped", "spooled") >= waiting > 0
        assert "Traceback" not in produce.said
    probes = producing.target.total
    kafka_node.start()
    kafka_node.wait()
    with producing.start(APISTATUS_SPOOL=mode) as produce:
        produce.wait_until_ready()
        until_sent(produce)
        assert produce.metric("apistatus_messages_replayed_total") >= waiting
        probes_after = producing.end(produce)
    topic = producing.read()
    topic.assert_no_tick_is_missing()
    assert len(topic.verdicts) == probes + probes_after == producing.target.total


def test_without_a_spool_an_end_while_kafka_is_away_is_told_by_the_exit_code_and_the_next_start(
    producing: Producing, kafka_node: KafkaServer
) -> None:
    with producing.start(APISTATUS_SPOOL="off", APISTATUS_GRACE_SECONDS="2") as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(2, "check-0")
        kafka_node.stop()
        before = producing.target.total
        producing.wait_for_rounds(3, "check-0")
        waiting = producing.target.total - before
        assert produce.stop() == 143, produce.said
        assert said(produce, "produce.stopped", "unsent") >= waiting > 0
    kafka_node.start()
    kafka_node.wait()
    with producing.start(APISTATUS_SPOOL="off") as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(2, "check-0")
        assert produce.stop() == 0, produce.said
    topic = producing.read()
    topic.assert_no_tick_is_missing()
    assert sum(result.error == "no producer was running" for result in topic.missed) >= waiting


def test_a_second_producer_on_the_same_directory_ends_with_the_first_ones_id(producing: Producing) -> None:
    with producing.start() as first:
        first.wait_until_ready()
        with producing.start() as second:
            assert second.process.wait(60) == 2
            assert f"{producing.state} is in use by process {first.process.pid}" in second.said
            assert "Traceback" not in second.said
        producing.wait_for_rounds(2, "check-0")
        assert first.stop() == 0, first.said
    producing.read().assert_no_tick_is_missing()


def test_of_a_long_stop_the_older_part_is_a_gap(producing: Producing) -> None:
    with producing.start() as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(2, "check-0")
        assert produce.stop() == 0, produce.said
    file = producing.state / "watermark.json"
    kept = json.loads(file.read_text())
    kept["watermark_us"] -= 3600 * 1_000_000
    file.write_text(json.dumps(kept))
    checks = producing.state / "checks-in-force.json"
    spans = json.loads(checks.read_text())
    spans["checks"] = {
        name: [[span[0], 0, None] for span in found] for name, found in spans["checks"].items()
    }
    checks.write_text(json.dumps(spans))
    with producing.start(APISTATUS_MISSED_BACKFILL="20s") as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(2, "check-0")
        assert produce.stop() == 0, produce.said
    topic = producing.read()
    assert {gap.check for gap in topic.gaps} == set(CHECKS)
    topic.assert_no_tick_is_missing()
    ticks = topic.ticks()
    for gap in topic.gaps:
        assert gap.until_us - gap.from_us > 3500 * 1_000_000
        assert (gap.until_us - ticks[gap.check][0]) % INTERVAL_US == 0


def test_a_storm_of_reloads_loses_no_tick_of_unchanged_checks(producing: Producing) -> None:
    changing = [f"extra-{number}" for number in range(3)]
    with producing.start() as produce:
        produce.wait_until_ready()
        for turn in range(60):
            producing.write_checks(*CHECKS, *changing[: turn % 4])
            for _ in range(3):
                produce.process.send_signal(signal.SIGHUP)
            time.sleep(0.02)  # the storm's own pace; nothing is waited for
        producing.write_checks(*CHECKS)
        produce.process.send_signal(signal.SIGHUP)
        producing.wait_for_rounds(4, "check-0")
        assert produce.stop() == 0, produce.said
        assert produce.said.count("reload.applied") >= 1
        assert "Traceback" not in produce.said
    topic = producing.read()
    unchanged = {check: ticks for check, ticks in topic.ticks().items() if check in CHECKS}
    assert set(unchanged) == set(CHECKS)
    for check in [name for name in topic.ticks() if name not in CHECKS]:
        topic.results = {key: result for key, result in topic.results.items() if key[0] != check}
    topic.assert_no_tick_is_missing()
    assert not [result for result in topic.missed if result.error and "running" in result.error]
