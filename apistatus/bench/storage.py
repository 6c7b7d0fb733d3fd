"""`apistatus bench storage`: what it costs to store results and to ask for them, in one interleaved run."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from apistatus.bench import storage_sample
from apistatus.bench.figures import Figure, at_least, figure, quantile
from apistatus.bench.storage_drain import RATE, Drained, drain, see
from apistatus.bench.storage_history import QUERIES, History
from apistatus.bench.storage_roads import BATCH, Roads, Written
from apistatus.bench.storage_services import Database, Services, services
from apistatus.bench.storage_topic import fill, read, topic_of_its_own
from apistatus.consume.options import GARBAGE_AFTER
from apistatus.runtime.event_loop import rarely_collecting
from apistatus.runtime.stopping import Stop
from apistatus.settings.schema import KafkaSettings

IN_MEMORY_ROWS: Final = 40_000
"""The in-memory broker drops the oldest beyond 5 MiB a partition, of which it has four."""
_MANY_ROWS: Final = 20_000
_SINGLE_ROWS: Final = 4_000
_ASKED: Final = 4
"""So often each query is asked for every run."""
_OLD_DAYS_AT_MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured. The defaults take some three minutes on two idle cores."""

    runs: int = 5
    drain_rows: int = 600_000
    rows: int = 1_000_000
    """That queries are asked of, the newest of 90 days of rollups."""
    seconds: float = 20.0
    """How long results come at 100 a second."""
    say: Callable[[str], None] = field(default=lambda _: None)


@dataclass(slots=True)
class _Runs:
    """What each way gave, one entry a run."""

    roads: dict[str, list[Written]] = field(default_factory=dict)
    drains: list[Drained] = field(default_factory=list)
    bytes_a_row: list[float] = field(default_factory=list)


class StorageBench:
    """Starts a PostgreSQL of its own; uses the Kafka that the environment names, or one in memory."""

    def __init__(self, folder: Path, environ: Mapping[str, str], options: Options) -> None:
        self._folder, self._environ, self._options = folder, environ, options
        self.described: dict[str, Any] = {}
        """What it was measured on, once `run` is over."""

    def run(self, stop: Stop) -> list[Figure]:
        """All figures. Raises ConfigurationError, KafkaUnavailable, ServerFailed, NotMeasured; Interrupted, with
        everything put away, once a stop was asked for."""
        with services(self._folder, self._environ, stop) as running:
            drained = (
                self._options.drain_rows if running.real else min(self._options.drain_rows, IN_MEMORY_ROWS)
            )
            self.described = {**running.described, "rows_stored": drained}
            figures = [*self._writing(running, drained), *self._seeing(running)]
            with running.fresh("bench_history") as database:
                figures += self._asking(running, database)
        return figures

    # --- the road in -------------------------------------------------------------------------------

    def _writing(self, running: Services, rows: int) -> list[Figure]:
        runs, say = _Runs(), self._options.say
        with (
            topic_of_its_own(running.kafka, real=running.real) as topic,
            running.fresh("bench_roads") as database,
        ):
            fill(topic, storage_sample.results(rows), running.go_on)
            roads = Roads(database, read(topic, rows, running.go_on), self._folder, running.go_on)
            ways: dict[str, Callable[[], Written]] = {
                "copy": roads.copy, "write": roads.write, "store": roads.store, "stage": roads.stage,
                "many": lambda: roads.execute_many(min(rows, _MANY_ROWS)),
                "single": lambda: roads.single_rows(min(rows, _SINGLE_ROWS)),
            }  # fmt: skip
            for run in range(self._options.runs):
                for name in random.sample([*ways, "drain"], len(ways) + 1):
                    running.go_on()
                    if name == "drain":
                        with running.fresh(f"bench_drain_{run}") as own:
                            _drain(running, own, topic, rows, runs)
                        continue
                    with rarely_collecting(GARBAGE_AFTER):
                        runs.roads.setdefault(name, []).append(ways[name]())
                say(f"writing: run {run + 1} of {self._options.runs}")
            self.described["floor"] = roads.floor
        return list(_writing_figures(runs, rows))

    # --- how soon ----------------------------------------------------------------------------------

    def _seeing(self, running: Services) -> Iterator[Figure]:
        options = self._options
        with topic_of_its_own(running.kafka, real=running.real) as topic, running.fresh("bench_seen") as own:
            seen = see(running, own, topic, options.seconds)
        size = max(1, len(seen.waits_ms) // options.runs)
        parts = [seen.waits_ms[begin : begin + size] for begin in range(0, size * options.runs, size)]
        for name, share, target in (("p50", 0.5, None), ("p99", 0.99, 100.0)):
            waits = [quantile(part, share) for part in parts if part]
            yield figure(f"produced to visible at {RATE}/s, {name}", waits, "ms", target)
        yield figure(f"transactions at {RATE}/s", [seen.transactions_per_s], "/s", 20.0)
        options.say("seeing: done")

    # --- what is stored ----------------------------------------------------------------------------

    def _asking(self, running: Services, database: Database) -> Iterator[Figure]:
        options = self._options
        history = History(running, database, options.rows, options.say)
        rows = history.fill()
        of = f"of {rows:,} rows"
        self.described["rows_asked_of"] = rows
        yield figure(f"rollups, by row, {of}", history.add_up(), "us", 1.0)
        options.say("history: added up")
        for name, times_ms in history.ask(options.runs * _ASKED).items():
            yield figure(f"{name}, {of}", times_ms, "ms", QUERIES[name][1])
        yield figure(
            "report of a month, 1,000 checks", [history.report() for _ in range(options.runs)], "s", 2.0
        )
        days = min(options.runs, _OLD_DAYS_AT_MOST)
        day_rows = history.add_old_days(days)
        of = f"of {day_rows:,} rows"
        yield figure(f"bytes by row, one day {of}, hot", history.bytes_a_row(packed=False), "B", 136.0)
        yield figure(f"bytes by row, one day {of}, closed", history.bytes_a_row(packed=True), "B", 124.0)
        dropped = history.drop_days(days)
        options.say("history: days dropped")
        yield figure(f"retention of one day, {of}", [one.all_ms for one in dropped], "ms", 100.0)
        yield figure(
            f"retention of one day, {of}, while results are locked", [one.locked_ms for one in dropped], "ms"
        )


def _drain(running: Services, database: Database, topic: KafkaSettings, rows: int, runs: _Runs) -> None:
    runs.drains.append(drain(running, database, topic, rows))
    with closing(database.connect()) as connection:
        [(size,)] = connection.execute(
            "select sum(pg_total_relation_size(inhrelid)) from pg_inherits where inhparent = "
            "'apistatus.results'::regclass and pg_relation_size(inhrelid) > 0"
        ).fetchall()
        runs.bytes_a_row.append(float(size) / rows)


def _writing_figures(runs: _Runs, rows: int) -> Iterator[Figure]:
    rates = {name: [1e6 / one.us for one in written] for name, written in runs.roads.items()}
    rates["drain"] = [one.rows_per_s for one in runs.drains]
    floor = rates.pop("copy")
    names: dict[str, tuple[str, float | None]] = {
        "write": (f"write stage, batches of {BATCH:,}", 0.9),
        "store": ("the same with state, dirty hours, fence", None),
        "stage": ("the same with a duplicate in every batch", 0.45),
        "drain": ("drain by consume, everything on", 0.4),
        "many": ("executemany, ON CONFLICT, in a pipeline", None),
        "single": ("one INSERT a row, prepared", None),
    }
    for name, (said, target) in names.items():
        ratios = [rate / of for rate, of in zip(rates[name], floor, strict=True)]
        yield at_least(f"{said} / \\copy", ratios, "x", target)
    yield at_least("\\copy of the same rows as text", floor, "rows/s")
    for name, (said, _) in names.items():
        yield at_least(said, rates[name], "rows/s")
    for name in ("write", "store", "stage", "many", "single"):
        written = runs.roads[name]
        yield figure(f"{names[name][0]}: CPU by row, client", [one.client_us for one in written], "us")
        yield figure(f"{names[name][0]}: CPU by row, backend", [one.backend_us for one in written], "us")
    drained = names["drain"][0]
    yield figure(f"{drained}: CPU by row, client", [one.client_us for one in runs.drains], "us", 4.0)
    yield figure(f"{drained}: CPU by row, backend", [one.backend_us for one in runs.drains], "us", 4.0)
    yield figure("memory while draining, peak", [one.memory_mb for one in runs.drains], "MB", 150.0)
    yield figure(f"bytes by row, {rows:,} rows of a backlog", runs.bytes_a_row, "B")
