"""The drain of `apistatus bench storage` by itself: `consume` as a process, `\\copy` of the same rows beside it."""

from __future__ import annotations

from apistatus.bench import storage_sample
from apistatus.bench.storage_drain import Drained
from apistatus.bench.storage_drain import drain as drain_once
from apistatus.bench.storage_roads import Roads
from apistatus.bench.storage_services import services as storage_services
from apistatus.bench.storage_topic import fill, read, topic_of_its_own
from apistatus.runtime.stopping import Stop
from tests.bench.figures import Figure, at_least, at_most
from tests.bench.services import Services
from tests.services.command import environment


def drain(services: Services, *, rows: int, runs: int) -> list[Figure]:
    """Rows a second of both, interleaved, and their ratio run by run; memory and CPU of `consume`."""
    drained: list[Drained] = []
    copied: list[float] = []
    environ = environment({"KAFKA_BOOTSTRAP_SERVERS": services.bootstrap_servers})
    with (
        storage_services(services.folder, environ, Stop()) as running,
        topic_of_its_own(running.kafka, real=True) as topic,
        running.fresh("bench_roads") as beside,
    ):
        fill(topic, storage_sample.results(rows), running.go_on)
        roads = Roads(beside, read(topic, rows, running.go_on), services.folder, running.go_on)
        for run in range(runs):
            with running.fresh(f"bench_{run}") as database:
                drained.append(drain_once(running, database, topic, rows))
            copied.append(1e6 / roads.copy().us)
    ratios = [ours.rows_per_s / floor for ours, floor in zip(drained, copied, strict=True)]
    return [
        at_least("consume, drain of a filled topic", [one.rows_per_s for one in drained], "rows/s"),
        at_least(f"{roads.floor} of the same rows", copied, "rows/s"),
        at_least("consume as a ratio to \\copy", ratios, "x", 0.4),
        at_most("consume, CPU per row", [one.client_us for one in drained], "us", 4.0),
        at_most("its backend, CPU per row", [one.backend_us for one in drained], "us", 4.0),
        at_most("consume, peak memory while draining", [one.memory_mb for one in drained], "MB", 150.0),
    ]
