"""`apistatus produce` in several processes: one supervisor, which holds the state directory and shows one page."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from apistatus.errors import ApistatusError, ConfigurationError, Problem
from apistatus.wiring import serving
from apistatus.wiring.loading import Flags

if TYPE_CHECKING:
    from apistatus.runtime.child import Child
    from apistatus.runtime.state_dir import StateDir
    from apistatus.settings.schema import Settings

_LOOK_S: Final = 0.25
_LATER_THAN_GRACE_S: Final = 5.0
"""A process keeps the grace itself; past this it is killed."""
_REFUSED: Final = ConfigurationError.exit_code


class RefusedProcess(ApistatusError):
    """A process met what needs a person; it has said what in the log."""

    exit_code = _REFUSED


def take_over(state: StateDir, location: str, processes: int, grace_s: float) -> None:
    """Wait until the processes of a run that lost its supervisor have ended, and divide among ours what they left.

    Call it with the state directory's lock. Raises ConfigurationError.
    """
    from apistatus.produce.shares import all_homes, hand_over
    from apistatus.runtime.state_dir import StateDir

    until_s = time.monotonic() + grace_s + _LATER_THAN_GRACE_S
    for home in all_homes(state.path):
        if home != state.path:
            _wait_until_free(StateDir(home), until_s)
    try:
        hand_over(state, location, processes)
    except OSError as error:
        cause = (error.strerror or type(error).__name__).lower()
        text = (
            f"{state.path}: what an earlier run left cannot be divided among {processes} processes: {cause}"
        )
        raise ConfigurationError([Problem("APISTATUS_STATE_DIR", text)]) from error


def _wait_until_free(home: StateDir, until_s: float) -> None:
    while True:
        try:
            with home.locked():
                return
        except ConfigurationError:
            if time.monotonic() >= until_s:
                raise
        time.sleep(_LOOK_S)


def run(settings: Settings, state: StateDir, flags: Flags) -> int:
    """Keep the processes running until a signal; the exit code. Raises RefusedProcess."""
    return _Supervisor(settings, state, flags).run()


class _Supervisor:
    def __init__(self, settings: Settings, state: StateDir, flags: Flags) -> None:
        from apistatus.runtime.child import Child
        from apistatus.runtime.logs import Events
        from apistatus.runtime.metrics_sum import MetricsSum
        from apistatus.runtime.stopping import Stop

        self._settings, self._log, self._stop = settings, Events("processes"), Stop()
        self._to_reload: set[Child] = set()
        producer, of = state.producer_id(), settings.probe.processes
        self._children = [
            Child(
                f"process {number}", "apistatus.wiring.share",
                {"number": number, "of": of, "flags": dict(flags), "producer": producer}, ended=self._ended,
            )
            for number in range(of)
        ]  # fmt: skip
        self._metrics = MetricsSum(self._pages)
        self._metrics.processes.set_function(lambda: sum(child.runs for child in self._children))

    def run(self) -> int:
        from apistatus import __version__
        from apistatus.runtime.stopping import signals

        settings = self._settings
        parts = {child.name: lambda child=child: _not_ready(child) for child in self._children}
        with (
            serving.served(settings.service, self._metrics, parts=parts, live=self._not_live),
            signals(self._stop, self._reload),
        ):
            self._log.always("processes.started", version=__version__, processes=len(self._children))
            try:
                while not self._stop.wait(_LOOK_S):
                    self._look_after()
            finally:
                codes = self._end_all()
            self._log.always("processes.stopped", exit_codes=codes)
            if _REFUSED in codes:
                raise RefusedProcess("a process was refused; the line `process.refused` above says why")
            return serving.exit_code(self._stop, abandoned=any(codes))
        raise AssertionError("unreachable: no context above swallows exceptions")

    def _look_after(self) -> None:
        for child in self._children:
            child.look_after()
            # What is refused at a start anew (the reader file is being mended, say) does not end those that run.
            if not child.runs and child.exit_code == _REFUSED and not child.did_not_come_back:
                self._stop.ask()
            # Not before it has answered: one that is just starting would be ended by the signal.
            if child in self._to_reload and child.answer:
                self._to_reload.discard(child)
                child.send(signal.SIGHUP)

    def _reload(self) -> None:
        self._to_reload = set(self._children)

    def _end_all(self) -> list[int]:
        for child in self._children:
            child.ask_to_end()
        until_s = time.monotonic() + self._settings.service.grace_s + _LATER_THAN_GRACE_S
        ended = [child.end(until_s) for child in self._children]
        return [code for code in ended if code is not None]

    def _ended(self, answer: Mapping[str, Any]) -> None:
        if not self._stop.asked:
            self._metrics.restarts.inc()
        if answer:
            self._metrics.ended(answer["metrics"])

    def _pages(self) -> Sequence[str]:
        return [child.answer["metrics"] for child in self._children if child.answer]

    def _not_live(self) -> str | None:
        for child in self._children:
            if reason := child.answer.get("not_live"):
                return f"{child.name}: {reason}"
        return None


def _not_ready(child: Child) -> str | None:
    if not child.runs:
        return "it has ended, and is started again in a moment"
    if not child.answer:
        return "it is starting"
    reasons = child.answer["not_ready"]
    return "; ".join(f"{part}: {reason}" for part, reason in reasons.items()) or None
