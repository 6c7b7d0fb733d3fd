"""`apistatus maintain`, and the same beside a long-running command."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from apistatus.wiring.loading import Environ, Flags, settings_for

if TYPE_CHECKING:
    from apistatus.settings.schema import PostgresSettings, StorageSettings

_PERIOD_S: Final = 60.0
_WAIT_AT_END_S: Final = 5.0


def once(environ: Environ, flags: Flags, within_s: float) -> list[str]:
    """Do what there is to do; lines for people. Waits `within_s` seconds for PostgreSQL at the most.

    Raises ConfigurationError, PostgresUnavailable, AccessRefused, IncompatibleSchema.
    """
    from apistatus.postgres.maintenance import Maintenance
    from apistatus.runtime.logs import Events
    from apistatus.runtime.retrying import until_it_answers
    from apistatus.runtime.stopping import Stop, signals

    settings = settings_for(environ, flags, "postgres").settings
    maintenance = Maintenance(settings.app, settings.storage.retention_days)
    stop = Stop()
    try:
        with signals(stop):
            done = until_it_answers(
                lambda: maintenance.step(lambda: stop.asked), what="maintenance", log=Events("maintain"),
                stop=stop, timeout_s=within_s,
            )  # fmt: skip
    finally:
        maintenance.close()
    return done.lines


@contextmanager
def beside(app: PostgresSettings, storage: StorageSettings) -> Iterator[None]:
    """The maintenance once a minute, in a thread with a connection of its own, until the end of the block.

    Whatever fails there is logged, once a minute for each cause, and tried again: it never ends the command.
    """
    over = threading.Event()
    thread = threading.Thread(
        target=_keep_on, args=(app, storage.retention_days, over), name="maintenance", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        # A step ends between two transactions; what is still open then is rolled back with the process.
        thread.join(_WAIT_AT_END_S)


def _keep_on(app: PostgresSettings, keep_days: int, over: threading.Event) -> None:
    from apistatus.errors import ApistatusError
    from apistatus.postgres.maintenance import Maintenance
    from apistatus.runtime.logs import Events, OncePerMinute

    log, once_a_minute = Events("maintain"), OncePerMinute()

    def pause(seconds: float) -> None:
        over.wait(seconds)

    maintenance = Maintenance(app, keep_days, pause=pause)
    while not over.is_set():
        try:
            done = maintenance.step(over.is_set)
        except ApistatusError as error:
            if once_a_minute.admits(str(error)) is not None:
                log.warning("maintenance.failed", cause=str(error))
        except Exception as error:  # noqa: BLE001 - a defect here must not end what the process is there for
            if once_a_minute.admits(repr(error)) is not None:
                log.error("maintenance.broken", cause=repr(error))
            maintenance.close()
        else:
            if not done.elsewhere:
                log.info(
                    "maintenance.done", partitions=done.partitions, hours=done.hours, days=done.days,
                    dropped=len(done.dropped), postponed=done.postponed,
                )  # fmt: skip
        over.wait(_PERIOD_S)
    maintenance.close()
