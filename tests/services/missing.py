"""Tests that did not run because a service could not be had: said in the last line of the run.

With APISTATUS_REQUIRE_REAL=1 the run fails for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NoReturn

import pytest

_MISSING = pytest.StashKey[dict[str, "_Lack"]]()
_SHOWN = 20
# A skip's text is all that reaches the process which sums up a run of several.
_TEXT = re.compile(
    r"Skipped: (?P<service>.+?) is missing \((?P<why>.*)\); what brings it: (?P<command>.*)", re.DOTALL
)


class _Lack:
    """One service that is not here: who wanted it, why it is not, and what brings it."""

    def __init__(self, why: str, command: str) -> None:
        self.why, self.command = why, command
        self.tests: list[str] = []


def lacks(request: pytest.FixtureRequest, service: str, *, why: str, command: str) -> NoReturn:
    """End the test that asks: `service` is not here; `command` is the one line that brings it."""
    pytest.skip(f"{service} is missing ({why}); what brings it: {command}")


class _Gatherer:
    """Takes the lacks out of the reports of all tests, whichever process ran them."""

    def __init__(self, missing: dict[str, _Lack]) -> None:
        self._missing = missing

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found = _TEXT.fullmatch(str(report.longrepr[2])) if isinstance(report.longrepr, tuple) else None
        if found:
            lack = self._missing.setdefault(found["service"], _Lack(found["why"], found["command"]))
            lack.tests.append(report.nodeid)


def pytest_configure(config: pytest.Config) -> None:
    missing = config.stash[_MISSING] = {}
    config.pluginmanager.register(_Gatherer(missing))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash[_MISSING] and required() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
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
