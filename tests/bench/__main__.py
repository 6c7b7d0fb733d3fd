"""`python -m tests.bench`: all figures of this machine, as a table or as JSON."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

from tests.bench.checking import checking
from tests.bench.drain import drain
from tests.bench.evaluating import evaluating
from tests.bench.figures import Figure, as_json, as_table
from tests.bench.services import services
from tests.bench.starting import starting
from tests.services.kafka_jars import NoKafka

PARTS = ("starting", "evaluating", "checking", "drain")


def main() -> int:
    """Exit code 0 also when a target is missed: the machine may be the reason, and the table says it."""
    given = _arguments()
    parts = given.only or PARTS
    with tempfile.TemporaryDirectory(prefix="apistatus-bench-") as name:
        try:
            figures = _measured(Path(name), parts, given.rows, given.runs)
        except NoKafka as error:
            print(f"Apache Kafka is needed for these figures: {error}", file=sys.stderr)
            return 75
        except RuntimeError as error:
            print(f"nothing was measured: {error}", file=sys.stderr)
            return 1
    print(as_json(figures) if given.output == "json" else as_table(figures))
    return 0


def _measured(folder: Path, parts: Collection[str], rows: int, runs: int) -> list[Figure]:
    figures: list[Figure] = []
    if "starting" in parts:
        figures += _timed("starting", lambda: starting(folder, runs=runs))
    if "evaluating" in parts:
        figures += _timed("evaluating", lambda: evaluating(runs=runs))
    if {"checking", "drain"} & set(parts):
        with services(folder) as running:
            if "checking" in parts:
                figures += _timed("checking", lambda: checking(running, runs=runs))
            if "drain" in parts:
                figures += _timed("drain", lambda: drain(running, rows=rows, runs=runs))
    return figures


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--output", choices=("text", "json"), default="text")
    parser.add_argument("--runs", type=int, default=5, help="interleaved runs of each figure (5)")
    parser.add_argument("--rows", type=int, default=400_000, help="rows of a drain (400,000)")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part; may be repeated")
    return parser.parse_args()


def _timed(part: str, measure: Callable[[], list[Figure]]) -> list[Figure]:
    print(f"{part} ...", file=sys.stderr)
    return measure()


if __name__ == "__main__":
    sys.exit(main())
