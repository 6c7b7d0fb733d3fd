"""`apistatus bench checks`: what a check costs and how true its times are, in one interleaved run."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from apistatus.bench import blackbox, programs, sample
from apistatus.bench.checking_figures import of_costs, of_errors
from apistatus.bench.checking_produce import ProduceBench, Schedule, Targets
from apistatus.bench.figures import Figure, figure, quantile
from apistatus.bench.produced import require
from apistatus.demo.certificates import issue
from apistatus.demo.processes import Interrupted
from apistatus.runtime.stopping import Stop

PARTS: Final = ("cost", "error", "memory", "produce", "scale")
"""What can be measured; the last one is left out unless it is asked for."""

_AT_ONCE: Final = 100
_SERVED_MS: Final = 20
_HOLD_MS: Final = 60_000
_ORIGINS: Final = 1_000
_PORTS: Final = 16
"""Ports of a target: with one, connections that linger after their end would soon leave none to connect from."""
_SHARES: Final = (0.10, 0.50, 0.80, 0.95)
_BURST: Final = 500
_COST_US: Final = 200.0
"""Taken for a check's cost where the part that measures it is left out."""
_MEMORY: Final = (("HTTP", 6.0), ("HTTPS", 50.0))
_HELD: Final = (1_000, 5_000)


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured. All of it, `scale` the part aside, takes some nine minutes on two idle cores."""

    runs: int = 5
    scale: float = 1.0
    say: Callable[[str], None] = field(default=lambda _: None)
    parts: Sequence[str] = PARTS[:-1]
    schedule: Schedule = field(default_factory=Schedule)


class CheckBench:
    """Starts the targets it needs, on loopback, and measures every client in a process of its own."""

    def __init__(
        self, folder: Path, options: Options, environ: Mapping[str, str] | None = None, stop: Stop | None = None
    ) -> None:  # fmt: skip
        """`environ` names Kafka, or does not."""
        self._folder = folder
        self._options = options
        self._environ = environ or {}
        self._stop = stop or Stop()
        self._files = issue(folder, "127.0.0.1")
        self._target = programs.compiled("target", folder)
        self._floor = programs.compiled("floor", folder)
        self._tls_floor = programs.compiled("floor", folder, tls=True)
        self.described: dict[str, str] = {}
        """What it was measured on, once `run` is over."""

    def run(self) -> list[Figure]:
        """All figures. Raises CalledProcessError when a client fails, NotMeasured, Interrupted,
        ConfigurationError, KafkaUnavailable."""
        parts = self._options.parts
        if {"produce", "scale"} & set(parts):
            require(self._folder, self._environ)
        floors = {
            "target in C": self._target,
            "floor in C": self._floor,
            "floor in C with TLS": self._tls_floor,
        }
        missing = [name for name, program in floors.items() if program is None]
        if missing:
            self._tell("left out", f"{', '.join(missing)} (no C compiler, or no OpenSSL for it)")
        try:
            costs = self._costs() if "cost" in parts else {}
            figures = list(of_costs(costs)) if costs else []
            if "error" in parts:
                figures += self._errors(min(costs.get("http", (_COST_US,))))
            if "memory" in parts:
                figures += self._memory()
            if {"produce", "scale"} & set(parts):
                figures += self._produce()
        except subprocess.CalledProcessError:
            if self._stop.asked:  # the signal ended the client as well
                raise Interrupted from None
            raise
        return figures

    def _tell(self, what: str, text: str) -> None:
        said = self.described.get(what)
        self.described[what] = f"{said}; {text}" if said else text
        self._options.say(f"{what}: {text}")

    def _answer(self, command: Sequence[str]) -> str:
        if self._stop.asked:
            raise Interrupted
        return programs.answer_of(command)

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
            candidates = {**dict(self._candidates(plain, tls, many)), **self._peers(plain, tls)}
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
        in_python = programs.python("python_floor")
        if self._floor is not None:
            yield "floor http", self._floor_cost([str(self._floor)], 20_000, "plain", plain)
        if self._tls_floor is not None:
            yield "floor https", self._floor_cost([str(self._tls_floor)], 1_000, "tls", tls)
        yield "floor http in Python", self._floor_cost(in_python, 10_000, "plain", plain)
        yield "floor https in Python", self._floor_cost(in_python, 1_000, "tls", tls)
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
        return lambda: float(self._json_of(command)["cpu_us"])

    def _floor_cost(
        self, program: list[str], count: int, kind: str, ports: list[int]
    ) -> Callable[[], float]:  # fmt: skip
        command = [*program, str(self._scaled(count)), str(_AT_ONCE), kind, str(self._files.authority)]
        command += map(str, ports)
        return lambda: float(self._answer(command))

    def _peers(self, plain: list[int], tls: list[int]) -> dict[str, Callable[[], float]]:
        peer = blackbox.installed(self._folder, str(self._files.authority))
        if peer is None:
            self._tell("blackbox_exporter", "not found on the search path")
            return {}
        self._tell("blackbox_exporter", f"{peer.version}, with {peer.condition}")
        return {
            "blackbox http": lambda: peer.probe_us("http", plain, self._scaled(2_000), _AT_ONCE),
            "blackbox https": lambda: peer.probe_us("https", tls, self._scaled(1_000), _AT_ONCE),
        }

    def _scaled(self, count: int) -> int:
        return max(_AT_ONCE * 2, int(count * self._options.scale))

    # --- truth and memory --------------------------------------------------------------------------

    def _errors(self, cost_us: float) -> Iterator[Figure]:
        seconds = 4 * self._options.scale
        with ExitStack() as stack:
            ports = self._start(stack, delay_ms=_SERVED_MS, ports=_PORTS)
            # A check that is waited for costs more than one of a hundred in a row: how much, each step tells the
            # next, and one before them all tells the first.
            cost_us *= 2
            for share in (0.3, *_SHARES):
                rate = share * 1e6 / cost_us
                runs = [self._error(rate, seconds, 1, ports) for _ in range(self._options.runs)]
                cost_us = quantile([run["cpu_us"] for run in runs], 0.5)
                if share == 0.3:
                    continue
                used = 100 * quantile([run["cpu_share"] for run in runs], 0.5)
                yield from of_errors(f"at {100 * share:.0f} % of a core (was {used:.0f} %)", runs)
                self._options.say(f"error: {share:.0%} of a core")
            runs = [self._error(_BURST, 1, _BURST, ports) for _ in range(self._options.runs)]
            yield from of_errors(f"with {_BURST} started at once", runs)

    def _error(self, rate: float, seconds: float, at_once: int, ports: list[int]) -> dict[str, Any]:
        return self._json_of(programs.python("clients", "error", rate, seconds, at_once, *ports))

    def _memory(self) -> Iterator[Figure]:
        most_held = programs.most_files() - 100
        for kind, most in _MEMORY:
            with ExitStack() as stack:
                is_tls = kind == "HTTPS"
                [port] = self._start(stack, delay_ms=_HOLD_MS, tls=is_tls)
                ca_file = str(self._files.authority) if is_tls else "-"
                for count in _HELD:
                    if count > most_held:
                        self._tell(
                            "left out", f"{count} {kind} held open (no more than {most_held} files may be)"
                        )
                        continue
                    held = int(count * min(1.0, self._options.scale))
                    command = programs.python("clients", "memory", held, ca_file, port)
                    used = [self._json_of(command)["kilobytes"] for _ in range(self._options.runs)]
                    yield figure(f"memory per check in flight, {held} {kind}", used, "kB", most)
                self._options.say(f"memory: {kind}")

    # --- the whole command -------------------------------------------------------------------------

    def _produce(self) -> Iterator[Figure]:
        options = self._options
        with ExitStack() as stack:
            plain = self._start(stack, ports=_PORTS)
            tls = self._start(stack, ports=_PORTS, tls=True)
            targets = Targets(plain, tls, self._files.authority)
            bench = ProduceBench(self._folder, self._environ, targets, self._stop, options.say)
            if "produce" in options.parts:
                yield from bench.cost(options.runs, options.scale)
            if "scale" in options.parts:
                yield from bench.scale(options.schedule)
            self._tell("kafka", bench.kafka)

    def _json_of(self, command: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._answer(command))
        return found
