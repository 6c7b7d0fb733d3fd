"""Cases 13, 14, 15 and 18: producers without brokers, killed, asked to stop, frozen, and two at once."""

from __future__ import annotations

import signal
import time

from tests.faults.case import MANY, case
from tests.faults.line import start_brokers
from tests.faults.run import Run
from tests.services.command import wait_until

_AWAY_S = 90.0
_SHORT_AWAY_S = 20.0
_DRAIN_S = 60.0
_COMMIT_INTERVAL_S = 1.0
"""With the spool on `always` a result is on disk within this time of its probe."""
_IN_FLIGHT = 120
"""Probes that may be under way, or just answered, in the moment of a SIGKILL."""


def _stop_brokers(run: Run) -> None:
    for node in run.cluster.nodes:
        node.kill() if run.random.random() < 0.5 else node.stop()


@case(13, "all brokers away for 90 s", "checks go on, and every result arrives")
def brokers_away(run: Run) -> None:
    # A checks' messages may come out of order: live ones first, then the spool.
    run.allowed.disorder = True
    run.begin()
    run.pause(0.0, 2.0)
    _stop_brokers(run)
    probes, since = run.target.total, time.monotonic()
    run.pause(_AWAY_S)
    made, took_s = run.target.total - probes, time.monotonic() - since
    if made < 0.95 * len(run.checks) * (took_s / run.interval_s - 1):
        run.find(f"{made} probes in {took_s:.0f} s without brokers, of {len(run.checks)} checks")
    start_brokers(run.cluster)
    run.recovered(_DRAIN_S)
    run.pause(1.0)


@case(
    14,
    "brokers away, and produce is asked to stop",
    "it ends within its grace, and the next start sends the rest",
)
def brokers_away_and_stop(run: Run) -> None:
    run.allowed.disorder = True
    run.allowed.probes_without_row = 0
    run.begin()
    run.pause(0.0, 2.0)
    _stop_brokers(run)
    run.pause(_SHORT_AWAY_S)
    producer, since = run.running("produce")[0], time.monotonic()
    run.stop(producer)
    took_s = time.monotonic() - since
    run.note(stop_took_s=round(took_s, 1))
    if took_s > 20.0:
        run.find(f"produce took {took_s:.1f} s to stop, its grace is 15 s")
    again = run.produce()
    run.pause(3.0, 6.0)
    start_brokers(run.cluster)
    again.wait_until_ready()
    run.recovered(_DRAIN_S)
    run.pause(1.0)


@case(
    15,
    "produce killed",
    "with `always` no result is lost; with `overflow` what is lost is told as missed",
    runs=2 * MANY,
)
def produce_killed(run: Run) -> None:
    mode = "always" if run.seed % 2 == 0 else "overflow"
    run.measured.variant = mode
    run.allowed.disorder = True
    run.produce_env["APISTATUS_SPOOL"] = mode
    run.begin()
    kills = []
    for _ in range(3):
        run.pause(1.5, 4.0)
        victim = run.running("produce")[0]
        victim.kill()
        kills.append(time.monotonic())
        run.pause(0.0, 3.0)
        run.produce().wait_until_ready()
        run.recovered(_DRAIN_S)
    run.allowed.probes_without_row = _IN_FLIGHT * len(kills)
    run.stop_producers()
    run.wait_until_drained()
    if mode == "always":
        _hold_answered(run, kills)


def _hold_answered(run: Run, kills: list[float]) -> None:
    """Every probe that was answered longer than a commit interval before a kill has its row."""
    stored = {
        value for (value,) in run.query("select value from apistatus.check_results where value is not null")
    }
    failed = {"flap"}
    lost = [
        token
        for check, tokens in run.target.tokens.items()
        if check.split("-")[0] not in failed
        for token, at in tokens.items()
        if token not in stored and not any(0 <= kill - at < _COMMIT_INTERVAL_S for kill in kills)
    ]
    if lost:
        run.find(f"{len(lost)} answered probes lost with the spool on `always`: {lost[:5]}")


@case(
    18,
    "two producers of the same checks, one frozen and thawed",
    "every tick has one row, and a verdict wins",
    runs=MANY,
)
def two_producers(run: Run) -> None:
    run.allowed.disorder = True
    run.begin(checks=60)
    second = run.produce(APISTATUS_STATE_DIR=str(run.folder / "second-state"), WHO="second")
    second.wait_until_ready()
    for _ in range(2):
        run.pause(0.5, 2.0)
        frozen = run.random.choice(run.running("produce"))
        frozen.process.send_signal(signal.SIGSTOP)
        run.pause(5.0, 9.0)
        frozen.process.send_signal(signal.SIGCONT)
        run.recovered(10.0)
    run.pause(1.0)
    # Two probes of one tick make one row.
    run.allowed.probes_without_row = run.target.total
    wait_until(lambda: all(one.process.poll() is None for one in run.commands), "both producers alive", 5.0)
