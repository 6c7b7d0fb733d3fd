"""`produce` in several processes: one row a tick, whichever of them is killed and however many there are next."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from tests.integration.produce.producing import CHECKS, Producing, until_sent
from tests.services.command import Command, wait_until
from tests.services.kafka_server import KafkaServer

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(300)]


def _children(produce: Command) -> list[int]:
    children = Path(f"/proc/{produce.process.pid}/task/{produce.process.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


def _has_all_checks(produce: Command) -> bool:
    return produce.metric("apistatus_checks") == len(CHECKS)


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_each_check_is_made_by_one_process_and_the_page_adds_them_up(producing: Producing) -> None:
    # A machine that stands still for a second makes no tick late.
    producing.write_checks(*CHECKS, interval_ms=4000)
    with producing.start(APISTATUS_PROCESSES="3") as produce:
        produce.wait_until_ready()
        assert len(_children(produce)) == 3
        producing.wait_for_rounds(2, "check-0")
        wait_until(lambda: _has_all_checks(produce), "all checks on the page")
        assert produce.metric("apistatus_processes") == 3
        assert produce.metric("apistatus_build_info", '{version="0.1.0"}') == 1
        assert produce.stop() == 0, produce.said
    topic = producing.read()
    topic.assert_no_tick_is_missing(4_000_000)
    assert {result.error for result in topic.missed} <= {"stopped before the check could start"}
    assert len(topic.verdicts) == producing.target.total
    assert {defined.check for defined in topic.defined} == set(CHECKS)
    assert len({result.producer for result in topic.results.values()}) == 1


def test_a_killed_process_is_started_again_and_its_ticks_are_accounted_for(producing: Producing) -> None:
    with producing.start(APISTATUS_PROCESSES="2", APISTATUS_SPOOL="always") as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(3, "check-0")
        made = produce.metric("apistatus_results_total", '{status="up"}')
        victim = _children(produce)[0]
        os.kill(victim, signal.SIGKILL)
        produce.wait_for_line("process.ended")
        produce.wait_until_ready()
        assert victim not in _children(produce)
        assert produce.metric("apistatus_process_restarts_total") == 1
        assert produce.metric("apistatus_results_total", '{status="up"}') >= made, "a counter fell"
        producing.wait_for_rounds(3, "check-0")
        assert produce.stop() == 0, produce.said
    topic = producing.read()
    assert set(topic.ticks()) == set(CHECKS)
    topic.assert_no_tick_is_missing()
    assert "Traceback" not in produce.said


def test_a_process_that_is_refused_when_it_comes_back_does_not_end_the_others(producing: Producing) -> None:
    file = producing.folder / "checks.yml"
    with producing.start(APISTATUS_PROCESSES="2") as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(2, "check-0")
        checks = file.read_text()
        file.write_text("readers: 5")
        os.kill(_children(produce)[0], signal.SIGKILL)
        produce.wait_for_line("process.refused")
        file.write_text(checks)
        produce.wait_until_ready()
        producing.wait_for_rounds(2, "check-0")
        assert produce.stop() == 0, produce.said
    topic = producing.read()
    assert set(topic.ticks()) == set(CHECKS)
    topic.assert_no_tick_is_missing()


def test_another_number_of_processes_goes_on_where_the_former_ones_ended(
    producing: Producing, kafka_node: KafkaServer
) -> None:
    with producing.start() as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(2, "check-0")
        assert produce.stop() == 0, produce.said
    kafka_node.stop()
    for processes in ("3", "2"):
        # Kafka is away: every one of them leaves results in its spool, for another one to send.
        with producing.start(APISTATUS_PROCESSES=processes, APISTATUS_SPOOL="always") as produce:
            wait_until(partial(_has_all_checks, produce), "all checks")
            producing.wait_for_rounds(2, "check-0")
            assert produce.stop() == 0, produce.said
    kafka_node.start()
    kafka_node.wait()
    with producing.start() as produce:
        produce.wait_until_ready()
        for number in range(2):
            produce.wait_for_line(f"process-{number}/spool.sqlite3")
        # What was taken over is on the page a second later.
        producing.wait_for_rounds(4, "check-0")
        until_sent(produce)
        producing.end(produce)
    topic = producing.read()
    assert set(topic.ticks()) == set(CHECKS)
    topic.assert_no_tick_is_missing()
    assert len(topic.verdicts) == producing.target.total
    assert topic.removed == []
    assert topic.gaps == []


def test_without_its_supervisor_each_process_ends_in_order_and_the_next_run_waits_for_them(
    producing: Producing,
) -> None:
    with producing.start(APISTATUS_PROCESSES="2") as produce:
        produce.wait_until_ready()
        producing.wait_for_rounds(2, "check-0")
        children = _children(produce)
        produce.kill()
    with producing.start(APISTATUS_PROCESSES="2") as produce:
        produce.wait_until_ready()
        # What they hold they free before their interpreters end.
        wait_until(lambda: all(map(_gone, children)), "the end of the processes of the run before")
        producing.wait_for_rounds(2, "check-0")
        producing.end(produce)
    topic = producing.read()
    topic.assert_no_tick_is_missing()
    assert len(topic.verdicts) == producing.target.total


def test_a_reload_reaches_every_process(producing: Producing) -> None:
    with producing.start(APISTATUS_PROCESSES="2") as produce:
        produce.wait_until_ready()
        producing.write_checks(*CHECKS[:5], "new-0", "new-1", "new-2", "new-3")
        produce.process.send_signal(signal.SIGHUP)
        wait_until(lambda: produce.metric("apistatus_checks") == 9, "the new checks")
        producing.wait_for_rounds(2, "new-3")
        assert produce.stop() == 0, produce.said
    topic = producing.read()
    topic.assert_no_tick_is_missing()
    assert {removed.check for removed in topic.removed} == set(CHECKS[5:])


def test_a_second_signal_ends_all_of_them_without_waiting(producing: Producing) -> None:
    with producing.start(APISTATUS_PROCESSES="2") as produce:
        produce.wait_until_ready()
        frozen, other = _children(produce)
        os.kill(frozen, signal.SIGSTOP)
        produce.process.send_signal(signal.SIGTERM)
        wait_until(lambda: _gone(other), "the end of the process that can")
        assert produce.process.poll() is None
        produce.process.send_signal(signal.SIGTERM)
        assert produce.process.wait(30) == 143
        os.kill(frozen, signal.SIGCONT)
        wait_until(lambda: _gone(frozen), "the end of the process that was frozen")
