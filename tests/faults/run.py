"""One run of one case: the line comes up, the fault is played, the line ends, and everything is counted."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException

from tests.faults import audit, topic
from tests.faults.line import LOCATION, PATIENCE_S, Line
from tests.services import command
from tests.services.command import Command, wait_until
from tests.services.kafka_cluster import KafkaCluster


@dataclass(slots=True)
class Allowed:
    """What a case's fault brings about by itself, and is no finding."""

    exit_codes: frozenset[int] = frozenset({0})
    """Of commands that were asked to stop."""
    probes_without_row: int = 0
    """Probes that the target saw and whose result died with the process, or that a second producer made."""
    inconclusive: bool = False
    whole_topic: bool = True
    """False: messages were deleted from the topic on purpose, and rows may be older than it."""
    spans_left_out: bool = False
    """Whether definitions may leave spans out (a clock that leapt by an hour)."""
    growth: bool = False
    """Whether memory may grow: a spool that degraded to memory, for one."""
    disorder: bool = False
    """Whether a check's messages may be out of order on the topic: two producers, a replay."""


@dataclass(slots=True)
class Dated:
    """A result that the suite itself put on the topic, and that must have a row."""

    check: str
    at_us: int


@dataclass(slots=True)
class Measured:
    """What came of a run."""

    findings: list[str] = field(default_factory=list)
    """What is not as promised."""
    spoiled: list[str] = field(default_factory=list)
    """What kept the run from being carried out: a service of the suite, or the suite itself."""
    figures: dict[str, int] = field(default_factory=dict)
    recoveries_s: list[float] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    variant: str = ""


class Run(Line):
    """What a case is handed: start the line, hurt it, say when the fault is over."""

    def __init__(self, cluster: KafkaCluster, folder: Path, seed: int) -> None:
        super().__init__(cluster, folder, seed)
        self.allowed = Allowed()
        self.measured = Measured()
        self.firsts: dict[str, int] = {}
        """First tick of each check, UTC microseconds."""
        self.asked_us = self.ended_us = 0
        """When the last producer was asked to stop, and when it had ended."""
        self.pace = (0, 0, 1.0)
        """The producer's time from a wall clock `now`: the second + (now - the first) * the third."""
        self.lost_on_purpose: set[topic.Key] = set()
        """Rows that the fault itself took away."""
        self.states_of_dropped: set[tuple[str, str]] = set()
        """Checks (and locations) whose state began with such a row."""

    # --- what cases call --------------------------------------------------------------------------

    def begin(self, *, checks: int = 80, consumers: int = 1, producers: int = 1) -> None:
        """The line runs: every check has a definition and a row."""
        self.write_checks(checks)
        self.migrate()
        started = [self.consume() for _ in range(consumers)] + [self.produce() for _ in range(producers)]
        for one in started:
            one.wait_until_ready()
        if producers:
            self.wait_for_first_rows()

    def wait_for_first_rows(self) -> None:
        """Every check has a row; its first tick is known from now on."""
        wait_until(
            lambda: self.number(_CHECKS_WITH_ROWS, LOCATION) >= len(self.checks),
            "a row of each check",
            PATIENCE_S,
        )
        for check, from_us in self.query(_FIRST_TICKS, LOCATION):
            assert isinstance(check, str)
            assert isinstance(from_us, int)
            self.firsts[check] = audit.tick_at_or_after(from_us, check, self.interval_us)

    @property
    def interval_us(self) -> int:
        return int(self.interval_s * 1e6)

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def producers_us(self) -> int:
        """The time that the producer goes by."""
        since_us, at_us, pace = self.pace
        return at_us + int((self.now_us() - since_us) * pace)

    def due(self, until_us: int) -> int:
        """How many ticks were due up to then."""
        return sum(
            (until_us - first) // self.interval_us + 1 for first in self.firsts.values() if first <= until_us
        )

    def stored(self, until_us: int) -> int:
        """How many of them have a row."""
        return self.number(_ROWS_UNTIL, LOCATION, until_us)

    def recovered(self, limit_s: float | None = None, *, patience_s: float = PATIENCE_S) -> float:
        """The fault is over now: wait until every tick that was due by now has its row; the seconds it took.

        More than `limit_s` is a finding.
        """
        at_us, since = self.now_us(), time.monotonic()
        due = self.due(at_us)

        def all_stored() -> bool:
            return self.answers() and self.stored(at_us) >= due

        try:
            wait_until(all_stored, "every due tick stored", patience_s)
        except AssertionError:
            missing = due - self.stored(at_us) if self.answers() else due
            self.note(evidence=self._evidence())
            raise AssertionError(
                f"{missing} of {due} due ticks without a row after {patience_s:g} s"
            ) from None
        took_s = time.monotonic() - since
        self.measured.recoveries_s.append(round(took_s, 2))
        if limit_s is not None and took_s > limit_s:
            self.find(f"recovery took {took_s:.1f} s, more than {limit_s:g} s")
        return took_s

    def _evidence(self) -> dict[str, Any]:
        """How everything stands while it does not go on."""
        held: dict[str, Any] = {
            f"{one.log.name} {path}": one.probe(path)
            for one in self.running("consume")
            for path in ("/ready", "/live")
        }
        if self.answers():
            held["offsets"] = self.offsets()
            held["sessions"] = self.query(
                "select pid, state, wait_event, xact_start::text, left(query, 80) from pg_stat_activity"
                " where datname = 'results' and pid <> pg_backend_pid()"
            )
        try:
            held["topic"] = topic.ends(self.servers, self.topic)
        except KafkaException as error:
            held["topic"] = str(error)
        return held

    def find(self, text: str) -> None:
        """Something is not as promised."""
        self.measured.findings.append(text)

    def note(self, **facts: Any) -> None:
        self.measured.notes.update(facts)

    def stop_producers(self) -> None:
        """SIGTERM to each producer that runs; every one has to end well."""
        for one in self.running("produce"):
            self.asked_us = self.producers_us()
            self.stop(one)
            self.ended_us = self.producers_us()

    def stop(self, one: Command) -> None:
        try:
            code = one.stop(patience_s=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.find(f"{one.args[0]} did not end within {PATIENCE_S:g} s of SIGTERM: {one.said[-600:]}")
            one.kill()
            return
        if code not in self.allowed.exit_codes:
            self.find(f"{one.args[0]} ended with {code}: {one.said[-600:]}")

    # --- the end ----------------------------------------------------------------------------------

    def finish(self) -> None:
        """Stop the line in order and hold everything against everything."""
        self.stop_producers()
        self.wait_until_drained()
        for one in self.running("consume"):
            self.stop(one)
        found = audit.audit(self, topic.read(self.servers, self.topic))
        self.measured.findings += found.findings
        self.measured.figures = found.figures
        self.measured.findings += self._logs()
        if not self.allowed.growth:
            self.measured.findings += self.watch.findings()
        self._ask_the_program()
        self.note(processes=self.watch.figures())

    def _ask_the_program(self) -> None:
        """`apistatus audit` has to come to the same: it may find nothing that it cannot explain.

        A tick counts there a minute after it was due, so of a short run it sees the beginning.
        """
        damaged = self.states_of_dropped or not self.allowed.whole_topic
        if not self.asked_us or damaged or self.pace != (0, 0, 1.0):
            return
        until = datetime.fromtimestamp(self.asked_us / 1e6, UTC).isoformat()
        answer = command.run("audit", "--to", until, env=self.environ(), timeout_s=PATIENCE_S)
        self.note(audit_exit_code=answer.returncode)
        if answer.returncode not in (0, 75):
            self.find(
                f"`apistatus audit` ends with {answer.returncode}: {answer.stdout[-1500:]}{answer.stderr[-500:]}"
            )

    def wait_until_drained_up_to_now(self) -> None:
        """Until PostgreSQL has at least the offsets that the topic has now."""
        _, highs = topic.ends(self.servers, self.topic)

        def drained() -> bool:
            held = self.offsets()
            return all(held.get(partition, 0) >= high for partition, high in highs.items())

        wait_until(drained, f"offsets {highs} in PostgreSQL", PATIENCE_S)

    def wait_until_drained(self) -> None:
        """Until PostgreSQL holds every offset of the topic."""
        _, highs = topic.ends(self.servers, self.topic)
        wanted = {partition: high for partition, high in highs.items() if high}

        def drained() -> bool:
            if not self.running("consume"):
                raise AssertionError(f"no consumer runs any more: {self.commands[-1].said[-1500:]}")
            return self.offsets().items() >= wanted.items()

        wait_until(drained, f"offsets {wanted} in PostgreSQL", PATIENCE_S)

    def offsets(self) -> dict[int, int]:
        """By partition: the offset that PostgreSQL holds."""
        rows = self.query(
            "select partition, next_offset from apistatus.kafka_offsets where next_offset is not null"
            " and topic = %s",
            self.topic,
        )
        return dict(rows)

    def _logs(self) -> list[str]:
        found = []
        for one in self.commands:
            said = one.said
            for word in ("Traceback", "SystemError", "Exception ignored", "Fatal Python error"):
                if word in said:
                    at = said.index(word)
                    found.append(f"{one.log.name} says {word}: {said[at : at + 1500]}")
        return found


_CHECKS_WITH_ROWS = """
    select count(*)::int from apistatus.check_state s join apistatus.locations l on l.id = s.location_id
    where l.name = %s"""
_FIRST_TICKS = """
    select c.check_id, (extract(epoch from min(v.from_at)) * 1000000)::bigint
    from apistatus.check_versions v join apistatus.checks c on c.id = v.check_id
    join apistatus.locations l on l.id = v.location_id
    where v.announced and l.name = %s group by 1"""
_ROWS_UNTIL = """
    select count(*)::int from apistatus.results r join apistatus.locations l on l.id = r.location_id
    where l.name = %s and r.scheduled_at <= to_timestamp(0) + %s * interval '1 microsecond'"""
