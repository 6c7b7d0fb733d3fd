"""Checks of targets, with everything that a test does not care about filled in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from apistatus.model.check import Check
from apistatus.model.result import Outcome
from apistatus.probing.names import NameService
from apistatus.probing.prober import HttpProber
from apistatus.probing.resolve import Resolver
from apistatus.probing.tls_engines import EngineChoice
from apistatus.runtime.clock import SystemClock
from tests.targets.server import Behaviour, Target

PATIENT_US = 20_000_000
"""A timeout that a healthy exchange never needs, on whatever machine."""


def check_of(url: str, **changes: object) -> Check:
    """A check of `url`; keywords are fields of Check."""
    check = Check(
        id="target", name="Target", url=url, site=url.rstrip("/"), endpoint="/",
        interval_us=60_000_000, timeout_us=PATIENT_US,
    )  # fmt: skip
    return replace(check, **changes)


@asynccontextmanager
async def probing(
    tls_engine: EngineChoice = "auto", *, names: NameService | None = None
) -> AsyncIterator[HttpProber]:
    """A prober on the real clock, closed at the end."""
    resolver = Resolver(names) if names is not None else None
    prober = HttpProber(SystemClock(), tls_engine=tls_engine, resolver=resolver)
    try:
        yield prober
    finally:
        await prober.aclose()


async def outcome_of(
    check: Check, tls_engine: EngineChoice = "auto", *, names: NameService | None = None
) -> Outcome:
    """The check's outcome, from a prober of its own."""
    async with probing(tls_engine, names=names) as prober:
        return await prober.probe(check)


async def outcome_at(behaviour: Behaviour, **changes: object) -> Outcome:
    """What a check of a target with this behaviour gives."""
    with Target(behaviour) as target:
        return await outcome_of(check_of(target.url, **changes))
