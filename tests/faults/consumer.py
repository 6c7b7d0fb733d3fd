"""Cases 1, 2 and 22: members of the consumer group die, freeze, and come and go."""

from __future__ import annotations

import signal

from tests.faults import topic
from tests.faults.case import MANY, case
from tests.faults.line import SESSION_TIMEOUT_S
from tests.faults.network import Network
from tests.faults.poison import bulk
from tests.faults.run import Run
from tests.services.command import Command, wait_until

_SLOW_BYTES_PER_S = 40_000
_BACKLOG = 6_000
"""Messages of the suite's own that make a COPY of many messages of the protocol (32 kB each)."""
_ROWS_WITHIN_S = 20.0
_TAKE_OVER_S = SESSION_TIMEOUT_S + 2
_LOCK_WAIT_S = 5.0
"""A member frozen inside its transaction keeps its rows locked: after so long the next owner ends its session."""
_NOISE_S = 4.0
"""On a machine whose two cores also run three brokers, PostgreSQL and the line itself."""

IN_COPY = """
    select o.owner from pg_stat_progress_copy p join apistatus.kafka_offsets o on o.owner_backend = p.pid
    where p.relid = 'apistatus.results'::regclass and p.tuples_processed >= %s limit 1"""


def in_copy(run: Run, network: Network) -> Command:
    """The consumer that is in the middle of a COPY into the results now; the connection is slow."""
    network.freeze()
    number = run.measured.notes.get("backlogs", 0) + 1
    run.note(backlogs=number)
    topic.send(run.servers, run.topic, bulk(run.now_us(), _BACKLOG, f"backlog-{number}"))
    network.pass_through(bytes_per_s=_SLOW_BYTES_PER_S)
    # After some rows, or after none: both are halves of a batch.
    rows = run.random.choice([0, 1, 1, 100])
    owners: list[str] = []

    def found() -> bool:
        owners[:] = [str(owner) for (owner,) in run.query(IN_COPY, rows)]
        return bool(owners)

    wait_until(found, f"a COPY under way with at least {rows} rows", _ROWS_WITHIN_S)
    run.note(copies_with_rows=run.measured.notes.get("copies_with_rows", 0) + (rows > 0))
    pid = int(owners[0].split(":")[-2])
    return next(one for one in run.running("consume") if one.process.pid == pid)


@case(
    1,
    "consumer killed inside COPY",
    "half a batch is none, and another member goes on",
    runs=MANY,
    quick=True,
)
def killed_inside_copy(run: Run) -> None:
    network = run.put_network_between()
    run.begin(checks=160, consumers=2)
    for _ in range(3):
        victim = in_copy(run, network)
        victim.kill()
        network.throttle(None)
        run.recovered(_TAKE_OVER_S + _NOISE_S)
        run.consume().wait_until_ready()
        run.pause(0.2, 1.5)


@case(
    2, "consumer frozen beyond the session timeout", "a thawed member is fenced once and takes nothing back",
    runs=MANY, quick=True,
)  # fmt: skip
def frozen_and_thawed(run: Run) -> None:
    network = run.put_network_between()
    run.begin(checks=120, consumers=2)
    if run.seed % 2 == 0:
        run.measured.variant = "in COPY"
        frozen = in_copy(run, network)
    else:
        run.measured.variant = "anywhere"
        frozen = run.random.choice(run.running("consume"))
        run.pause(0.0, 1.0)
    frozen.process.send_signal(signal.SIGSTOP)
    network.throttle(None)
    run.recovered(_TAKE_OVER_S + _LOCK_WAIT_S + _NOISE_S)
    run.pause(SESSION_TIMEOUT_S, 3 * SESSION_TIMEOUT_S)
    frozen.process.send_signal(signal.SIGCONT)
    run.recovered(_TAKE_OVER_S + _NOISE_S)
    run.pause(3.0)
    fenced = {one.log.name: one.said.count("batch.fenced") for one in run.running("consume")}
    run.note(fenced=fenced)
    # Who was held up for a whole session itself, and thrown out of the group, is fenced rightly.
    stayed = {one.log.name for one in run.running("consume") if "partitions.lost" not in one.said}
    others = sum(fenced[name] for name in stayed - {frozen.log.name})
    if others:
        run.find(f"the healthy member was fenced {others} times")
    if fenced[frozen.log.name] > 1:
        run.find(f"the thawed member was fenced {fenced[frozen.log.name]} times")


@case(22, "rolling restart of three consumers", "a rollout under load stops nobody and loses nothing")
def rolling_restart(run: Run) -> None:
    protocol = "classic" if run.seed % 2 == 0 else "consumer"
    run.measured.variant = protocol
    run.consume_env["KAFKA_GROUP_PROTOCOL"] = protocol
    run.begin(checks=160, consumers=3)
    for member in run.running("consume"):
        run.stop(member)
        run.recovered(2 * _TAKE_OVER_S + _NOISE_S)
        run.consume().wait_until_ready()
        run.recovered(2 * _TAKE_OVER_S + _NOISE_S)
        run.pause(0.5, 2.0)
