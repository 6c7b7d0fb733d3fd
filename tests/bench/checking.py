"""`produce` as a process against a fast target on loopback: processor time and memory."""

from __future__ import annotations

import time
from pathlib import Path

from apistatus.bench.cost import cpu_s, peak_memory_mb
from tests.bench.figures import Figure, at_least, at_most
from tests.bench.services import Services
from tests.bench.target import target
from tests.services.command import Command, wait_until

_WINDOW_S = 5.0


def checking(services: Services, *, runs: int) -> list[Figure]:
    """CPU at 200 checks a second, one window a run; then memory with 10,000 checks."""
    with target() as port:
        return [*_cpu_at_200_a_second(services, port, runs), *_memory_of_10_000(services, port)]


def readers(file: Path, port: int, *, count: int, interval: str) -> Path:
    """A reader file of `count` checks of the target, every second one with a JSON path."""
    lines = [f"defaults: {{interval: {interval}, timeout: 450ms, sla_ms: 400}}", "readers:"]
    for number in range(count):
        lines.append(f"  - name: Check {number}")
        lines.append(f"    url: http://127.0.0.1:{port}/things/{number}")
        lines.append("    json_path: $.queue.depth" if number % 2 else '    regex: \'"status": "(\\w+)"\'')
    file.write_text("\n".join(lines) + "\n")
    return file


def _cpu_at_200_a_second(services: Services, port: int, runs: int) -> list[Figure]:
    file = readers(services.folder / "200.yml", port, count=200, interval="1s")
    shares, rates = [], []
    with _produce(services, "produce-200", file) as produce:
        # The first seconds load modules and open connections: not what an hour costs.
        wait_until(lambda: _made(produce) >= 400, "400 results")
        for _ in range(runs):
            began, cpu_before_s, made_before = time.monotonic(), cpu_s(produce.process.pid), _made(produce)
            time.sleep(_WINDOW_S)
            seconds = time.monotonic() - began
            shares.append((cpu_s(produce.process.pid) - cpu_before_s) / seconds * 100)
            rates.append((_made(produce) - made_before) / seconds)
        bad = produce.said if produce.metric("apistatus_results_total", '{status="missed"}') else ""
        code = produce.stop()
    if code or bad:
        raise RuntimeError(f"produce ended with {code}\n{bad or produce.said}")
    return [
        at_least("produce, checks that were up", rates, "1/s"),
        at_most("produce, CPU at 200 checks/s", shares, "% of a core", 60),
    ]


def _memory_of_10_000(services: Services, port: int) -> list[Figure]:
    file = readers(services.folder / "10000.yml", port, count=10_000, interval="60s")
    with _produce(services, "produce-10000", file) as produce:
        # A tenth of a round: every kind of work has been done by then, at its pace of 167 a second.
        wait_until(lambda: _made(produce) >= 1_000, "1,000 results", patience_s=120)
        memory_mb = peak_memory_mb(produce.process.pid)
        code = produce.stop()
    if code:
        raise RuntimeError(f"produce ended with {code}\n{produce.said}")
    return [at_most("produce, peak memory with 10,000 checks", [memory_mb], "MB", 150)]


def _produce(services: Services, name: str, file: Path) -> Command:
    state = {"APISTATUS_STATE_DIR": str(services.folder / f"{name}-state")}
    env = {**services.kafka(f"bench-{name}"), **state}
    return services.running(name, ["produce", "--readers", str(file)], env)


def _made(produce: Command) -> float:
    if produce.process.poll() is not None:
        raise RuntimeError(f"produce ended with {produce.process.returncode}\n{produce.said}")
    return produce.metric("apistatus_results_total", '{status="up"}')
