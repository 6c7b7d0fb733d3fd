"""A real `produce` whose references fall silent, answer again, and change with the reader file."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apistatus.demo.kafka_broker import InMemoryBroker
from tests.e2e.counting_target import CountingTarget
from tests.integration.produce.producing import Producing
from tests.services.command import Command, wait_until
from tests.targets.ports import closed_port

pytestmark = pytest.mark.timeout(300)

CHECKS = """\
defaults: {{interval: 500ms, timeout: 400ms}}
readers:
  - {{name: bad, url: '{target}/bad/down'}}
  - {{name: good, url: '{target}/good'}}
  - {{name: closed, url: '{closed}', expect: {{failure: connect_refused}}}}
"""


@pytest.fixture
def closed() -> Iterator[str]:
    """The URL of a port on which nobody listens."""
    with closed_port() as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Producing]:
    with InMemoryBroker("statuses") as broker, CountingTarget() as target:
        yield Producing(broker.bootstrap_servers, target, tmp_path)


@pytest.fixture
def write(in_memory: Producing, closed: str) -> Callable[..., None]:
    def written(*references: str) -> None:
        head = f"connectivity: [{', '.join(references)}]\n" if references else ""
        text = head + CHECKS.format(target=in_memory.target.url, closed=closed)
        (in_memory.folder / "checks.yml").write_text(text)

    return written


def results(produce: Command, status: str) -> float:
    return produce.metric("apistatus_results_total", f'{{status="{status}"}}')


def reload(produce: Command, reloads: int) -> None:
    produce.process.send_signal(signal.SIGHUP)
    wait_until(
        lambda: produce.metric("apistatus_reloads_total", '{outcome="applied"}') == reloads,
        f"{reloads} reloads\n{produce.said}",
    )


def test_failures_are_inconclusive_while_no_reference_answers_and_a_reload_changes_that(
    in_memory: Producing, closed: str, write: Callable[..., None]
) -> None:
    write(closed)
    with in_memory.start() as produce:
        produce.wait_until_ready()
        wait_until(lambda: results(produce, "inconclusive") >= 6, f"inconclusive results\n{produce.said}")
        assert results(produce, "down") == 0
        excused = produce.metric("apistatus_connectivity_inconclusive_total")
        assert excused >= 6
        assert produce.metric("apistatus_connectivity_asked_total", '{outcome="failed"}') >= 1
        assert "connectivity.lost" in produce.said

        write(f"{in_memory.target.url}/reference")
        reload(produce, 1)
        wait_until(lambda: results(produce, "down") >= 2, f"down results\n{produce.said}")
        assert produce.metric("apistatus_connectivity_asked_total", '{outcome="answered"}') >= 1
        assert in_memory.target.counts["reference"] >= 1
        assert "connectivity.back" in produce.said
        assert "reload.references" in produce.said

        write()
        reload(produce, 2)
        in_memory.wait_for_rounds(2, "bad")  # what was asked before has ended
        asked = in_memory.target.counts["reference"]
        in_memory.wait_for_rounds(12, "bad")
        assert in_memory.target.counts["reference"] == asked

        write("192.0.2.1")
        produce.process.send_signal(signal.SIGHUP)
        produce.wait_for_line("reload.refused")
        assert "connectivity[0]: must begin with http:// or https://" in produce.said
        assert produce.stop() == 0, produce.said
        assert "Traceback" not in produce.said
    topic = in_memory.read()
    topic.assert_no_tick_is_missing()
    # One that took too long met a machine that stood still, and tells nothing of references.
    made = [one for one in topic.results.values() if one.status != "missed" and one.failure != "timeout"]
    made.sort(key=lambda result: result.scheduled_at_us)
    found = {(result.check, result.status) for result in made}
    assert ("bad", "inconclusive") in found
    assert ("closed", "inconclusive") in found
    assert {status for check, status in found if check == "good"} == {"up"}
    last = {result.check: result.status for result in made}
    assert last == {"bad": "down", "good": "up", "closed": "up"}
    of_bad = [one for one in made if (one.check, one.status) == ("bad", "inconclusive")]
    assert {(one.failure, one.status_code) for one in of_bad} == {("status", 500)}
    assert all("the reference of `connectivity` failed too" in (one.error or "") for one in of_bad)


def test_however_many_checks_fail_references_are_asked_once_in_five_seconds(
    in_memory: Producing, write: Callable[..., None]
) -> None:
    write(f"{in_memory.target.url}/reference")
    with in_memory.start() as produce:
        produce.wait_until_ready()
        wait_until(lambda: in_memory.target.counts["reference"] >= 2, "a second asking")
        assert in_memory.target.counts["bad"] >= 4
        assert results(produce, "inconclusive") == 0
        assert produce.stop() == 0, produce.said
