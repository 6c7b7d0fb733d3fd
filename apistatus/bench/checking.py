"""`apistatus bench checks`: what a check costs and how true its times are, in one interleaved run."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from apistatus.bench import programs, sample
from apistatus.bench.figures import Figure, figure, quantile, ratio
from apistatus.demo.certificates import issue

_AT_ONCE: Final = 100
_SERVED_MS: Final = 20
_HOLD_MS: Final = 60_000
_ORIGINS: Final = 1_000
_PORTS: Final = 16
"""Ports of a target: with one, connections that linger after their end would soon leave none to connect from."""
_SHARES: Final = (0.10, 0.50, 0.80, 0.95)
_BURST: Final = 500


@dataclass
class Options:
    """How much is measured. `scale` 1 takes some three minutes on two idle cores."""

    runs: int = 5
    scale: float = 1.0
    say: Callable[[str], None] = field(default=lambda _: None)


class CheckBench:
    """Starts the targets it needs, on loopback, and measures every client in a process of its own."""

    def __init__(self, folder: Path, options: Options) -> None:
        self._folder = folder
        self._options = options
        self._files = issue(folder, "127.0.0.1")
        self._target = programs.compiled("target", folder)
        self._floor = programs.compiled("floor", folder)
        self._tls_floor = programs.compiled("floor", folder, tls=True)

    def run(self) -> list[Figure]:
        """All figures. Raises CalledProcessError when a client fails."""
        costs = self._costs()
        figures = [*_cost_figures(costs), *self._errors(costs), *self._memory()]
        missing = [
            name for name, program in (("target", self._target), ("floor", self._floor)) if program is None
        ]
        if missing:
            self._options.say(f"no C compiler: {' and '.join(missing)} in C left out")
        return figures

    def _start(self, stack: ExitStack, *, delay_ms: int = 0, ports: int = 1, tls: bool = False) -> list[int]:
        arguments = [str(delay_ms), str(ports), sample.BODY]
        if tls:
            files = (self._files.certificate, self._files.key)
            command = programs.python("python_target", *arguments, *files)
        elif self._target is not None:
            command = [str(self._target), *arguments]
        else:
            command = programs.python("python_target", *arguments)
        return stack.enter_context(programs.target(command, ports))

    # --- cost --------------------------------------------------------------------------------------

    def _costs(self) -> dict[str, list[float]]:
        """Microseconds of CPU per check, by candidate, one for each run."""
        costs: dict[str, list[float]] = {}
        with ExitStack() as stack:
            plain = self._start(stack, ports=_PORTS)
            tls = self._start(stack, ports=_PORTS, tls=True)
            many = self._start(stack, ports=_ORIGINS) if self._target is not None else []
            candidates = dict(self._candidates(plain, tls, many))
            for run in range(self._options.runs + 1):
                names = list(candidates)
                random.shuffle(names)
                for name in names:
                    cost = candidates[name]()
                    # The first run warms caches up and is not counted.
                    if run:
                        costs.setdefault(name, []).append(cost)
                self._options.say(f"cost: run {run} of {self._options.runs}")
        return costs

    def _candidates(
        self, plain: list[int], tls: list[int], many: list[int]
    ) -> Iterator[tuple[str, Callable[[], float]]]:
        authority = str(self._files.authority)
        if self._floor is not None:
            yield "floor http", self._floor_cost(self._floor, 20_000, "plain", plain)
        if self._tls_floor is not None:
            yield "floor https", self._floor_cost(self._tls_floor, 1_000, "tls", tls)
        yield "http", self._cost("auto", 6_000, "-", *plain)
        yield "http kept", self._cost("auto-kept", 8_000, "-", *plain)
        yield "https rustls", self._cost("rustls", 1_500, authority, *tls)
        yield "https openssl", self._cost("openssl", 1_000, authority, *tls)
        yield "https kept", self._cost("auto-kept", 8_000, authority, *tls)
        yield "httpx http", self._cost("httpx", 1_500, "-", *plain)
        yield "httpx https", self._cost("httpx", 700, authority, *tls)
        if many:
            yield "http kept, 10 origins", self._cost("auto-kept", 8_000, "-", *many[:10])
            yield "http kept, 1000 origins", self._cost("auto-kept", 8_000, "-", *many)

    def _cost(self, name: str, count: int, ca_file: str, *ports: int) -> Callable[[], float]:
        command = programs.python("clients", "cost", name, self._scaled(count), _AT_ONCE, ca_file, *ports)
        return lambda: float(_json_of(command)["cpu_us"])

    def _floor_cost(self, program: Path, count: int, kind: str, ports: list[int]) -> Callable[[], float]:
        command = [str(program), str(self._scaled(count)), str(_AT_ONCE), kind, str(self._files.authority)]
        command += map(str, ports)
        return lambda: float(programs.answer_of(command))

    def _scaled(self, count: int) -> int:
        return max(_AT_ONCE * 2, int(count * self._options.scale))

    # --- truth and memory --------------------------------------------------------------------------

    def _errors(self, costs: dict[str, list[float]]) -> Iterator[Figure]:
        seconds = 4 * self._options.scale
        with ExitStack() as stack:
            ports = self._start(stack, delay_ms=_SERVED_MS, ports=_PORTS)
            # A check that is waited for costs more than one of a hundred in a row: how much, each step tells the
            # next, and one before them all tells the first.
            cost_us = 2 * min(costs["http"])
            for share in (0.3, *_SHARES):
                rate = share * 1e6 / cost_us
                runs = [self._error(rate, seconds, 1, ports) for _ in range(self._options.runs)]
                cost_us = quantile([run["cpu_us"] for run in runs], 0.5)
                if share == 0.3:
                    continue
                used = 100 * quantile([run["cpu_share"] for run in runs], 0.5)
                yield from _error_figures(f"at {100 * share:.0f} % of a core (was {used:.0f} %)", runs, share)
                self._options.say(f"error: {share:.0%} of a core")
            runs = [self._error(_BURST, 1, _BURST, ports) for _ in range(self._options.runs)]
            yield from _error_figures(f"with {_BURST} started at once", runs, None)

    def _error(self, rate: float, seconds: float, at_once: int, ports: list[int]) -> dict[str, Any]:
        return _json_of(programs.python("clients", "error", rate, seconds, at_once, *ports))

    def _memory(self) -> Iterator[Figure]:
        for tls, counts, most in ((False, (1_000, 5_000), 6.0), (True, (1_000,), 50.0)):
            with ExitStack() as stack:
                port = self._start(stack, delay_ms=_HOLD_MS, tls=tls)[0]
                ca_file = str(self._files.authority) if tls else "-"
                for count in counts:
                    held = int(count * min(1.0, self._options.scale))
                    used = _json_of(programs.python("clients", "memory", held, ca_file, port))["kilobytes"]
                    kind = "HTTPS" if tls else "HTTP"
                    yield figure(f"memory per check in flight, {held} {kind}", [used], "kB", most)


def _json_of(command: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(programs.answer_of(command))
    return found


def _cost_figures(costs: dict[str, list[float]]) -> Iterator[Figure]:
    for name, values in costs.items():
        yield figure(f"CPU per check, {name}", values, "us")
    comparisons: tuple[tuple[str, str, float | None], ...] = (
        ("http", "floor http", 2.8),
        ("http", "httpx http", 0.20),
        ("https rustls", "floor https", 0.70),
        ("https openssl", "floor https", None),
        ("https rustls", "httpx https", 0.35),
        ("http kept", "http", 0.6),
        ("https kept", "http", 0.6),
        ("http kept, 1000 origins", "http kept, 10 origins", 1.3),
    )
    for name, to, target in comparisons:
        if name in costs and to in costs:
            yield ratio(f"{name} / {to}", costs[name], costs[to], target)
    yield figure("checks a second at 60 % of a core, HTTP", [0.6e6 / cost for cost in costs["http"]], "/s")
    yield figure(
        "checks a second at 60 % of a core, HTTPS", [0.6e6 / cost for cost in costs["https rustls"]], "/s"
    )


def _error_figures(when: str, runs: list[dict[str, Any]], share: float | None) -> Iterator[Figure]:
    def over(kind: str, part: float) -> list[float]:
        return [quantile(run[kind], part) for run in runs]

    yield figure(f"first byte, error p50 {when}", over("first", 0.5), "ms", 0.15)
    yield figure(f"first byte, error p99 {when}", over("first", 0.99), "ms", 1.0)
    yield figure(f"first byte, error max {when}", over("first", 1.0), "ms")
    yield figure(f"total, error p99 {when}", over("total", 0.99), "ms")
    if share is not None:
        yield figure(f"start lateness p99 {when}", over("late", 0.99), "ms", 2.0 if share <= 0.6 else None)
