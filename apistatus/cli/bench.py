"""`apistatus bench`: what we cost, for those who work on it or weigh it; not in the main help."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from apistatus.bench.figures import Figure

_RUNS = click.option(
    "--runs", type=click.IntRange(1, 50), default=5, show_default=True, envvar="APISTATUS_BENCH_RUNS",
    show_envvar=True, help="Rounds, in which all candidates take turns.",
)  # fmt: skip
_OUTPUT = click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True,
    envvar="APISTATUS_BENCH_OUTPUT", show_envvar=True, help="Form of the answer.",
)  # fmt: skip


@click.group("bench", hidden=True)
def command() -> None:
    """Our own cost, as ratios to floors and peers in one run."""


@command.command("checks")
@_RUNS
@click.option("--scale", type=click.FloatRange(0.01, 100), default=1.0, show_default=True,
              envvar="APISTATUS_BENCH_SCALE", show_envvar=True,
              help="How much each of them does; 1 is about a second.")  # fmt: skip
@click.option("--part", "parts", type=click.Choice(["cost", "error", "memory", "produce", "scale"]), multiple=True,
              default=["cost", "error", "memory", "produce"], show_default=True, envvar="APISTATUS_BENCH_PARTS",
              show_envvar=True, help="What is measured; may be given several times.")  # fmt: skip
@click.option("--scheduled", type=click.IntRange(min=2), default=100_000, show_default=True,
              envvar="APISTATUS_BENCH_SCHEDULED", show_envvar=True,
              help="Part `scale`: checks that `produce` makes in two processes.")  # fmt: skip
@click.option("--scheduled-interval", type=click.FloatRange(0.5, 3600), default=60.0, show_default=True,
              envvar="APISTATUS_BENCH_SCHEDULED_INTERVAL", show_envvar=True,
              help="Part `scale`: seconds between two ticks of a check; so long it is measured.")  # fmt: skip
@click.option("--scheduled-https", type=click.FloatRange(0, 1), default=0.25, show_default=True,
              envvar="APISTATUS_BENCH_SCHEDULED_HTTPS", show_envvar=True,
              help="Part `scale`: the share of checks over HTTPS, a full handshake each.")  # fmt: skip
@_OUTPUT
def checks(runs: int, scale: float, parts: tuple[str, ...], output: str, **scheduled: Any) -> int:
    """What a check costs and how true its times are. Starts its own targets, on loopback.

    Needs two processors, and a C compiler for the floor in C. Measures blackbox_exporter as well when it is on
    the search path. The parts `produce` and `scale` need Linux and use the Kafka that KAFKA_BOOTSTRAP_SERVERS (and
    the other KAFKA_* variables) name, with topics of their own that are deleted afterwards; without it, a broker
    in memory. Exit code 1: a target was missed.
    """
    from apistatus.bench.checking import CheckBench, Options
    from apistatus.bench.checking_produce import Schedule
    from apistatus.bench.figures import machine
    from apistatus.demo.processes import Interrupted
    from apistatus.runtime.stopping import Stop, signals

    described = machine()
    stop = Stop()
    schedule = Schedule(scheduled["scheduled"], scheduled["scheduled_interval"], scheduled["scheduled_https"])
    options = Options(runs, scale, lambda text: click.echo(text, err=True), parts, schedule)
    with tempfile.TemporaryDirectory(prefix="apistatus-bench-") as folder, signals(stop):
        bench = CheckBench(Path(folder), options, os.environ, stop)
        try:
            figures = bench.run()
        except Interrupted:
            return 128 + (stop.signal_number or 0)
    return _tell(figures, {**described, **bench.described}, output)


@command.command("storage")
@_RUNS
@click.option("--drain-rows", type=click.IntRange(min=20_000), default=600_000, show_default=True,
              envvar="APISTATUS_BENCH_DRAIN_ROWS", show_envvar=True,
              help="Rows that each way of storing writes; at most 40,000 on the in-memory broker.")  # fmt: skip
@click.option("--rows", type=click.IntRange(min=1), default=1_000_000, show_default=True,
              envvar="APISTATUS_BENCH_ROWS", show_envvar=True,
              help="Rows that queries are asked of, 180,000 at least: 1,000 checks, once a minute.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(1, 3600), default=20.0, show_default=True,
              envvar="APISTATUS_BENCH_SECONDS", show_envvar=True,
              help="How long results come at 100 a second.")  # fmt: skip
@_OUTPUT
def storage(runs: int, drain_rows: int, rows: int, seconds: float, output: str) -> int:
    """What it costs to store results and to ask for them, beside psql's \\copy of the same rows.

    Starts its own PostgreSQL. Uses the Kafka that KAFKA_BOOTSTRAP_SERVERS (and the other KAFKA_* variables)
    name, with topics of its own that are deleted afterwards; without it, a broker in memory. Linux only.
    Exit code 1: a target was missed.
    """
    from apistatus.bench.figures import machine
    from apistatus.bench.storage import Options, StorageBench
    from apistatus.demo.processes import Interrupted
    from apistatus.runtime.stopping import Stop, signals

    described = machine()
    stop = Stop()
    with tempfile.TemporaryDirectory(prefix="apistatus-bench-") as folder, signals(stop):
        options = Options(runs, drain_rows, rows, seconds, say=lambda text: click.echo(text, err=True))
        bench = StorageBench(Path(folder), os.environ, options)
        try:
            figures = bench.run(stop)
        except Interrupted:
            return 128 + (stop.signal_number or 0)
    return _tell(figures, {**described, **bench.described}, output)


def _tell(figures: Sequence[Figure], described: Mapping[str, Any], output: str) -> int:
    """Write them; the exit code."""
    from apistatus.bench.figures import document, table

    if output == "json":
        click.echo(json.dumps(document(figures, dict(described)), indent=2))
    else:
        click.echo(table(figures, dict(described)))
    return int(any(one.met is False for one in figures))
