"""`apistatus bench`: what we cost, for those who work on it or weigh it; not in the main help."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click


@click.group("bench", hidden=True)
def command() -> None:
    """Our own cost, as ratios to floors and peers in one run."""


@command.command("checks")
@click.option("--runs", type=click.IntRange(1, 50), default=5, show_default=True, envvar="APISTATUS_BENCH_RUNS",
              show_envvar=True, help="Rounds, in which all candidates take turns.")  # fmt: skip
@click.option("--scale", type=click.FloatRange(0.01, 100), default=1.0, show_default=True,
              envvar="APISTATUS_BENCH_SCALE", show_envvar=True,
              help="How much each of them does; 1 is about a second.")  # fmt: skip
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True,
              envvar="APISTATUS_BENCH_OUTPUT", show_envvar=True, help="Form of the answer.")  # fmt: skip
def checks(runs: int, scale: float, output: str) -> int:
    """What a check costs and how true its times are. Starts its own targets, on loopback.

    Needs two processors, and a C compiler for the floor. Exit code 1: a target was missed.
    """
    from apistatus.bench.checking import CheckBench, Options
    from apistatus.bench.figures import document, machine, table

    described = machine()
    with tempfile.TemporaryDirectory() as folder:
        options = Options(runs, scale, say=lambda text: click.echo(text, err=True))
        figures = CheckBench(Path(folder), options).run()
    if output == "json":
        click.echo(json.dumps(document(figures, described), indent=2))
    else:
        click.echo(table(figures, described))
    return int(any(one.met is False for one in figures))
