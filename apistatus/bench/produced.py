"""`produce` as a process, on a schedule that fills a part of a core: what it uses, and when its checks start."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apistatus.bench import cost
from apistatus.bench.kafka_used import kafka_used
from apistatus.bench.produced_results import Results, Seen
from apistatus.bench.programs import CLIENT_CPU, TARGET_CPU
from apistatus.bench.storage_topic import NotMeasured, topic_of_its_own
from apistatus.demo.guard import MARKER, Guard
from apistatus.demo.processes import Child, ChildEnded, Interrupted, apistatus, bare
from apistatus.errors import ConfigurationError, Problem
from apistatus.runtime.stopping import Stop

_STARTS_WITHIN_S: Final = 180.0
_STOPS_WITHIN_S: Final = 60.0
_TIMEOUT_SHARE: Final = 0.9
"""Of the interval: more than any answer takes, so that only those who are too late are timed out."""
_LOST_SHARE: Final = 0.01
_LONGEST_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Load:
    """Checks of a target on loopback, all with the same interval and the condition of `sample`."""

    checks: int
    interval_s: float
    plain: Sequence[int] = ()
    """Ports for HTTP."""
    tls: Sequence[int] = ()
    """Ports for HTTPS."""
    tls_share: float = 0.0
    ca_file: Path = Path()
    intervals: int = 1
    """So many of them are measured."""
    warm_up_s: float = 3.0
    settle_s: float = 1.0
    """Time for those that were late to start all the same, before the stop."""
    processes: int = 1

    def write(self, file: Path) -> None:
        """As a reader file."""
        timeout_s = min(_LONGEST_TIMEOUT_S, self.interval_s * _TIMEOUT_SHARE)
        defaults = [f"interval: {self.interval_s * 1000:.0f}ms", f"timeout: {timeout_s * 1000:.0f}ms"]
        if self.tls_share:
            defaults.append(f"tls: {{ca_file: {self.ca_file}}}")
        lines = [f"defaults: {{{', '.join(defaults)}}}", "readers:", *map(self._line, range(self.checks))]
        file.write_text("\n".join(lines) + "\n")

    def _line(self, number: int) -> str:
        is_tls = int((number + 1) * self.tls_share) > int(number * self.tls_share)
        scheme, ports = ("https", self.tls) if is_tls else ("http", self.plain)
        return (
            f"  - {{name: Check {number}, url: '{scheme}://127.0.0.1:{ports[number % len(ports)]}/', "
            "json_path: $.time, expect: {json: [{path: $.queue.depth, less_than: 100}]}}"
        )


@dataclass(frozen=True, slots=True)
class Produced:
    """What a run gave, over the ticks of the intervals that were measured."""

    seen: Seen
    cpu_us: float
    """Processor time for one check that was made, of all its processes."""
    cpu_share: float
    """Of one core."""
    waited_share: float
    """Part of the time in which a process that could run had to wait for a core, whoever had it."""
    memory_mb: float

    @property
    def kept_up(self) -> bool:
        """Whether next to every check was made and up: else machine or target could not take so many."""
        seen = self.seen
        return seen.missed + seen.not_up <= seen.ticks * _LOST_SHARE


def require(folder: Path, environ: Mapping[str, str]) -> None:
    """Refuse at once what would end a run later. Raises ConfigurationError, KafkaUnavailable, AccessRefused."""
    if not cost.is_known():
        text = "`produce` is measured by what /proc tells of it: it needs Linux"
        raise ConfigurationError([Problem("", text)])
    with kafka_used(folder, environ) as used:
        if used.real:
            with topic_of_its_own(used.settings, real=True):
                pass


@contextmanager
def guarded(folder: Path) -> Iterator[int]:
    """Processes that join this group end with us, however we end."""
    with Guard(terminal=False) as guard:
        (folder / MARKER).touch()
        guard.watch(folder)
        yield guard.group


def apart(cpus: Collection[int], processes: int) -> tuple[frozenset[int], frozenset[int]]:
    """Processors of a `produce`, and of all that is there to measure it.

    One process gets one of its own, as every other client here: what it waits for is not the target then, which
    on its own machine would not take this one's time. Several, or where there is one only, share all of them.
    """
    if processes > 1 or len(cpus) <= max(CLIENT_CPU, TARGET_CPU):
        return frozenset(cpus), frozenset(cpus)
    own = frozenset([sorted(cpus)[CLIENT_CPU]])
    return own, frozenset(cpus) - own


@contextmanager
def kept_to(cpus: Collection[int]) -> Iterator[None]:
    """Threads and processes that this thread starts in the block stay on these processors, and so does it meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class ProduceRuns:
    """Runs of the command, each with a topic and a state of its own."""

    def __init__(self, folder: Path, environ: Mapping[str, str], group: int, stop: Stop) -> None:
        """`environ` names Kafka, or does not; `group`: see `guarded`."""
        self._folder, self._environ, self._group, self._stop = folder, environ, group, stop
        self._number = 0
        self.kafka = ""
        """What results went to, in words."""

    def run(self, load: Load) -> Produced:
        """Raises NotMeasured, Interrupted, KafkaUnavailable, ConfigurationError."""
        self._number += 1
        folder = self._folder / f"produce-{self._number}"
        folder.mkdir()
        load.write(folder / "readers.yml")
        own, others = apart(os.sched_getaffinity(0), load.processes)
        with ExitStack() as stack:
            stack.enter_context(kept_to(others))
            used = stack.enter_context(kafka_used(folder, self._environ))
            # A broker in memory is new, and has its topic.
            topic = (
                stack.enter_context(topic_of_its_own(used.settings, real=True))
                if used.real
                else used.settings
            )
            results = stack.enter_context(Results(topic))
            self.kafka = used.described
            environ = {
                **bare(self._environ), **used.environ, "KAFKA_STATUS_TOPIC": topic.topic,
                "APISTATUS_STATE_DIR": str(folder / "state"), "APISTATUS_LOG_FORMAT": "json",
                "APISTATUS_PROCESSES": str(load.processes),
            }  # fmt: skip
            command = apistatus("produce", "--readers", str(folder / "readers.yml"))
            with kept_to(own):
                produce = Child("produce", command, environ, group=self._group)
            stack.callback(produce.stop, _STOPS_WITHIN_S)
            return self._measure(produce, load, results)

    def _measure(self, produce: Child, load: Load, results: Results) -> Produced:
        self._wait_for_first(produce, results)
        self._wait(produce, load.warm_up_s)
        before, from_us = _Used(produce.pid), time.time_ns() // 1000
        seconds = load.intervals * load.interval_s
        self._wait(produce, seconds)
        used = _Used(produce.pid)
        self._wait(produce, load.settle_s)
        memory_mb = sum(cost.peak_memory_mb(pid) for pid in used.pids)
        code = produce.stop(_STOPS_WITHIN_S)
        if code:
            said = "\n  ".join(produce.last_words())
            raise NotMeasured(f"produce ended with exit code {code}:\n  {said}")
        cpu_s, elapsed_s = used.cpu_s - before.cpu_s, used.mono_s - before.mono_s
        ticks = load.checks * load.intervals
        seen = results.between(from_us, from_us + round(seconds * 1e6), ticks)
        return Produced(
            seen=seen, cpu_us=cpu_s * 1e6 / max(1, len(seen.late_ms)), cpu_share=cpu_s / elapsed_s,
            waited_share=(used.waited_s - before.waited_s) / elapsed_s / len(used.pids), memory_mb=memory_mb,
        )  # fmt: skip

    def _wait_for_first(self, produce: Child, results: Results) -> None:
        until = time.monotonic() + _STARTS_WITHIN_S
        while not results.has_any():
            if time.monotonic() > until:
                raise NotMeasured(f"produce had no result within {_STARTS_WITHIN_S:g} s")
            self._wait(produce, 0.1)

    def _wait(self, produce: Child, seconds: float) -> None:
        """Raises Interrupted, NotMeasured."""
        if self._stop.wait(seconds):
            raise Interrupted
        if produce.exit_code is not None:
            raise NotMeasured(str(ChildEnded(produce)))


class _Used:
    """What a command and the processes that it started have used so far."""

    def __init__(self, pid: int) -> None:
        self.mono_s = time.monotonic()
        children = cost.children(pid)
        self.pids = [pid, *children]
        self.cpu_s = sum(map(cost.cpu_s, self.pids))
        # The supervisor of several processes has nothing to be late for.
        self.waited_s = sum(map(cost.waited_s, children or [pid]))
