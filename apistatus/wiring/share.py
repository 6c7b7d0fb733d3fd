"""One of the processes of `apistatus produce`; `wiring.processes` starts it as `python -m apistatus.wiring.share`."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from apistatus.errors import ApistatusError
from apistatus.wiring.loading import reader_file, settings_for
from apistatus.wiring.produce import NEEDS, Producer
from apistatus.wiring.serving import Part

if TYPE_CHECKING:
    from apistatus.produce.shares import Share
    from apistatus.runtime.metrics import Metrics
    from apistatus.settings.checks import ReaderFile
    from apistatus.settings.schema import ServiceSettings, Settings

INTERNAL_ERROR: Final = 1


def main() -> int:
    """Make the checks of the share that the first line of standard input orders; the exit code."""
    from apistatus.runtime.logs import Events
    from apistatus.runtime.stopping import hold_hangup

    hold_hangup()
    order = json.loads(sys.stdin.readline())
    try:
        return _run(order)
    except ApistatusError as error:
        Events("produce").error("process.refused", cause=str(error))
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last fence, as the command's own: nobody meets a stack trace by accident
        Events("produce").error("process.internal_error", cause=f"{type(error).__name__}: {error}")
        return INTERNAL_ERROR


def _run(order: Mapping[str, Any]) -> int:
    from apistatus.produce.shares import Share, other_homes
    from apistatus.runtime import logs
    from apistatus.runtime.state_dir import StateDir

    share = Share(order["number"], order["of"])
    of_all = settings_for(os.environ, order["flags"], *NEEDS, is_told=True).settings
    logs.set_up(of_all.log.level, of_all.log.format, process=share.number)
    settings = _own(of_all, share)

    def load() -> ReaderFile:
        reader = reader_file(settings.reader, os.environ)
        return replace(reader, checks=share.part(reader.checks))

    reader = load()
    state = StateDir(settings.probe.state_dir)
    # What other numbers of processes have left goes to one of us.
    abandoned = other_homes(of_all.probe.state_dir, share.of) if share.number == 0 else []
    supervised = _Supervised()
    with state.locked():
        producer = Producer(
            settings, load, state, producer=order["producer"], abandoned=abandoned, serve=supervised.serve
        )
        supervised.producer = producer
        return producer.run(reader)


def _own(of_all: Settings, share: Share) -> Settings:
    """A process's part of what is set for all of them together."""
    probe = of_all.probe
    return replace(
        of_all,
        probe=replace(
            probe, state_dir=share.home(probe.state_dir), max_in_flight=share.limit(probe.max_in_flight),
            max_per_host=share.limit(probe.max_per_host), spool_max_bytes=share.limit(probe.spool_max_bytes),
        ),
        service=replace(of_all.service, listen=None),
    )  # fmt: skip


class _Supervised:
    """Tells the supervisor how we are, and ends with it."""

    producer: Producer

    @contextmanager
    def serve(
        self, _service: ServiceSettings, metrics: Metrics, *, parts: Mapping[str, Part], live: Part
    ) -> Iterator[None]:
        """`serving.Serve` for one that has no page of its own."""
        from apistatus.runtime import child
        from apistatus.runtime.health import Health

        health = Health(parts, live)
        child.serve(
            lambda: {
                "metrics": metrics.exposition().decode(), "not_ready": health.not_ready(),
                "not_live": health.not_live(),
            },
            stop=self._stop, orphaned=self._orphaned,
        )  # fmt: skip
        yield

    def _stop(self) -> None:
        stop = self.producer.stop
        stop.signal_number = signal.SIGTERM
        stop.ask()

    def _orphaned(self) -> None:
        """The supervisor is gone: an orderly end, or one at once when we were in one, as after a second signal."""
        if self.producer.stop.asked:
            os._exit(128 + signal.SIGTERM)
        self._stop()


if __name__ == "__main__":
    sys.exit(main())
