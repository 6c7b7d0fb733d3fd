"""Tests that did not run because a service could not be had: said in the last line of the run.

With APISTATUS_REQUIRE_REAL=1 the run fails for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

_MISSING = pytest.StashKey[dict[str, "_Lack"]]()
_SHOWN = 20


class _Lack:
    """One service that is not here: who wanted it, why it is not, and what brings it."""

    def __init__(self, why: str, command: str) -> None:
        self.why, self.command = why, command
        self.tests: list[str] = []


def lacks(request: pytest.FixtureRequest, service: str, *, why: str, command: str) -> NoReturn:
    """End the test that asks: `service` is not here; `command` is the one line that brings it."""
    found = request.config.stash[_MISSING].setdefault(service, _Lack(why, command))
    found.tests.append(request.node.nodeid)
    pytest.skip(f"{service} is missing: {why}")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_MISSING] = {}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash[_MISSING] and required() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    for line in _lines(config.stash.get(_MISSING, {})):
        if reporter is None:
            print(line)
        else:
            reporter.write_line(line, red=True, bold=True)


def required() -> bool:
    """Whether a missing service fails the run."""
    return os.environ.get("APISTATUS_REQUIRE_REAL", "") not in ("", "0")


def _lines(lacking: dict[str, _Lack]) -> Iterator[str]:
    for service, lack in lacking.items():
        for test in lack.tests[:_SHOWN]:
            yield f"not run: {test}"
        if len(lack.tests) > _SHOWN:
            yield f"not run: ... and {len(lack.tests) - _SHOWN} more"
        verdict = "FAILED" if required() else "INCOMPLETE"
        yield (
            f"{verdict}: {len(lack.tests)} tests did not run for want of {service} ({lack.why}). "
            f"What brings it: {lack.command}"
        )
