"""`apistatus bench checks`: the parts that run the whole `produce`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from apistatus.bench import programs
from apistatus.bench.checking_figures import of_produce, of_scale
from apistatus.bench.figures import Figure
from apistatus.bench.produced import Load, Produced, ProduceRuns, guarded
from apistatus.demo.processes import Interrupted
from apistatus.runtime.stopping import Stop

_SHARES: Final = {"HTTP": 0.5, "HTTPS": 0.3}
"""Of a core: start lateness has a target up to 60 %, and every round differs a little. A TLS target uses more than
the one who asks it, and has one core as well."""
_MOST: Final = {"HTTP": 1.6, "HTTPS": 1.25}
"""How much more than its prober alone the command may use."""
_INTERVALS: Final = 4
_AT_ONCE: Final = 100
_LEAST_CHECKS: Final = 20
_SCALE_PROCESSES: Final = 2
_SCALE_WARM_UP_S: Final = 5.0
_SCALE_SETTLE_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Targets:
    """Where checks go."""

    plain: Sequence[int]
    tls: Sequence[int]
    ca_file: Path


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the part `scale` keeps."""

    checks: int = 100_000
    interval_s: float = 60.0
    https_share: float = 0.25
    """Part of them that goes over HTTPS, with a full handshake each time."""


class _Round(NamedTuple):
    """One `produce`, and microseconds of CPU per check of its prober alone."""

    produced: Produced
    at_once_us: float
    """A hundred under way all the time."""
    same_rate_us: float
    """As many a second as `produce` made: most come alone, and nothing is warm from the one before."""


class ProduceBench:
    """Runs the command against targets that are up."""

    def __init__(
        self, folder: Path, environ: Mapping[str, str], targets: Targets, stop: Stop, say: Callable[[str], None]
    ) -> None:  # fmt: skip
        self._folder, self._environ, self._targets = folder, environ, targets
        self._stop, self._say = stop, say
        self.kafka = ""
        """What results went to, in words."""

    def cost(self, rounds: int, scale: float) -> Iterator[Figure]:
        """What it uses and when its checks start on a part of a core. Raises as
        `ProduceRuns.run`, CalledProcessError."""
        rounds_of: dict[str, list[_Round]] = {kind: [] for kind in _MOST}
        with guarded(self._folder) as group:
            produce = ProduceRuns(self._folder, self._environ, group, self._stop)
            for turn in range(rounds + 1):
                for kind, past in rounds_of.items():
                    past.append(self._round(produce, kind, past[-1].produced if past else None, scale))
                self._say(f"produce: round {turn} of {rounds}")
            self.kafka = produce.kafka
        for kind, (_, *counted) in rounds_of.items():
            # The first round only shows how many checks it takes.
            own = {
                "at the same rate": [one.same_rate_us for one in counted],
                "with 100 at once": [one.at_once_us for one in counted],
            }
            yield from of_produce(kind, [one.produced for one in counted], own, _MOST[kind])

    def _round(self, produce: ProduceRuns, kind: str, last: Produced | None, scale: float) -> _Round:
        is_https = kind == "HTTPS"
        targets = self._targets
        ports, ca_file = (targets.tls, targets.ca_file) if is_https else (targets.plain, Path("-"))
        count = max(2 * _AT_ONCE, int((1_500 if is_https else 6_000) * scale))
        at_once_us = self._prober_us("cost", "auto", count, _AT_ONCE, ca_file, *ports)
        cost_us = last.cpu_us if last is not None and last.kept_up else at_once_us * _MOST[kind]
        load = self._load(kind, _SHARES[kind] * 1e6 / cost_us, scale)
        produced = produce.run(load)
        rate = load.checks / load.interval_s
        same_rate_us = self._prober_us("paced", rate, load.intervals * load.interval_s, ca_file, *ports)
        return _Round(produced, at_once_us, same_rate_us)

    def scale(self, schedule: Schedule) -> Iterator[Figure]:
        """One interval of a schedule in two processes. Raises as `ProduceRuns.run`."""
        targets = self._targets
        load = Load(
            checks=schedule.checks, interval_s=schedule.interval_s, plain=targets.plain, tls=targets.tls,
            tls_share=schedule.https_share, ca_file=targets.ca_file, warm_up_s=_SCALE_WARM_UP_S,
            settle_s=_SCALE_SETTLE_S, processes=_SCALE_PROCESSES,
        )  # fmt: skip
        with guarded(self._folder) as group:
            produce = ProduceRuns(self._folder, self._environ, group, self._stop)
            found = produce.run(load)
            self.kafka = produce.kafka
        when = (
            f"{schedule.checks:,} checks at {schedule.interval_s:g} s, {100 * schedule.https_share:g} % HTTPS, "
            f"in {_SCALE_PROCESSES} processes"
        )
        yield from of_scale(when, [found])

    def _prober_us(self, *arguments: object) -> float:
        if self._stop.asked:
            raise Interrupted
        return float(json.loads(programs.answer_of(programs.python("clients", *arguments)))["cpu_us"])

    def _load(self, kind: str, rate: float, scale: float) -> Load:
        return Load(
            checks=max(_LEAST_CHECKS, int(rate * min(1.0, scale))), interval_s=1.0, plain=self._targets.plain,
            tls=self._targets.tls, tls_share=float(kind == "HTTPS"), ca_file=self._targets.ca_file,
            intervals=max(1, round(_INTERVALS * scale)), warm_up_s=min(3.0, 3.0 * scale),
        )  # fmt: skip
