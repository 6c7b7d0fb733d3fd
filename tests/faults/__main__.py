"""`python -m tests.faults [--runs N] [--case 1,2] [--table]`: play faults, add to the report, print its table."""

from __future__ import annotations

import argparse
import secrets
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.faults import report
from tests.faults.case import Case, load_all
from tests.faults.playing import Stage, play
from tests.services.kafka_jars import NoKafka


def main() -> int:
    """0: every promise held; 1: one did not, or a case could not run."""
    cases = load_all()
    asked = _arguments(cases)
    if asked.table:
        print(report.markdown(report.rows(cases.values(), report.records(asked.report))))
        return 0
    if asked.list:
        for case in cases.values():
            print(f"{case.number:3} {case.title}: {case.promise} ({case.wanted_runs} runs)")
        return 0
    chosen = [cases[number] for number in asked.case]
    with ExitStack() as stack:
        try:
            stage = stack.enter_context(Stage())
        except NoKafka as error:
            for case in chosen:
                report.append(
                    asked.report, {"case": case.number, "outcome": "missing", "lacks": "Apache Kafka"}
                )
            print(f"no case could run: {error}", file=sys.stderr)
            return 1
        seed = asked.seed if asked.seed is not None else secrets.randbelow(10**6)
        outcomes = [_one(case, stage, seed + n, asked.report) for case in chosen for n in range(asked.runs)]
    print(report.text(report.rows(cases.values(), report.records(asked.report))))
    return 0 if all(outcome == "held" for outcome in outcomes) else 1


def _one(case: Case, stage: Stage, seed: int, place: Path) -> str:
    record = play(case, stage, seed, keep=place.parent / "broken")
    report.append(place, record)
    _say(record)
    outcome: str = record["outcome"]
    return outcome


def _say(record: dict[str, Any]) -> None:
    head = f"case {record['case']} seed {record['seed']}"
    if record["outcome"] == "missing":
        print(f"{head}: MISSING {record['lacks']}", flush=True)
        return
    figures = " ".join(f"{name}={value}" for name, value in record["figures"].items())
    variant = f" ({record['variant']})" if record["variant"] else ""
    print(
        f"{head}{variant}: {record['outcome']} in {record['seconds']} s; {figures};"
        f" recovery {record['recoveries_s']}",
        flush=True,
    )
    for finding in record["findings"] + record["spoiled"]:
        print(f"    {finding}", flush=True)


def _arguments(cases: dict[int, Case]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=1, help="runs of each case")
    parser.add_argument("--case", default=",".join(map(str, cases)), help="numbers with commas; default: all")
    parser.add_argument("--seed", type=int, help="of the first run; the next ones count up")
    parser.add_argument("--report", type=Path, default=report.PLACE)
    parser.add_argument("--table", action="store_true", help="print the report so far as Markdown")
    parser.add_argument("--list", action="store_true", help="say what the cases are")
    asked = parser.parse_args()
    try:
        asked.case = [int(number) for number in asked.case.split(",") if number]
        unknown = [number for number in asked.case if number not in cases]
    except ValueError:
        parser.error(f"--case takes numbers with commas between, not {asked.case!r}")
    if unknown:
        parser.error(f"there is no case {unknown[0]}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
