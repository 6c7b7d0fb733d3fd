"""`apistatus migrate`, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from apistatus.wiring.loading import Environ, Flags, settings_for

Mode = Literal["apply", "status", "dry-run", "verify"]


def run(environ: Environ, flags: Flags, mode: Mode, within_s: float) -> tuple[Sequence[str], int]:
    """Lines for people and the exit code; waits `within_s` seconds for PostgreSQL at the most.

    Raises ConfigurationError, PostgresUnavailable, AccessRefused, IncompatibleSchema.
    """
    from apistatus.postgres.migrations import Migrator
    from apistatus.runtime.logs import Events
    from apistatus.runtime.retrying import until_it_answers
    from apistatus.runtime.stopping import Stop, signals

    migrator = Migrator(settings_for(environ, flags, "migrate").settings.migrate)

    def work() -> tuple[Sequence[str], int]:
        if mode == "verify":
            lines, fits = migrator.verify()
            return lines, 0 if fits else 1
        steps = {"apply": migrator.apply, "status": migrator.status, "dry-run": migrator.dry_run}
        return steps[mode](), 0

    stop = Stop()
    with signals(stop):
        return until_it_answers(work, what="postgres", log=Events("migrate"), stop=stop, timeout_s=within_s)
