"""Plays one case once: services up, fault, end, audit; what came of it as a record."""

from __future__ import annotations

import shutil
import tempfile
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from confluent_kafka import KafkaException

from tests.faults import topic
from tests.faults.case import Case
from tests.faults.line import start_brokers
from tests.faults.run import Run
from tests.services import kafka_docker, kafka_jars
from tests.services.kafka_cluster import KafkaCluster
from tests.services.kafka_jars import NoKafka


class Stage:
    """Three brokers of Apache Kafka for any number of runs. Raises NoKafka."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="apistatus-faults-", ignore_cleanup_errors=True)
        self.cluster: KafkaCluster

    def __enter__(self) -> Self:
        folder = Path(self._folder.name)
        try:
            command = kafka_jars.java_command()
        except NoKafka:
            if not kafka_docker.is_here():
                self._folder.cleanup()
                raise
            command = kafka_docker.command(folder)
        self.cluster = KafkaCluster(command, folder / "kafka")
        try:
            start_brokers(self.cluster)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.cluster.stop()
        self._folder.cleanup()


def play(case: Case, stage: Stage, seed: int, *, keep: Path | None = None) -> dict[str, Any]:
    """One run; logs of a broken one are copied to `keep`."""
    began = time.monotonic()
    record: dict[str, Any] = {
        "case": case.number, "title": case.title, "seed": seed,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    lacks = case.missing()
    if lacks is not None:
        return {**record, "outcome": "missing", "lacks": lacks}
    with tempfile.TemporaryDirectory(prefix="apistatus-fault-", ignore_cleanup_errors=True) as folder:
        # PostgreSQL may run as another user and has to reach its folder below.
        Path(folder).chmod(0o755)
        run = Run(stage.cluster, Path(folder), seed)
        try:
            _play(case, run)
        finally:
            run.close()
            _delete_topics(stage, run.topic)
        if (run.measured.findings or run.measured.spoiled) and keep is not None:
            _keep_logs(Path(folder), keep / f"case-{case.number}-seed-{seed}", run)
    measured = run.measured
    outcome = "broken" if measured.findings else "spoiled" if measured.spoiled else "held"
    return {
        **record, "outcome": outcome, "spoiled": measured.spoiled, "variant": measured.variant,
        "findings": measured.findings, "figures": measured.figures, "recoveries_s": measured.recoveries_s,
        "seconds": round(time.monotonic() - began, 1), "notes": measured.notes,
    }  # fmt: skip


def _play(case: Case, run: Run) -> None:
    """The fault, and the audit in any case: it says what a fault that went wrong has cost."""
    for part in (_brokers, case.play, Run.finish):
        try:
            part(run)
        except AssertionError as error:
            run.find(str(error))
        except Exception as error:  # noqa: BLE001  (the next run has to come)
            run.measured.spoiled.append("".join(traceback.format_exception(error)))


def _brokers(run: Run) -> None:
    start_brokers(run.cluster)


def _delete_topics(stage: Stage, name: str) -> None:
    with suppress(KafkaException):  # brokers that are down hold nothing that has to go
        client = topic.admin(stage.cluster.bootstrap_servers)
        there = [one for one in client.list_topics(timeout=10).topics if one.startswith(name)]
        for future in client.delete_topics(there).values() if there else ():
            future.result(30)


def _keep_logs(folder: Path, keep: Path, run: Run) -> None:
    shutil.rmtree(keep, ignore_errors=True)
    keep.mkdir(parents=True)
    for log in folder.glob("*.log"):
        shutil.copy(log, keep)
    (keep / "findings.txt").write_text(
        "\n\n".join(run.measured.findings + run.measured.spoiled) + f"\n\n{run.measured.notes}\n"
    )
